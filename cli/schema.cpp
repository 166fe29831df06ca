#include <fmt/format.h>

#include "analyzers/schema/connection.h"
#include "analyzers/schema/snapshot.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/terminal.h"

namespace dbaudit {

int run_schema(const std::string& dsn_text, const std::string& output) {
  const Result<Dsn> dsn = parse_dsn(dsn_text);
  if (!dsn) return job_failed(dsn.error().message);
  const Result<std::unique_ptr<Connection>> connection = connect(*dsn);
  if (!connection) return job_failed(connection.error().message);
  const Result<Catalog> catalog = (*connection)->introspect();
  if (!catalog) return job_failed(catalog.error().message);
  for (const std::string& note : catalog->notes) fmt::print(stderr, "dbaudit: note: {}\n", note);
  if (const Result<void> written = write_whole(output, catalog_to_json(*catalog)); !written) return job_failed(written.error().message);
  return 0;
}

}  // namespace dbaudit
