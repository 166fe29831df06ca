// Living with findings: suppressions, baselines, comparing reports, how far a long log is, and Ctrl-C. The program as a whole, on logs made here.

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "analyzers/base/text.h"
#include "cli/baseline.h"
#include "cli/progress.h"
#include "cli/suppressions.h"
#include "rules/assumption.h"
#include "rules/directive.h"
#include "rules/registry.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

using Strings = std::vector<std::string>;
using nlohmann::json;

const char* const kSchema =
    "CREATE TABLE tag (id bigint PRIMARY KEY, name text NOT NULL);\n"
    "CREATE TABLE stock (id bigint PRIMARY KEY, left_over int NOT NULL);\n"
    "CREATE TABLE seat (id bigint PRIMARY KEY, free int NOT NULL, sold int NOT NULL);\n";

/// Two sessions that create a tag, and two that read a number and write it back: `seats` also in a table of seats.
Strings race_log(bool seats) {
  Strings lines;
  int ms = 0;
  const auto say = [&](int session, const std::string& sql) {
    ms += 7;
    lines.push_back(fmt::format("2026-03-02 09:{:02}:{:02}.{:03} UTC [{}] app@shop LOG:  statement: {}\n", ms / 60'000, ms / 1000 % 60,
                                ms % 1000, 4100 + session, sql));
  };
  for (int i = 0; i < 40; ++i) {
    for (const int s : {1, 2}) say(s, fmt::format("SELECT id FROM tag WHERE name = 't{}' LIMIT 1", i));
    for (const int s : {1, 2}) say(s, fmt::format("INSERT INTO tag (id, name) VALUES ({}, 't{}')", 2 * i + s, i));
    for (const int s : {3, 4}) say(s, fmt::format("SELECT id, left_over FROM stock WHERE id = {}", i % 9));
    for (const int s : {3, 4}) say(s, fmt::format("UPDATE stock SET left_over = {} WHERE id = {}", 100 - i / 9, i % 9));
    if (!seats) continue;
    for (const int s : {5, 6}) say(s, fmt::format("SELECT free, sold FROM seat WHERE id = {}", i % 9));
    for (const int s : {5, 6}) say(s, fmt::format("UPDATE seat SET free = {}, sold = {} WHERE id = {}", 100 - i / 9, i / 9, i % 9));
  }
  return lines;
}

std::string text_of(const Strings& lines, size_t from = 0, size_t to = SIZE_MAX) {
  std::string text;
  for (size_t i = from; i < std::min(to, lines.size()); ++i) text += lines[i];
  return text;
}

/// The same, the sessions' numbers given the other way round and the statements of different sessions moved past one another.
Strings shuffled(Strings lines) {
  for (std::string& line : lines) {
    const size_t at = line.find(" [410") + 5;
    line[at] = static_cast<char>('0' + ('9' - line[at]));
  }
  for (size_t i = 0; i + 1 < lines.size(); i += 2) std::swap(lines[i], lines[i + 1]);
  return lines;
}

struct Workplace {
  TemporaryDirectory dir;
  Workplace() { write("schema.sql", kSchema); }
  void write(const std::string& name, const std::string& text) const { write_file(dir.path() + "/" + name, text); }
  [[nodiscard]] std::string read(const std::string& name) const { return read_file(dir.path() + "/" + name); }
  [[nodiscard]] ProgramResult run(Strings arguments, const std::string& input = {}) const {
    arguments.insert(arguments.begin(), DBAUDIT_BINARY);
    return run_program(arguments, dir.path(), input);
  }
  [[nodiscard]] ProgramResult scan(Strings more, const std::string& input = {}) const {
    more.insert(more.begin(),
                {"scan", "--schema", "schema.sql", "--engine", "postgresql", "--isolation", "read committed", "--format", "json"});
    return run(std::move(more), input);
  }
};

Strings codes_of(const ProgramResult& r) {
  Strings codes;
  const json report = json::parse(r.out);
  for (const json& f : report["findings"]) codes.push_back(f["code"].get<std::string>() + " " + f["tables"][0].get<std::string>());
  std::sort(codes.begin(), codes.end());
  return codes;
}

Finding finding(const std::string& code, Strings tables, Strings columns, uint64_t fingerprint) {
  Finding f;
  f.code = code;
  f.name = std::string(find_rule(code)->name);
  f.tables = std::move(tables);
  f.columns = std::move(columns);
  f.fingerprint = fingerprint;
  return f;
}

}  // namespace

TEST_CASE("baseline: renamed, reordered, rotated and shuffled logs hold nothing new, one race more is one finding", "[baseline]") {
  const Workplace w;
  const Strings lines = race_log(false);
  w.write("app.log", text_of(lines));
  const ProgramResult first = w.scan({"--write-baseline", "base.json", "app.log"});
  CHECK(first.status == 0);  // what was written is known
  REQUIRE(codes_of(first) == Strings{"DBA101 public.tag", "DBA201 public.stock"});
  const std::string baseline = w.read("base.json");
  CHECK(json::parse(baseline)["findings"].size() == 2);

  w.write("renamed.log", text_of(lines));
  const size_t half = lines.size() / 2;
  w.write("app.log.1", text_of(lines, 0, half));
  w.write("app.log.2.gz", "");  // in the way of a pattern, not given
  w.write("app2.log", text_of(lines, half));
  w.write("shuffled.log", text_of(shuffled(lines)));
  for (const Strings& logs :
       std::vector<Strings>{{"app.log"}, {"renamed.log"}, {"app.log.1", "app2.log"}, {"app2.log", "app.log.1"}, {"shuffled.log"}}) {
    INFO(logs.front());
    Strings arguments = {"--baseline", "base.json"};
    arguments.insert(arguments.end(), logs.begin(), logs.end());
    const ProgramResult again = w.scan(arguments);
    CHECK(again.status == 0);
    CHECK(again.err.empty());
    const json report = json::parse(again.out);
    CHECK(report["findings"].empty());
    CHECK(report["summary"]["baselined"] == 2);
    arguments[0] = "--write-baseline";
    arguments[1] = "again.json";
    CHECK(w.scan(arguments).status == 0);
    CHECK(w.read("again.json") == baseline);
  }

  w.write("more.log", text_of(race_log(true)));
  const ProgramResult more = w.scan({"--baseline", "base.json", "more.log"});
  CHECK(more.status == 1);
  CHECK(codes_of(more) == Strings{"DBA201 public.seat"});
  CHECK(json::parse(more.out)["summary"]["baselined"] == 2);

  // What no longer occurs is said; of a part of the log, or with that rule not asked, nothing is.
  w.write("less.log", text_of(lines, 0, 4));
  const ProgramResult less = w.scan({"--baseline", "base.json", "less.log"});
  CHECK(less.status == 0);
  CHECK(
      less.err ==
      "dbaudit: note: base.json: 1 finding no longer occurs (DBA201 public.stock(left_over)): --write-baseline base.json leaves it out\n");
  CHECK(w.scan({"--baseline", "base.json", "--ignore", "DBA201", "less.log"}).err.empty());
  CHECK(w.scan({"--baseline", "base.json", "--table", "tag", "less.log"}).err.empty());
  CHECK(w.scan({"--baseline", "base.json", "--quiet", "less.log"}).err.empty());
  // Both at once: only what is new is reported, all of it is written.
  CHECK(codes_of(w.scan({"--baseline", "base.json", "--write-baseline", "base.json", "more.log"})) == Strings{"DBA201 public.seat"});
  CHECK(w.scan({"--baseline", "base.json", "more.log"}).status == 0);
}

TEST_CASE("baseline: a comment for the audit makes no new finding of a statement", "[baseline]") {
  const Workplace w;
  std::string log = text_of(race_log(false));
  w.write("app.log", log);
  REQUIRE(w.scan({"--write-baseline", "base.json", "app.log"}).status == 0);
  const std::string after = "FROM stock";
  for (size_t at = log.find(after); at != std::string::npos; at = log.find(after, at + 1))
    log.insert(at + after.size(), " /* dbaudit:ignore DBA503 another matter */");
  REQUIRE(log.find("DBA503") != std::string::npos);
  w.write("app.log", log);
  CHECK(w.scan({"--baseline", "base.json", "app.log"}).status == 0);
}

TEST_CASE("baseline: what is no baseline is refused before a log is read", "[baseline]") {
  const Workplace w;
  std::string deep = "{\"baseline_version\": 1, \"findings\": ";
  for (int i = 0; i < 200'000; ++i) deep += '[';
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"", "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
      {"[]", "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
      {"{\"schema_version\": 1, \"findings\": []}", "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
      {"{\"baseline_version\": 2, \"findings\": []}",
       "base.json is a baseline of version 2, and this dbaudit knows 1: write it anew or update dbaudit"},
      {"{\"baseline_version\": 1, \"findings\": [{\"fingerprint\": \"xyz\", \"rule\": \"DBA101\"}]}",
       "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
      {deep, "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
      {std::string("{\"baseline_version\": 1, \0", 24), "base.json is not a baseline: dbaudit scan --write-baseline base.json writes one"},
  };
  for (const auto& c : cases) {
    INFO(c.text.substr(0, 60));
    w.write("base.json", c.text);
    const ProgramResult r = w.scan({"--baseline", "base.json", "no.log"});
    CHECK(r.status == 2);
    CHECK(r.err == fmt::format("dbaudit: {}\n", c.message));
  }
  CHECK(w.scan({"--baseline", "none.json", "no.log"}).err == "dbaudit: cannot read none.json: No such file or directory\n");
  CHECK(parse_baseline("{\"baseline_version\": 1, \"findings\": []}", "b"));
}

TEST_CASE("baseline: the text is sorted and says each finding once", "[baseline]") {
  const std::string text = baseline_text({finding("DBA201", {"z"}, {"b", "a"}, 2), finding("DBA101", {"y"}, {}, 9),
                                          finding("DBA101", {"x", "a"}, {}, 5), finding("DBA201", {"z"}, {"b", "a"}, 2)});
  const json root = json::parse(text);
  REQUIRE(root["findings"].size() == 3);
  CHECK(root["findings"][0]["tables"] == Strings{"a", "x"});
  CHECK(root["findings"][1]["fingerprint"] == "0000000000000009");
  CHECK(root["findings"][2]["columns"] == Strings{"a", "b"});
  const Result<Baseline> read = parse_baseline(text, "b");
  REQUIRE(read);
  std::vector<Finding> findings = {finding("DBA101", {"y"}, {}, 9), finding("DBA101", {"y"}, {}, 10)};
  CHECK(remove_known(*read, findings) == 1);
  CHECK(findings.front().fingerprint == 10);
  CHECK(fixed_since(*read, {2}, {"DBA101"}, "b") ==
        "b: 2 findings no longer occur (DBA101 a, x; DBA101 y): --write-baseline b leaves them out");
  CHECK(fixed_since(*read, {2, 5, 9}, {"DBA101", "DBA201"}, "b").empty());
}

TEST_CASE("suppressions: what they mean, when they end, and those that do nothing", "[config]") {
  const auto suppression = [](Strings rules, std::string table, Strings columns) {
    Suppression s;
    s.rules = std::move(rules);
    s.table = std::move(table);
    s.columns = std::move(columns);
    s.reason = "so";
    s.place = "dbaudit.toml:3";
    return s;
  };
  const std::vector<Finding> all = {finding("DBA201", {"public.stock"}, {"left_over", "sold"}, 1),
                                    finding("DBA202", {"public.stock"}, {"sold"}, 2),
                                    finding("DBA404", {"public.stock", "public.seat"}, {}, 3)};
  SuppressionOptions options;
  options.today = 20'000;
  options.asked.assign(all_rules().begin(), all_rules().end());
  const struct {
    Suppression suppression;
    size_t removed;
    const char* note;
  } cases[] = {
      {suppression({"DBA201"}, "", {}), 1, ""},
      {suppression({"dba2"}, "stock", {}), 2, ""},
      {suppression({"DBA201", "unguarded-decrement"}, "PUBLIC.Stock", {"sold"}), 2, ""},
      {suppression({"DBA2"}, "", {"left_over"}), 1, ""},
      {suppression({"DBA404"}, "seat", {}), 1, ""},
      {suppression({"DBA201"}, "tock", {}), 0, "dbaudit.toml:3: suppression of DBA201 on tock matches nothing"},
      {suppression({"DBA201"}, "", {"left_over", "price"}), 0, "dbaudit.toml:3: suppression of DBA201 (left_over, price) matches nothing"},
      {suppression({"DBA1", "DBA3"}, "", {}), 0, "dbaudit.toml:3: suppression of DBA1, DBA3 matches nothing"},
  };
  for (const auto& c : cases) {
    INFO(join(c.suppression.rules, ","));
    std::vector<Finding> findings = all;
    Strings notes;
    CHECK(suppress({c.suppression}, {}, options, findings, notes) == c.removed);
    CHECK(findings.size() == all.size() - c.removed);
    CHECK(notes == (*c.note == '\0' ? Strings{} : Strings{c.note}));
  }
  Suppression ending = suppression({"DBA2"}, "", {});
  ending.expires_text = "2024-10-04";
  for (const int64_t last_day : {20'000, 19'999}) {
    ending.expires = last_day;
    std::vector<Finding> findings = all;
    Strings notes;
    CHECK(suppress({ending}, {}, options, findings, notes) == (last_day == 20'000 ? 2u : 0u));
    CHECK(notes == (last_day == 20'000
                        ? Strings{}
                        : Strings{"dbaudit.toml:3: suppression of DBA2 expired on 2024-10-04: 2 findings are reported again"}));
  }
  // Nothing is missed of what was not asked.
  const Suppression idle = suppression({"DBA1"}, "tag", {});
  for (const int how : {0, 1, 2}) {
    SuppressionOptions part = options;
    if (how == 0) part.asked = {find_rule("DBA201")};
    if (how == 1) part.table = "stock";
    if (how == 2) part.is_part = true;
    std::vector<Finding> findings = all;
    Strings notes;
    CHECK(suppress({idle}, {}, part, findings, notes) == 0);
    CHECK(notes.empty());
  }
  TableAssumption ignored;
  ignored.table = "seat";
  ignored.ignored = true;
  std::vector<Finding> findings = all;
  Strings notes;
  CHECK(suppress({}, {ignored}, options, findings, notes) == 1);
}

TEST_CASE("assumptions about tables reach the rules, and a log that contradicts them wins", "[config]") {
  const Workplace w;
  const Strings lines = race_log(false);
  // One session at a time: the shape is there, nobody met.
  Strings apart;
  for (size_t i = 0; i + 7 < lines.size(); i += 8)
    for (const size_t k : {0U, 2U, 4U, 6U}) apart.push_back(lines[i + k]);
  w.write("apart.log", text_of(apart));
  w.write("met.log", text_of(lines));
  REQUIRE(codes_of(w.scan({"apart.log"})) == Strings{"DBA101 public.tag", "DBA201 public.stock"});
  const auto with = [&](const std::string& toml, const std::string& log) {
    w.write("dbaudit.toml", toml);
    return w.scan({log});
  };
  for (const std::string assumption : {"locked_by = \"redis lock\"", "single_writer = true"}) {
    INFO(assumption);
    const ProgramResult quiet = with("[[table]]\nname = \"stock\"\n" + assumption, "apart.log");
    CHECK(codes_of(quiet) == Strings{"DBA101 public.tag"});
    CHECK(json::parse(quiet.out)["summary"]["suppressed"] == 1);
    CHECK(quiet.err.empty());
    const ProgramResult met = with("[[table]]\nname = \"stock\"\n" + assumption, "met.log");
    CHECK(codes_of(met) == Strings{"DBA101 public.tag", "DBA201 public.stock"});
    CHECK(met.err.find("dbaudit: note: dbaudit.toml:1: ") == 0);
    CHECK(met.err.find("does not hold: sessions were seen to meet on public.stock (DBA201), which is reported\n") != std::string::npos);
  }
  CHECK(codes_of(with("[[table]]\nname = \"tag\"\nrandom_key = \"name\"", "apart.log")) == Strings{"DBA201 public.stock"});
  CHECK(codes_of(with("[[table]]\nname = \"tag\"\nrandom_key = \"name\"", "met.log")) ==
        Strings{"DBA101 public.tag", "DBA201 public.stock"});
  CHECK(codes_of(with("[[table]]\nname = \"tag\"\nrandom_key = \"id\"", "apart.log")) ==
        Strings{"DBA101 public.tag", "DBA201 public.stock"});
  CHECK(codes_of(with("[[table]]\nname = \"stock\"\nignore = true", "met.log")) == Strings{"DBA101 public.tag"});
  const ProgramResult unknown = with("[[table]]\nname = \"stok\"\nignore = true", "met.log");
  CHECK(unknown.err == "dbaudit: note: dbaudit.toml:1: the schema has no table stok (did you mean stock?)\n");
}

TEST_CASE("names of tables and rules that a lock answers", "[config]") {
  CHECK(names_same_table("public.stock", "stock"));
  CHECK(names_same_table("public.stock", "Public.STOCK"));
  CHECK(names_same_table("stock", "stock"));
  CHECK_FALSE(names_same_table("public.livestock", "stock"));
  CHECK_FALSE(names_same_table("stock", "public.stock"));
  CHECK_FALSE(names_same_table("stock", ""));
  CHECK(lock_answers("DBA201"));
  CHECK_FALSE(lock_answers("DBA504"));
  const Directive d = parse_directive("ignore DBA201, reason words");
  CHECK((d.kind == Directive::Kind::kIgnore && d.rules == "DBA201" && d.reason == "reason words"));
  CHECK(silences(parse_directive("locked by redis"), *find_rule("DBA201")));
  CHECK_FALSE(silences(parse_directive("locked by redis"), *find_rule("DBA504")));
  CHECK(silences(parse_directive("ignore DBA504 read only after import"), *find_rule("DBA504")));
  CHECK_FALSE(silences(parse_directive("ignore , nothing"), *find_rule("DBA504")));
}

TEST_CASE("diff: what is new, fixed and judged otherwise, and the exit status", "[diff]") {
  const Workplace w;
  w.write("old.log", text_of(race_log(false)));
  w.write("new.log", text_of(race_log(true), 0, 300));
  REQUIRE(w.scan({"--output", "old.json", "old.log"}).status == 1);
  REQUIRE(w.scan({"--output", "new.json", "--ignore", "DBA101", "new.log"}).status == 1);
  const ProgramResult text = w.run({"diff", "old.json", "new.json"});
  CHECK(text.status == 1);
  CHECK(text.out.find("+ error[DBA201] public.seat(sold, free): read-modify-write-without-lock") != std::string::npos);
  CHECK(text.out.find("- error[DBA101] public.tag(name): get-or-create-without-unique-key") != std::string::npos);
  CHECK(text.out.find("\n1 new, 1 fixed, 0 changed, 1 unchanged\n") != std::string::npos);
  CHECK(w.run({"diff", "old.json", "new.json", "--fail-on", "never"}).status == 0);
  CHECK(w.run({"diff", "old.json", "new.json", "--fail-on-confidence", "proven"}).status == 0);
  const ProgramResult same = w.run({"diff", "old.json", "old.json"});
  CHECK(same.status == 0);
  CHECK(same.out == "0 new, 0 fixed, 0 changed, 2 unchanged\n");
  CHECK(w.run({"diff", "-", "old.json"}, w.read("old.json")).out == same.out);
  CHECK(w.run({"diff", "-", "-"}).status == 2);

  json changed = json::parse(w.read("old.json"));
  changed["findings"][0]["confidence"] = "likely";
  changed["findings"][1]["severity"] = "note";
  w.write("changed.json", changed.dump());
  const ProgramResult diff = w.run({"diff", "changed.json", "old.json", "--format", "json"});
  CHECK(diff.status == 0);  // nothing is new
  const json d = json::parse(diff.out);
  CHECK(d["summary"].dump() == R"({"changed":2,"fixed":0,"new":0,"unchanged":0})");
  CHECK(d["findings"]["changed"].size() == 2);
  CHECK(d["findings"]["changed"][0]["was"].size() == 2);
  CHECK(diff.out == w.run({"diff", "changed.json", "old.json", "--format", "json"}).out);
}

TEST_CASE("diff: what is no report is refused in one line", "[diff]") {
  const Workplace w;
  w.write("ok.json", "{\"schema_version\": 1, \"findings\": []}");
  std::string deep = "{\"schema_version\": 1, \"findings\": ";
  for (int i = 0; i < 200'000; ++i) deep += "[";
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{\"findings\": []}"), deep, std::string("{\"schema_version\": 9, \"findings\": []}"),
        std::string("{\"schema_version\": 1, \"findings\": [1]}"), std::string("\x1b[31m")}) {
    INFO(text.substr(0, 50));
    w.write("bad.json", text);
    for (const Strings& order : std::vector<Strings>{{"bad.json", "ok.json"}, {"ok.json", "bad.json"}}) {
      const ProgramResult r = w.run({"diff", order[0], order[1]});
      CHECK(r.status == 2);
      CHECK(r.out.empty());
      CHECK(r.err.find("dbaudit: bad.json is ") == 0);
      CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
    }
  }
  CHECK(w.run({"diff", "ok.json", "none.json"}).err == "dbaudit: cannot read none.json: No such file or directory\n");
  // What a report says cannot command a terminal.
  w.write("evil.json", R"({"schema_version": 1, "findings": [{"code": "DBA\u001b[31m", "name": "n\u001b]0;x\u0007", "severity": "error",
    "confidence": "likely", "message": "m\u001b[2J", "tables": ["t\u001b"], "columns": [], "statements": [], "fingerprint": "00000000000000ff"}]})");
  const ProgramResult evil = w.run({"diff", "ok.json", "evil.json"});
  CHECK(evil.status == 1);
  CHECK(evil.out.find('\x1b') == std::string::npos);
}

TEST_CASE("progress: what it says and when", "[progress]") {
  CHECK(size_text(1) == "1 byte");
  CHECK(size_text(999) == "999 bytes");
  CHECK(size_text(1000) == "1.0 kB");
  CHECK(size_text(999'949) == "999.9 kB");
  CHECK(size_text(999'950) == "1.0 MB");
  CHECK(size_text(3'400'000'000) == "3.4 GB");
  CHECK(progress_text("app.log", 1'200'000'000, 3'400'000'000, 6) == "app.log: 1.2 GB of 3.4 GB (35%), 200.0 MB/s, 11 s left");
  CHECK(progress_text("app.log", 100, 3'600'000, 1) == "app.log: 100 bytes of 3.6 MB (0%), 100 bytes/s, 9 h 59 min left");
  CHECK(progress_text("a\x1b", 5'000'000, 0, 2) == "a\\x1b: 5.0 MB, 2.5 MB/s");
  CHECK(progress_text("a.log", 5'000'000, 4'000'000, 2) == "a.log: 5.0 MB, 2.5 MB/s");  // it grew, or is compressed after all
  CHECK(progress_text("a.log", 0, 4'000'000, 0) == "a.log: 0 bytes of 4.0 MB (0%)");
  CHECK(progress_mode(true, false, false) == ProgressMode::kLine);
  CHECK(progress_mode(false, false, false) == ProgressMode::kNone);
  CHECK(progress_mode(false, false, true) == ProgressMode::kLines);
  CHECK(progress_mode(true, true, true) == ProgressMode::kNone);

  const Workplace w;
  w.write("app.log", text_of(race_log(false)));
  const ProgramResult silent = w.scan({"app.log"});
  CHECK(silent.err.empty());
  const ProgramResult forced = w.scan({"--progress", "app.log", "schema.sql"});
  CHECK(forced.err.find("app.log: ") == 0);
  const ProgramResult one = w.scan({"--progress", "app.log"});
  CHECK(one.out == silent.out);
  CHECK(one.err.find("(100%)") != std::string::npos);
  CHECK(std::count(one.err.begin(), one.err.end(), '\n') == 1);
}

TEST_CASE("Ctrl-C: one line, status 130, no report and no part of one", "[progress]") {
  const Workplace w;
  w.write("app.log", text_of(race_log(false)));
  // The writing end stays open: the log does not end by itself.
  for (const std::string more : {"", " --jobs 2"}) {
    const std::string script = fmt::format(
        "mkfifo pipe && exec 3<>pipe && timeout --preserve-status -k 60 -s INT 3 '{}' scan --schema schema.sql --engine postgresql "
        "--format json"
        " --report text=r.txt{} app.log pipe 3>&-",
        DBAUDIT_BINARY, more);
    const ProgramResult r = run_program({"/bin/sh", "-c", script}, w.dir.path());
    INFO(r.err);
    CHECK(r.status == 130);
    CHECK(r.out.empty());
    CHECK(r.err.find("dbaudit: interrupted while ") == 0);
    CHECK(r.err.find("; no report was written\n") != std::string::npos);
    const ProgramResult files = run_program({"/bin/ls"}, w.dir.path());
    CHECK(files.out == "app.log\npipe\nschema.sql\n");
    run_program({"/bin/rm", "pipe"}, w.dir.path());
  }
}

TEST_CASE("dbaudit.toml in use: said with --verbose, the same report, and nothing about today in it", "[config]") {
  const Workplace w;
  w.write("app.log", text_of(race_log(false)));
  const std::string plain = w.scan({"app.log"}).out;
  w.write("dbaudit.toml", "log = \"app.log\"\nfail-on = \"never\"\n");
  const ProgramResult by_file = w.scan({});
  CHECK(by_file.status == 0);
  CHECK(by_file.out == plain);
  CHECK(by_file.err.empty());
  CHECK(w.scan({"--verbose"}).err == "dbaudit: note: options from dbaudit.toml\n");
  CHECK(w.scan({"--fail-on", "error"}).status == 1);
  w.write("dbaudit.toml", "log = \"app.log\"\n[[suppress]]\nrule = \"DBA101\"\nreason = \"r\"\nexpires = 2020-01-01\n");
  const ProgramResult expired = w.scan({});
  CHECK(expired.out == plain);
  CHECK(expired.err == "dbaudit: note: dbaudit.toml:2: suppression of DBA101 expired on 2020-01-01: a finding is reported again\n");
  CHECK(w.scan({"--quiet"}).err.empty());
  w.write("dbaudit.toml", "log = \"app.log\"\nfial-on = \"never\"\n");
  const ProgramResult wrong = w.scan({});
  CHECK(wrong.status == 2);
  CHECK(wrong.err == "dbaudit: dbaudit.toml:2: unknown key 'fial-on' (did you mean fail-on?)\n");
}

}  // namespace dbaudit
