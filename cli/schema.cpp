#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "analyzers/schema/snapshot.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace dbaudit {
namespace {

/// Whole or not at all: beside the target first, then in its place.
bool write_whole(const std::string& path, const std::string& text) {
  if (path.empty() || path == "-") {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  }
  const std::string beside = path + ".tmp";
  FILE* file = std::fopen(beside.c_str(), "wbe");
  if (file == nullptr) return false;
  bool good = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  good = std::fclose(file) == 0 && good;
  if (good && std::rename(beside.c_str(), path.c_str()) == 0) return true;
  const int why = errno;
  std::remove(beside.c_str());
  errno = why;
  return false;
}

}  // namespace

int run_schema(const std::string& dsn_text, const std::string& output) {
  const Result<Dsn> dsn = parse_dsn(dsn_text);
  if (!dsn) return job_failed(dsn.error().message);
  const Result<std::unique_ptr<Connection>> connection = connect(*dsn);
  if (!connection) return job_failed(connection.error().message);
  const Result<Catalog> catalog = (*connection)->introspect();
  if (!catalog) return job_failed(catalog.error().message);
  for (const std::string& note : catalog->notes) fmt::print(stderr, "dbaudit: note: {}\n", note);
  if (!write_whole(output, catalog_to_json(*catalog))) {
    return job_failed(fmt::format("cannot write {}: {}", output.empty() ? "standard output" : printable(output), std::strerror(errno)));
  }
  return 0;
}

}  // namespace dbaudit
