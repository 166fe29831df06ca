#include "cli/options.h"

#include <string>
#include <vector>

#include "cli/option_values.h"
#include "cli/report/report.h"
#include "cli/terminal.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

using Strings = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

CommandLine parsed(const Strings& arguments) {
  Result<CommandLine> line = parse_command_line(arguments);
  INFO((line ? std::string("parsed") : line.error().message));
  REQUIRE(line);
  return *line;
}

ScanOptions scan(Strings arguments) {
  arguments.insert(arguments.begin(), "scan");
  CommandLine line = parsed(arguments);
  REQUIRE(line.command == Command::kScan);
  return line.scan;
}

std::string refused(const Strings& arguments) {
  Result<CommandLine> line = parse_command_line(arguments);
  return line ? "accepted" : line.error().message;
}

}  // namespace

TEST_CASE("scan without options has the contract's defaults", "[options]") {
  ScanOptions o = scan({"app.log"});
  CHECK(o.logs == Strings{"app.log"});
  CHECK(o.log_format == "auto");
  CHECK(o.reports == Pairs{{"text", "-"}});
  CHECK(o.fail_on == Severity::kWarning);
  CHECK(o.fail_on_confidence == Confidence::kLikely);
  CHECK(o.min_confidence == Confidence::kPossible);
  CHECK(o.isolation == Isolation::kUnknown);
  CHECK_FALSE(o.engine.has_value());
  CHECK_FALSE((o.autocommit_only || o.check_data || o.show_values || o.quiet || o.verbose));
  CHECK(o.color == ColorMode::kAuto);
  CHECK(o.jobs == 1);
}

TEST_CASE("scan reads every option", "[options]") {
  ScanOptions o = scan({"--schema",
                        "a.sql",
                        "--schema=b",
                        "--log",
                        "2",
                        "1",
                        "--log",
                        "3",
                        "-",
                        "--log-format",
                        "mysql-general",
                        "--log-line-prefix",
                        "%m [%p] ",
                        "--engine",
                        "PG",
                        "--isolation",
                        "Read-Committed",
                        "--log-timezone",
                        "+02:30",
                        "--report",
                        "json=o=1.json",
                        "--format",
                        "text",
                        "--select",
                        "DBA1,for-update-outside-transaction",
                        "--ignore",
                        "dba105",
                        "--fail-on",
                        "never",
                        "--fail-on-confidence",
                        "observed",
                        "--min-confidence",
                        "LIKELY",
                        "--show-values",
                        "--quiet",
                        "--color",
                        "always",
                        "-j",
                        "4"});
  CHECK(o.schema_files == Strings{"a.sql", "b"});
  CHECK(o.logs == Strings{"2", "1", "3", "-"});
  CHECK(o.log_format == "mysql-general");
  CHECK(o.log_line_prefix == "%m [%p] ");
  CHECK(o.engine == Engine::kPostgres);
  CHECK(o.isolation == Isolation::kReadCommitted);
  CHECK(o.zone_offset_minutes == 150);
  CHECK(o.reports == Pairs{{"text", "-"}, {"json", "o=1.json"}});
  CHECK(o.select == Strings{"DBA1", "for-update-outside-transaction"});
  CHECK(o.ignore == Strings{"dba105"});
  CHECK_FALSE(o.fail_on.has_value());
  CHECK(o.fail_on_confidence == Confidence::kObserved);
  CHECK(o.min_confidence == Confidence::kLikely);
  CHECK((o.show_values && o.quiet && !o.verbose));
  CHECK(o.color == ColorMode::kAlways);
  CHECK(o.jobs == 4);
}

TEST_CASE("A report goes where it was told, and nowhere twice", "[options]") {
  CHECK(scan({"x", "--format", "json"}).reports == Pairs{{"json", "-"}});
  CHECK(scan({"x", "--output", "r.txt"}).reports == Pairs{{"text", "r.txt"}});
  CHECK(scan({"x", "--report", "json=r.json"}).reports == Pairs{{"json", "r.json"}});
  CHECK(refused({"scan", "x", "--report", "json=-", "--format", "text"}) ==
        "two reports would go to standard output: give one of them a file");
  CHECK(refused({"scan", "x", "--report", "json=a", "--report", "text=a"}) == "two reports would be written to a");
  CHECK(refused({"scan", "x", "--report", "json=a/b", "--report", "sarif=./a//c/../b"}) == "two reports would be written to ./a//c/../b");
  CHECK(scan({"x", "--report", "json=-", "--report", "sarif=./-"}).reports == Pairs{{"json", "-"}, {"sarif", "./-"}});
  CHECK(refused({"scan", "x", "--report", "=a"}) == "--report takes FORMAT=FILE, such as json=report.json, not '=a'");
}

TEST_CASE("Live data is asked for only where it can be", "[options]") {
  ScanOptions o = scan({"--dsn", "shop.db", "--check-data"});
  CHECK(o.logs.empty());
  CHECK((o.check_data && !o.check_data_full));
  CHECK(scan({"--dsn", "shop.db", "--check-data=full", "app.log"}).check_data_full);
  CHECK(scan({"--dsn", "shop.db", "--check-data", "app.log"}).logs == Strings{"app.log"});  // the log is not the flag's value
  CHECK(refused({"scan", "x", "--check-data"}) == "--check-data asks a live database: give --dsn");
  CHECK(refused({"scan", "--dsn", "x", "--check-data=some"}) == "--check-data takes no value or =full, not 'some'");
}

TEST_CASE("What follows -- is never an option", "[options]") {
  CHECK(scan({"--", "--dsn", "x"}).logs == Strings{"--dsn", "x"});
  CHECK(scan({"a", "--", "-b", "--"}).logs == Strings{"a", "-b", "--"});
  CHECK(parsed({"explain", "--", "DBA101"}).rule == "DBA101");
  CHECK(refused({"explain", "a", "--", "b"}) == "explain: unexpected argument 'b' (see dbaudit explain --help)");
}

TEST_CASE("The other commands", "[options]") {
  CHECK(parsed({"rules"}).format == "text");
  CHECK(parsed({"rules", "--format", "JSON"}).format == "json");
  CHECK(parsed({"explain", "DBA101"}).rule == "DBA101");
  CommandLine schema = parsed({"schema", "--dsn", "shop.db", "-o", "s.json"});
  CHECK(schema.dsn == "shop.db");
  CHECK(schema.output == "s.json");
  CommandLine events = parsed({"events", "--log-format", "postgres-stderr", "-"});
  CHECK(events.command == Command::kEvents);
  CHECK(events.log_format == "postgres-stderr");
  CHECK(events.path == "-");
  CommandLine facts = parsed({"facts", "--engine", "sqlite"});
  CHECK(facts.engine == Engine::kSqlite);
  CHECK(facts.format == "sql");
  CHECK(facts.path == "-");
  CHECK(parsed({"demo", "--keep", "d"}).keep_dir == "d");
  CommandLine init = parsed({"init", "--dsn", "env:X", "--force"});
  CHECK(init.command == Command::kInit);
  CHECK((init.dsn == "env:X" && init.overwrite));
  CommandLine diff = parsed({"diff", "a.json", "--fail-on", "never", "--", "-b.json"});
  CHECK(diff.command == Command::kDiff);
  CHECK((diff.diff.old_path == "a.json" && diff.diff.new_path == "-b.json" && diff.diff.format == "text"));
  CHECK_FALSE(diff.diff.fail_on.has_value());
  CHECK(diff.diff.fail_on_confidence == Confidence::kLikely);
}

TEST_CASE("Help and version", "[options]") {
  CommandLine none = parsed({});
  CHECK(none.command == Command::kHelp);
  CHECK(none.help_status == 2);
  CHECK(parsed({"--help"}).text == none.text);
  CHECK(parsed({"--help"}).help_status == 0);
  CHECK(parsed({"--version"}).text == "dbaudit " DBAUDIT_VERSION "\n");
  std::string help = parsed({"scan", "--help"}).text;
  for (const char* option : {"--dsn", "--schema", "--log ", "LOG ", "--isolation", "--report", "--fail-on ", "-j, --jobs", "Exit status"}) {
    CAPTURE(option);
    CHECK(help.find(option) != std::string::npos);
  }
  for (const char* text : {none.text.c_str(), help.c_str()}) {
    std::string line;
    for (const char* c = text; *c != '\0'; ++c) {
      if (*c != '\n') {
        line += *c;
        continue;
      }
      CAPTURE(line);
      CHECK(line.size() <= 120);
      line.clear();
    }
  }
  std::string formats = parsed({"scan", "--log-format", "help"}).text;
  CHECK(formats.find("mysql-general") != std::string::npos);
  CHECK(parsed({"events", "--log-format", "help"}).text == formats);
}

TEST_CASE("Every refusal is one line that says what was meant", "[options]") {
  struct {
    Strings arguments;
    const char* message;
  } const cases[] = {
      {{"scn"}, "unknown command 'scn' (did you mean scan?)"},
      {{"frobnicate"}, "unknown command 'frobnicate' (see dbaudit --help)"},
      {{"app.log"}, "unknown command 'app.log' (to audit a log: dbaudit scan app.log)"},
      {{"--dsn", "x", "scan"}, "--dsn goes after the command: dbaudit scan --dsn"},
      {{"scan"}, "nothing to scan: give a LOG, or --dsn for a live database (see dbaudit scan --help)"},
      {{"scan", "x", "--dns", "y"}, "unknown option '--dns' (did you mean --dsn?)"},
      {{"scan", "x", "--isolatoin=rc"}, "unknown option '--isolatoin' (did you mean --isolation?)"},
      {{"scan", "x", "-Z"}, "unknown option '-Z' (see dbaudit scan --help)"},
      {{"scan", "x", "--baselin", "b"}, "unknown option '--baselin' (did you mean --baseline?)"},
      {{"scan", "x", "--baseline", "-"}, "a baseline is a file: give its path, not -"},
      {{"scan", "x", "--config", "no/such.toml"}, "cannot read no/such.toml: No such file or directory"},
      {{"scan", "x", "--config", "a.toml", "--no-config"}, "--config and --no-config exclude each other"},
      {{"scan", "x", "--quiet", "--progress"}, "--quiet and --progress exclude each other"},
      {{"scan", "x", "--since", "b"}, "--since takes a time such as 2026-11-20, 2026-11-20T14:00 or 2026-11-20T14:00:00Z, not 'b'"},
      {{"scan", "x", "--since", "2026-11-20", "--until", "2026-11-19T23:59"}, "--until is not after --since"},
      {{"scan", "x", "--fixes-in", "b"}, "unknown option '--fixes-in' (did you mean --fixes-out?)"},
      {{"scan", "--dsn"}, "--dsn needs a value"},
      {{"scan", "x", "--dsn", ""}, "--dsn needs a value, not an empty one"},
      {{"scan", "--dsn", "a", "--dsn", "b"}, "--dsn is given more than once"},
      {{"scan", "x", "--quiet=much"}, "--quiet takes no value"},
      {{"scan", "x", "--quiet", "--verbose"}, "--quiet and --verbose exclude each other"},
      {{"scan", "x", "--dsn", "a", "--schema", "b"}, "--dsn and --schema exclude each other: a live database tells its own schema"},
      {{"scan", "x", "--engine", "postgre"}, "unknown engine 'postgre' (did you mean postgresql?)"},
      {{"scan", "x", "--engine", "db2000"}, "unknown engine 'db2000' (one of postgresql, mysql, mariadb, sqlite)"},
      {{"scan", "x", "--log-format", "mysql-genral"}, "unknown log format 'mysql-genral' (did you mean mysql-general?)"},
      {{"scan", "x", "--log-format", "apache-combined-log"}, "unknown log format 'apache-combined-log' (--log-format help lists them)"},
      {{"scan", "x", "--format", "jsno"}, "unknown report format 'jsno' (did you mean json?)"},
      {{"scan", "x", "--select", "DBA101,get-or-create-without-unique-kye"},
       "unknown rule 'get-or-create-without-unique-kye' (did you mean get-or-create-without-unique-key?)"},
      {{"scan", "x", "--ignore", "everything-at-all"}, "unknown rule 'everything-at-all' (dbaudit rules lists them)"},
      {{"scan", "x", "--isolation", "read comitted"}, "unknown isolation level 'read comitted' (did you mean read committed?)"},
      {{"scan", "x", "--fail-on", "errors"}, "unknown value for --fail-on: 'errors' (did you mean error?)"},
      {{"scan", "x", "--color", "sometimes"}, "unknown value for --color: 'sometimes' (one of auto, always, never)"},
      {{"scan", "x", "--jobs", "0"}, "--jobs takes a number from 1 to 256, not '0'"},
      {{"scan", "x", "--jobs", "4x"}, "--jobs takes a number from 1 to 256, not '4x'"},
      {{"rules", "x"}, "rules: unexpected argument 'x' (see dbaudit rules --help)"},
      {{"rules", "--format", "xml"}, "unknown value for --format: 'xml' (one of text, json)"},
      {{"explain"}, "explain needs a RULE, by code or name (dbaudit rules lists them)"},
      {{"schema"}, "schema needs --dsn DSN"},
      {{"events"}, "events needs a LOG (- is standard input)"},
      {{"facts"}, "facts needs --engine (one of postgresql, mysql, mariadb, sqlite)"},
      {{"prove", "--anything", "x"}, "prove is reserved: replaying findings on a scratch database is not in this version"},
      {{"doctor"}, "doctor needs --dsn DSN"},
      {{"doctor", "--dsn", "x", "--format", "xml"}, "unknown value for --format: 'xml' (one of text, json)"},
      {{"init", "--forse"}, "unknown option '--forse' (did you mean --force?)"},
      {{"init", "x"}, "init: unexpected argument 'x' (see dbaudit init --help)"},
      {{"diff", "a"}, "diff needs two files: dbaudit diff OLD.json NEW.json"},
      {{"diff", "a", "b", "c"}, "diff needs two files: dbaudit diff OLD.json NEW.json"},
      {{"diff", "a", "b", "--fail-on", "warn"}, "unknown value for --fail-on: 'warn' (did you mean warning?)"},
      {{"diff", "a", "b", "--format", "sjon"}, "unknown value for --format: 'sjon' (did you mean json?)"},
  };
  for (const auto& c : cases) CHECK(refused(c.arguments) == c.message);
}

TEST_CASE("--isolation takes a level in any spelling and server settings", "[options]") {
  auto level = [](const char* text) {
    Result<IsolationSetting> setting = parse_isolation_setting(text);
    REQUIRE(setting);
    return *setting;
  };
  CHECK(level("read uncommitted").level == Isolation::kReadUncommitted);
  CHECK(level("READ-COMMITTED").level == Isolation::kReadCommitted);
  CHECK(level("Repeatable Read").level == Isolation::kRepeatableRead);
  CHECK(level(" serializable ").level == Isolation::kSerializable);
  CHECK(level("AUTOCOMMIT").autocommit_only);
  CHECK(level("autocommit").level == Isolation::kUnknown);
  IsolationSetting both = level("repeatable read + innodb_snapshot_isolation=ON+ Lock_Wait = 5 ");
  CHECK(both.level == Isolation::kRepeatableRead);
  CHECK_FALSE(both.autocommit_only);
  CHECK(both.settings == Pairs{{"innodb_snapshot_isolation", "ON"}, {"lock_wait", "5"}});
  for (const char* bad : {"", "unknown", "read", "snapshot", "+ a=b", "serializable +", "serializable + a", "serializable + =b",
                          "serializable + a=", "serializable + a b=c", "serializable, a=b"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_isolation_setting(bad));
  }
}

TEST_CASE("--log-timezone takes UTC and offsets", "[options]") {
  struct {
    const char* text;
    int32_t minutes;
  } const good[] = {{"UTC", 0}, {"z", 0}, {"+02:00", 120}, {"-0530", -330}, {"+2", 120}, {"+5:30", 330}, {"-11", -660}, {"+14:00", 840}};
  for (const auto& c : good) {
    CAPTURE(c.text);
    Result<int32_t> offset = parse_zone_offset(c.text);
    REQUIRE(offset);
    CHECK(*offset == c.minutes);
  }
  for (const char* bad : {"", "+", "2", "02:00", "+2:0", "+02:60", "+15", "+02:000", "+:30", "+a", "Europe/Berlin", "+123456789012"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_zone_offset(bad));
  }
}

TEST_CASE("Colours: --color, then NO_COLOR, then the terminal", "[options][terminal]") {
  CHECK(wants_color(ColorMode::kAlways, false, "1", nullptr));
  CHECK_FALSE(wants_color(ColorMode::kNever, true, nullptr, "xterm"));
  CHECK(wants_color(ColorMode::kAuto, true, nullptr, "xterm"));
  CHECK(wants_color(ColorMode::kAuto, true, "", "xterm"));
  CHECK_FALSE(wants_color(ColorMode::kAuto, true, "0", "xterm"));
  CHECK_FALSE(wants_color(ColorMode::kAuto, false, nullptr, "xterm"));
  CHECK_FALSE(wants_color(ColorMode::kAuto, true, nullptr, "dumb"));
  CHECK_FALSE(wants_color(ColorMode::kAuto, true, nullptr, nullptr));
}

TEST_CASE("Width: COLUMNS, then the terminal, then 100", "[options][terminal]") {
  CHECK(wanted_width(nullptr, 0) == 100);
  CHECK(wanted_width(nullptr, 80) == 80);
  CHECK(wanted_width(nullptr, 5) == 20);
  CHECK(wanted_width("60", 80) == 60);
  for (const char* bad : {"", "0", "-5", "60x", "99999999999"}) CHECK(wanted_width(bad, 80) == 80);
}

TEST_CASE("The locale decides about UTF-8", "[options][terminal]") {
  CHECK(locale_is_utf8(nullptr, nullptr, "en_US.UTF-8"));
  CHECK(locale_is_utf8("", "", "C.utf8"));
  CHECK_FALSE(locale_is_utf8("C", "en_US.UTF-8", "en_US.UTF-8"));
  CHECK_FALSE(locale_is_utf8(nullptr, "de_DE.ISO-8859-1", "en_US.UTF-8"));
  CHECK_FALSE(locale_is_utf8(nullptr, nullptr, nullptr));
}

}  // namespace dbaudit
