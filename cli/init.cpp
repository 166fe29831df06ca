// `dbaudit init`: a dbaudit.toml to start from, made of the table of options, so that it names every key there is.

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>

#include "analyzers/base/text.h"
#include "analyzers/schema/connection.h"
#include "cli/config.h"
#include "cli/output_file.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

// A TOML string.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

constexpr std::string_view kTables = R"(
# --- What no log can show ------------------------------------------------------------------------------------------
# One [[table]] per table; `name` with or without its schema. An assumption that the log contradicts is said and not held.

# [[table]]
# name = "public.stock"
# locked_by = "redis lock stock:{id}"  # held from the first read to the COMMIT by every session that changes the table
# single_writer = true                 # one session at a time writes it: a job, a queue with one worker
# random_key = ["token"]               # no two sessions make up the same value
# ignore = true                        # no finding that names the table

# --- What may stay -------------------------------------------------------------------------------------------------
# rule: a code, a prefix (DBA1), a name, or several of them in an array. reason is required; after `expires` it no longer holds.

# [[suppress]]
# rule = "DBA201"
# table = "public.page_view"
# columns = ["count"]
# reason = "a counter for the dashboard: a lost view is no loss"
# expires = 2027-06-30
)";

}  // namespace

std::string config_template(const std::string& dsn) {
  std::string text =
      "# Options of `dbaudit scan`: what stands on the command line wins over this file. Paths are relative to it.\n"
      "# Each key is shown at its default, or with an example where there is none. docs/configuration.md tells more.\n";
  std::string_view group;
  for (const ScanOption& option : scan_options()) {
    if (option.example.empty()) continue;
    if (option.group != group) text += fmt::format("\n# --- {} {}\n\n", option.group, std::string(114 - option.group.size(), '-'));
    group = option.group;
    text += fmt::format("# {}\n", help_of(option));
    text += option.name == "dsn" && !dsn.empty() ? fmt::format("dsn = {}\n", quoted(dsn))
                                                 : fmt::format("# {} = {}\n", option.name, option.example);
  }
  return text.append(kTables);
}

int run_init(const std::string& dsn, bool overwrite) {
  if (!dsn.empty()) {
    const bool is_variable = dsn.starts_with("env:");
    if (!is_variable) {
      const Result<Dsn> parsed = parse_dsn(dsn);
      if (!parsed) return job_failed(parsed.error().message);
      if (parsed->scheme != "sqlite" && parsed->scheme + "://" + parsed->rest != parsed->shown)
        return job_failed("init does not write a password into a file: put the DSN in a variable and give --dsn env:DATABASE_URL");
    }
  }
  const std::string path(kConfigName);
  struct stat there = {};
  if (!overwrite && lstat(path.c_str(), &there) == 0) return job_failed(path + " is there already: --force replaces it");
  if (const Result<void> written = write_whole(path, config_template(dsn)); !written) return job_failed(written.error().message);
  std::puts("dbaudit.toml is written: every option of scan, commented out. Uncomment what is to differ, then run: dbaudit scan");
  return 0;
}

}  // namespace dbaudit
