#include "cli/config.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/options.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

using Strings = std::vector<std::string>;

Config config(std::string_view text, const std::string& path = "dbaudit.toml") {
  Result<Config> c = parse_config(text, path);
  INFO((c ? std::string("parsed") : c.error().message));
  REQUIRE(c);
  return *std::move(c);
}

std::string refused(std::string_view text) {
  const Result<Config> c = parse_config(text, "dbaudit.toml");
  return c ? "accepted" : c.error().message;
}

/// The options of a command line in a directory.
Result<ScanOptions> scan_in(const std::string& directory, Strings arguments) {
  arguments.insert(arguments.begin(), "scan");
  const Result<CommandLine> line = parse_command_line(arguments, directory);
  if (!line) return tl::unexpected(line.error());
  return line->scan;
}

}  // namespace

TEST_CASE("dbaudit.toml: every option of scan is a key and reads what the command line would", "[config]") {
  const Config c = config(R"(
schema = ["schema.sql", "/abs/more.sql"]
log = "log/test.log"
log-format = "mysql-general"
log-line-prefix = "%m "
log-timezone = "+02:00"
database = "shop"
since = 2026-11-20
until = 2026-11-21T10:30:00+01:00
app = "web"
user = "u"
table = "stock"
check-data = "full"
engine = "mariadb"
isolation = "serializable"
report = ["json=out/r.json", "text=-"]
show-values = true
color = "never"
verbose = true
progress = true
select = "DBA1"
ignore = ["DBA105", "write-skew"]
min-confidence = "likely"
fail-on = "error"
fail-on-confidence = "observed"
baseline = "base.json"
jobs = 3
)",
                          "../conf/dbaudit.toml");
  CHECK(c.words.schema == Strings{"../conf/schema.sql", "/abs/more.sql"});
  CHECK(c.words.log == Strings{"../conf/log/test.log"});
  CHECK(c.words.since == "2026-11-20");
  CHECK(c.words.until == "2026-11-21T10:30:00+01:00");
  CHECK(c.words.report == Strings{"json=../conf/out/r.json", "text=-"});
  CHECK(c.words.check_data == "full");
  CHECK(c.words.baseline == "../conf/base.json");
  CHECK(c.words.jobs == "3");
  CHECK((c.words.show_values && c.words.verbose && c.words.progress && !c.words.quiet));
  CHECK(c.words.given.size() == 26);
  const Result<ScanOptions> scan = check_scan_values(c.words);
  REQUIRE(scan);
  CHECK(scan->fail_on_confidence == Confidence::kObserved);
  CHECK(scan->ignore == Strings{"DBA105", "write-skew"});
}

TEST_CASE("dbaudit.toml: a DSN's path is relative to the file, a variable and a server are not", "[config]") {
  const auto dsn = [](const std::string& value) { return config(fmt::format("dsn = \"{}\"", value), "../dbaudit.toml").words.dsn; };
  CHECK(dsn("sqlite:///shop.db") == "sqlite:///../shop.db");
  CHECK(dsn("sqlite:////var/shop.db") == "sqlite:////var/shop.db");
  CHECK(dsn("shop.db") == "../shop.db");
  CHECK(dsn("env:DATABASE_URL") == "env:DATABASE_URL");
  CHECK(dsn("postgresql://u@h/d") == "postgresql://u@h/d");
  CHECK(config("dsn = \"postgresql://u@h/d\"").notes.empty());
  const Config with_password = config("\ndsn = \"postgresql://u:hunter2@h/d\"");
  REQUIRE(with_password.notes.size() == 1);
  CHECK(with_password.notes[0] == "dbaudit.toml:2: a password stands in dsn: dsn = \"env:DATABASE_URL\" keeps it out of the file");
}

TEST_CASE("dbaudit.toml: tables and suppressions", "[config]") {
  const Config c = config(R"(
[[table]]
name = "public.stock"
locked_by = "redis"
[[table]]
name = "token"
random_key = ["value"]
single_writer = true
ignore = true
[[suppress]]
rule = ["DBA201", "dba1"]
table = "stock"
columns = ["count", "sold"]
reason = "because"
expires = 2027-06-30
[[suppress]]
rule = "write-skew"
reason = "so"
expires = "2026-01-31"
)");
  REQUIRE(c.assumptions.size() == 2);
  CHECK(c.assumptions[0].table == "public.stock");
  CHECK(c.assumptions[0].locked_by == "redis");
  CHECK(c.assumptions[0].place == "dbaudit.toml:2");
  CHECK((c.assumptions[1].single_writer && c.assumptions[1].ignored));
  CHECK(c.assumptions[1].random_key == Strings{"value"});
  REQUIRE(c.suppressions.size() == 2);
  CHECK(c.suppressions[0].rules == Strings{"DBA201", "dba1"});
  CHECK(c.suppressions[0].columns == Strings{"count", "sold"});
  CHECK(c.suppressions[0].expires == 20'999);
  CHECK(c.suppressions[0].place == "dbaudit.toml:10");
  CHECK(c.suppressions[1].expires_text == "2026-01-31");
}

TEST_CASE("dbaudit.toml: what is wrong is one line with the place and what was meant", "[config]") {
  const struct {
    const char *text, *message;
  } cases[] = {
      {"dns = 1", "dbaudit.toml:1: unknown key 'dns' (did you mean dsn?)"},
      {"\n\nfail_on = \"error\"", "dbaudit.toml:3: unknown key 'fail_on' (did you mean fail-on?)"},
      {"frobnicate = 1", "dbaudit.toml:1: unknown key 'frobnicate' (dbaudit init writes a file with every key)"},
      {"config = \"x\"", "dbaudit.toml:1: config is for the command line: --config"},
      {"write-baseline = \"x\"", "dbaudit.toml:1: write-baseline is for the command line: --write-baseline"},
      {"fail-on = \"errors\"", "dbaudit.toml:1: unknown value for --fail-on: 'errors' (did you mean error?)"},
      {"fail-on = 3", "dbaudit.toml:1: fail-on takes a string, not an integer"},
      {"quiet = \"yes\"", "dbaudit.toml:1: quiet takes true or false, not a string"},
      {"schema = [1]", "dbaudit.toml:1: schema takes a string or an array of strings, not an array"},
      {"schema = { a = 1 }", "dbaudit.toml:1: schema takes a string or an array of strings, not a table"},
      {"dsn = \"\"", "dbaudit.toml:1: dsn needs a value, not an empty one"},
      {"log = [\"\"]", "dbaudit.toml:1: log needs a value, not an empty one"},
      {"check-data = 1", "dbaudit.toml:1: check-data takes true, false or a string, not an integer"},
      {"check-data = \"half\"", "dbaudit.toml:1: --check-data takes no value or =full, not 'half'"},
      {"select = [\"DBA1O1\"]", "dbaudit.toml:1: unknown rule 'DBA1O1' (did you mean DBA101?)"},
      {"report = [\"sarfi=x\"]", "dbaudit.toml:1: unknown report format 'sarfi' ("},
      {"jobs = 0", "dbaudit.toml:1: --jobs takes a number from 1 to 256, not '0'"},
      {"since = 10:00:00", "dbaudit.toml:1: since takes a string, not a time"},
      {"b = 1\na = 2", "dbaudit.toml:1: unknown key 'b' ("},
      {"a = 1\na = 2", "dbaudit.toml:2: Error while parsing key-value pair: cannot redefine existing integer 'a'"},
      {"[table]\nname = \"x\"", "dbaudit.toml:1: write [[table]], in two brackets: there may be several"},
      {"suppress = 1", "dbaudit.toml:1: write [[suppress]], in two brackets: there may be several"},
      {"[[table]]\nlocked_by = \"x\"", "dbaudit.toml:1: [[table]] needs the table's name: name = \"public.stock\""},
      {"[[table]]\nname = \"x\"\nlocked-by = \"x\"", "dbaudit.toml:3: unknown key of [[table]]: 'locked-by' (did you mean locked_by?)"},
      {"[[table]]\nname = \"x\"\nlocked_by = true", "dbaudit.toml:3: locked_by of [[table]] takes a string, not true or false"},
      {"[[table]]\nname = \"x\"\nlocked_by = \" \"", "dbaudit.toml:3: locked_by of [[table]] is empty"},
      {"[[table]]\nname = \"x\"\nsingle_writer = \"me\"", "dbaudit.toml:3: single_writer of [[table]] takes true or false, not a string"},
      {"[[table]]\nname = \"x\"\nrandom_key = []",
       "dbaudit.toml:3: random_key of [[table]] takes a string or an array of strings, not an empty one"},
      {"[[suppress]]\nrule = \"DBA201\"", "dbaudit.toml:1: [[suppress]] needs a reason: why may this finding stay?"},
      {"[[suppress]]\nrule = \"DBA201\"\nreason = \"\"", "dbaudit.toml:3: reason of [[suppress]] is empty"},
      {"[[suppress]]\nreason = \"x\"", "dbaudit.toml:1: [[suppress]] needs the rule that it silences: rule = \"DBA201\""},
      {"[[suppress]]\nrule = \"DBA999\"\nreason = \"x\"", "dbaudit.toml:2: unknown rule 'DBA999' ("},
      {"[[suppress]]\nrule = \"DBA201\"\nreason = \"x\"\nexpires = \"2026-02-30\"",
       "dbaudit.toml:4: expires of [[suppress]] takes the last day it holds: expires = 2027-06-30"},
      {"[[suppress]]\nrule = \"DBA201\"\nreason = \"x\"\nexpires = 7",
       "dbaudit.toml:4: expires of [[suppress]] takes the last day it holds: expires = 2027-06-30"},
      {"[[suppress]]\nrule = \"DBA201\"\nreason = \"x\"\ntabel = \"x\"",
       "dbaudit.toml:4: unknown key of [[suppress]]: 'tabel' (did you mean table?)"},
      {"a = \"\x01\"", "dbaudit.toml:1: "},
      {"a = \"\xff\"", "dbaudit.toml:1: "},
      {"a = [", "dbaudit.toml:1: "},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const std::string message = refused(c.text);
    CHECK(message.substr(0, std::string_view(c.message).size()) == c.message);
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("dbaudit.toml: hostile bytes are refused, and quickly", "[config]") {
  CHECK(config("\xEF\xBB\xBF"
               "fail-on = \"error\"\r\n")
            .words.fail_on == "error");
  CHECK(refused(std::string_view("fail-on = \"error\"\0", 18)) != "accepted");
  std::string path = "a", tables = "[a", list = "log = ", inline_table = "x = ";
  for (int i = 0; i < 100'000; ++i) {
    path += ".a";
    tables += ".a";
    list += '[';
    inline_table += "{a=";
  }
  CHECK(refused(path + " = 1") == "dbaudit.toml:1: more than 100 dots in one line");
  CHECK(refused("x = {" + path + " = 1}") == "dbaudit.toml:1: more than 100 dots in one line");
  CHECK(refused("\n" + tables + "]") == "dbaudit.toml:2: more than 100 dots in one line");
  CHECK(refused(list) != "accepted");
  CHECK(refused(inline_table) != "accepted");
  CHECK(config("# " + path + "\nlog-line-prefix = \"" + path + "\"").words.log_line_prefix == path);
  // As many tables, one in the other, as lines without too many dots can make.
  std::string nested;
  for (int i = 0; i < 2000; ++i) nested += "[" + path.substr(0, 199) + "]\n";
  CHECK(refused(nested) != "accepted");

  const TemporaryDirectory dir;
  write_file(dir.path() + "/big.toml", std::string(300 * 1024, '#'));
  const Result<Config> big = read_config(dir.path() + "/big.toml");
  REQUIRE_FALSE(big);
  CHECK(big.error().message == dir.path() + "/big.toml is larger than 256 KiB: not a configuration");
  CHECK_FALSE(read_config(dir.path()));
}

TEST_CASE("dbaudit.toml: the command line wins, and alternatives count as one", "[config]") {
  const TemporaryDirectory dir;
  write_file(dir.path() + "/dbaudit.toml", R"(
dsn = "env:DATABASE_URL"
check-data = true
log = ["a.log", "b.log"]
fail-on = "error"
ignore = ["DBA105"]
quiet = true
report = ["json=r.json"]
)");
  const auto scan = [&](const Strings& arguments) {
    const Result<ScanOptions> o = scan_in(dir.path(), arguments);
    INFO((o ? std::string("parsed") : o.error().message));
    REQUIRE(o);
    return *o;
  };
  const std::string at = dir.path() + "/";
  const ScanOptions all = scan({});
  CHECK(all.dsn == "env:DATABASE_URL");
  CHECK((all.check_data && all.quiet));
  CHECK(all.logs == Strings{at + "a.log", at + "b.log"});
  CHECK(all.config == at + "dbaudit.toml");
  CHECK(all.reports.size() == 1);
  const ScanOptions some = scan({"--schema", "s.sql", "c.log", "--fail-on", "note", "--verbose", "--format", "text"});
  CHECK((some.dsn.empty() && !some.check_data && !some.quiet && some.verbose));
  CHECK(some.logs == Strings{"c.log"});
  CHECK(some.fail_on == Severity::kNote);
  CHECK(some.ignore == Strings{"DBA105"});
  CHECK(some.reports == std::vector<std::pair<std::string, std::string>>{{"text", "-"}});
  CHECK(scan({"--no-config", "c.log"}).ignore.empty());
  CHECK(scan({"--ignore", "DBA2"}).ignore == Strings{"DBA2"});
  write_file(dir.path() + "/other.toml", "engine = \"sqlite\"");
  const ScanOptions other = scan({"--config", at + "other.toml", "c.log"});
  CHECK(other.engine == Engine::kSqlite);
  CHECK(other.ignore.empty());
  CHECK_FALSE(scan_in(dir.path(), {"--config", at + "none.toml", "c.log"}));
}

TEST_CASE("dbaudit.toml is looked for upwards, to the root of a repository and no further", "[config]") {
  const TemporaryDirectory dir;
  const std::string root = dir.path();
  for (const char* d : {"/repo", "/repo/.git", "/repo/a", "/repo/a/b", "/plain", "/open", "/open/a"})
    REQUIRE(run_program({"/bin/mkdir", root + d}, root).status == 0);
  write_file(root + "/dbaudit.toml", "");
  CHECK(find_config(root + "/plain").path == root + "/plain/../dbaudit.toml");
  CHECK(find_config(root + "/repo/a/b").path.empty());
  write_file(root + "/repo/dbaudit.toml", "");
  CHECK(find_config(root + "/repo/a/b").path == root + "/repo/a/b/../../dbaudit.toml");
  write_file(root + "/repo/a/dbaudit.toml", "");
  CHECK(find_config(root + "/repo/a/b").path == root + "/repo/a/b/../dbaudit.toml");
  CHECK(find_config(root + "/repo").path == root + "/repo/dbaudit.toml");
  // Where everybody may write, one's own counts; another's would need another user to test.
  REQUIRE(run_program({"/bin/chmod", "1777", root + "/open"}, root).status == 0);
  write_file(root + "/open/dbaudit.toml", "");
  CHECK(find_config(root + "/open/a").path == root + "/open/a/../dbaudit.toml");
  if (run_program({"/bin/chown", "12345", root + "/open/dbaudit.toml"}, root).status == 0) {
    const FoundConfig found = find_config(root + "/open/a");
    CHECK(found.path.empty());
    CHECK(found.refused.find("another user's") != std::string::npos);
  }
}

TEST_CASE("init writes every key, and the file means the defaults", "[config]") {
  const std::string text = config_template("");
  const Config c = config(text);
  CHECK(c.words.given.empty());
  CHECK(c.assumptions.empty());
  CHECK(c.suppressions.empty());
  // Each line uncommented by itself is a key that reads, and where the option has a preset it is that.
  size_t keys = 0;
  const ScanWords preset;
  for (const ScanOption& option : scan_options()) {
    if (option.example.empty()) continue;
    const std::string line = fmt::format("# {} = {}\n", option.name, option.example);
    INFO(line);
    CHECK(text.find("\n" + line) != std::string::npos);
    const Config one = config(line.substr(2));
    CHECK(one.words.given == std::set<std::string, std::less<>>{std::string(option.name)});
    if (const auto* flag = std::get_if<bool ScanWords::*>(&option.into)) {
      CHECK(one.words.**flag == preset.**flag);
    } else if (const auto* word = std::get_if<std::string ScanWords::*>(&option.into); word != nullptr && !(preset.**word).empty()) {
      CHECK(one.words.**word == preset.**word);
    }
    ++keys;
  }
  CHECK(keys > 25);
  // And the tables at the end, with their comments taken off.
  std::string tables;
  const size_t begin = text.find("# [[table]]");
  REQUIRE(begin != std::string::npos);
  for (size_t at = begin; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.substr(0, 4) == "# [[" || line.find(" = ") != std::string::npos) tables += line.substr(2) + "\n";
    at = end + 1;
  }
  const Config full = config(tables);
  REQUIRE(full.assumptions.size() == 1);
  CHECK((full.assumptions[0].ignored && full.assumptions[0].single_writer && !full.assumptions[0].random_key.empty()));
  REQUIRE(full.suppressions.size() == 1);
  CHECK(full.suppressions[0].expires.has_value());
  CHECK(config(config_template("env:SHOP \"x\"")).words.dsn == "env:SHOP \"x\"");
}

TEST_CASE("init writes a file once, and no password into it", "[config]") {
  const TemporaryDirectory dir;
  const auto init = [&](Strings more) {
    more.insert(more.begin(), {DBAUDIT_BINARY, "init"});
    return run_program(more, dir.path());
  };
  const ProgramResult refused_password = init({"--dsn", "postgresql://u:hunter2@h/d"});
  CHECK(refused_password.status == 2);
  CHECK(refused_password.err.find("hunter2") == std::string::npos);
  CHECK(read_file(dir.path() + "/dbaudit.toml").empty());
  CHECK(init({"--dsn", "env:DATABASE_URL"}).status == 0);
  CHECK(read_file(dir.path() + "/dbaudit.toml") == config_template("env:DATABASE_URL"));
  const ProgramResult again = init({});
  CHECK(again.status == 2);
  CHECK(again.err == "dbaudit: dbaudit.toml is there already: --force replaces it\n");
  CHECK(init({"--force"}).status == 0);
  CHECK(read_file(dir.path() + "/dbaudit.toml") == config_template(""));
}

}  // namespace dbaudit
