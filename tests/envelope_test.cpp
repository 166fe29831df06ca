// Envelopes: a log inside one is the log without it, with the line numbers of the file on disk.

#include "analyzers/log/envelope.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

struct Opened {
  std::string format, envelope;
  std::vector<KeptRecord> records;
  ReaderCounts counts;
  uint64_t bytes = 0;
};

Opened open(const std::string& bytes, std::string_view wanted = {}) {
  Opened result;
  OpenedLog log = open_records(std::make_unique<Lines>(memory_source(bytes)), wanted.empty() ? nullptr : find_format(wanted), {});
  result.envelope = log.envelope;
  if (log.reader == nullptr) return result;
  result.format = log.format->name;
  result.records = keep_all(*log.reader);
  result.counts = log.reader->counts();
  result.bytes = log.lines->bytes_read();
  return result;
}

std::vector<std::string> lines_of(const std::string& bytes) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size());
    lines.push_back(bytes.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string wrap(const std::string& bytes, const std::function<std::string(const std::string&)>& line) {
  std::string result;
  for (const std::string& l : lines_of(bytes)) result += line(l) + "\n";
  return result;
}

std::string quoted(const std::string& s) { return nlohmann::json(s).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

void check_same(const Opened& bare, const Opened& ours) {
  CHECK(ours.format == bare.format);
  REQUIRE(ours.records.size() == bare.records.size());
  for (size_t i = 0; i < bare.records.size(); ++i) {
    INFO("record " << i << ": " << bare.records[i].sql);
    CHECK(ours.records[i].sql == bare.records[i].sql);
    CHECK(ours.records[i].session == bare.records[i].session);
    CHECK((ours.records[i].params == bare.records[i].params));
    CHECK(ours.records[i].fields.line == bare.records[i].fields.line);
    CHECK(ours.records[i].fields.kind == bare.records[i].fields.kind);
    CHECK(ours.records[i].error_message == bare.records[i].error_message);
    CHECK(ours.records[i].fields.about_line == bare.records[i].fields.about_line);
  }
}

const char* const kStderr =
    "2026-11-20 14:25:56.336 UTC [26884] LOG:  statement: BEGIN\n"
    "2026-11-20 14:25:56.337 UTC [26884] LOG:  execute <unnamed>: SELECT id\n"
    "\tFROM acct WHERE id = $1\n"
    "2026-11-20 14:25:56.337 UTC [26884] DETAIL:  parameters: $1 = '1'\n"
    "2026-11-20 14:25:56.339 UTC [26885] LOG:  statement: INSERT INTO acct VALUES (1, 'a \"b\" \\ c')\n"
    "2026-11-20 14:25:56.340 UTC [26885] ERROR:  duplicate key value violates unique constraint \"acct_pkey\"\n"
    "2026-11-20 14:25:56.340 UTC [26885] DETAIL:  Key (id)=(1) already exists.\n"
    "2026-11-20 14:25:56.340 UTC [26885] STATEMENT:  INSERT INTO acct VALUES (1, 'a \"b\" \\ c')\n"
    "2026-11-20 14:25:56.341 UTC [26884] LOG:  statement: COMMIT\n";

}  // namespace

TEST_CASE("envelope: a log inside one is the log without it") {
  const struct {
    const char* name;
    std::function<std::string(const std::string&)> line;
  } kWraps[] = {
      {"docker-json",
       [](const std::string& l) {
         return R"({"log":)" + quoted(l + "\n") + R"(,"stream":"stderr","time":"2026-11-20T14:25:57.000000001Z"})";
       }},
      {"journald-json",
       [](const std::string& l) {
         return R"({"_PID":"77","MESSAGE":)" + quoted(l) + R"(,"__REALTIME_TIMESTAMP":"1795185538369123","PRIORITY":"6"})";
       }},
      {"kubernetes-cri", [](const std::string& l) { return "2026-11-20T14:25:57.000000001Z stderr F " + l; }},
      {"compose", [](const std::string& l) { return "db-1   | " + l; }},
      {"compose", [](const std::string& l) { return "\x1B[36mdb-1   |\x1B[0m " + l; }},
      {"kubectl-prefix", [](const std::string& l) { return "[pod/db-0/postgres] " + l; }},
      {"syslog", [](const std::string& l) { return "Nov 20 14:25:57 db-1 docker[77]: " + l; }},
      {"syslog", [](const std::string& l) { return "<134>1 2026-11-20T14:25:57.000Z db-1 postgres 77 - - " + l; }},
      {"stream-time", [](const std::string& l) { return "2026-11-20T14:25:57.000000+00:00 instance/db-1 " + l; }},
      {"time", [](const std::string& l) { return "2026-11-20T14:25:57.000Z " + l; }},
      {"json",
       [](const std::string& l) { return R"({"insertId":"a1","textPayload":)" + quoted(l) + R"(,"timestamp":"2026-11-20T14:25:57Z"})"; }},
      {"json", [](const std::string& l) { return R"({"timestamp":1795185538369,"message":)" + quoted(l) + "}"; }},
      {"colours", [](const std::string& l) { return "\x1B[1;32m" + l + "\x1B[0m"; }},
  };
  const Opened bare = open(kStderr);
  REQUIRE(bare.format == "postgres-stderr");
  REQUIRE(bare.envelope.empty());
  REQUIRE(bare.records.size() >= 5);
  for (const auto& w : kWraps) {
    const std::string wrapped = wrap(kStderr, w.line);
    INFO(w.name << "\n" << wrapped);
    const Opened ours = open(wrapped);
    CHECK(ours.envelope == w.name);
    CHECK(ours.counts.unrecognised_lines == 0);
    CHECK(ours.bytes == wrapped.size());
    check_same(bare, ours);
    // The same when the format is given.
    CHECK(open(wrapped, "postgres-stderr").envelope == w.name);
  }
}

TEST_CASE("envelope: every fixture of a log, in Docker's JSON and in the CRI's lines") {
  size_t seen = 0;
  for (const Format* format : all_formats()) {
    for (const FormatSample& sample : format->samples) {
      const std::string text(sample.text);
      if (text.find('\x1B') != std::string::npos || text.find('\r') != std::string::npos) continue;
      const Opened bare = open(text + (text.ends_with("\n") ? "" : "\n"));
      if (bare.envelope != "" || bare.format != format->name) continue;
      INFO(format->name << ": " << text);
      check_same(bare, open(wrap(text, [](const std::string& l) {
                   return R"({"log":)" + quoted(l + "\n") + R"(,"stream":"stdout","time":"2026-11-20T14:25:57.000000001Z"})";
                 })));
      check_same(bare, open(wrap(text, [](const std::string& l) { return "2026-11-20T14:25:57.000000001Z stdout F " + l; })));
      ++seen;
    }
  }
  CHECK(seen >= 4);
}

TEST_CASE("envelope: a log in two of them") {
  const std::string cri = wrap(kStderr, [](const std::string& l) { return "2026-11-20T14:25:57.000000001Z stderr F " + l; });
  const std::string both = wrap(cri, [](const std::string& l) { return R"({"date":1795185538.5,"log":)" + quoted(l) + "}"; });
  const Opened ours = open(both);
  CHECK(ours.envelope == "json");
  check_same(open(kStderr), ours);
}

TEST_CASE("envelope: no more layers are taken off than there are, nor more than two") {
  // Every other line is of one envelope or of another, as in a log that several programs write.
  const Opened mixed = open(
      "\x1B[36mdb-1   |\x1B[0m 2026-11-20 14:25:56.336 UTC [26884] LOG:  statement: BEGIN\n"
      "\x1B[36mdb-1   |\x1B[0m 2026-11-20{\"log\": \"2026-11-20 14:25:56.336 UTC [26884] LOG:   14:25:56.337 UTC [26884] LOG:  execute\n"
      "\x1B[36mdb-1   |\x1B[0m \tFROM acct WHERE idstatement: BEGIN\\n\",  = $1\n"
      "\x1B[3\"stream\":4derr\"");
  CHECK(mixed.records.size() <= 4);
  std::string text = kStderr;
  for (int layer = 0; layer < 5; ++layer) text = wrap(text, [](const std::string& l) { return "2026-11-20T14:25:57.1Z stderr F " + l; });
  CHECK(open(text).bytes <= text.size());
}

TEST_CASE("envelope: parts of a cut line are joined, and lines keep the numbers of the file") {
  const std::string log =
      "2026-11-20T14:25:57.1Z stderr F 2026-11-20 14:25:56.336 UTC [1] LOG:  statement: BEGIN\n"
      "2026-11-20T14:25:57.1Z stderr P 2026-11-20 14:25:56.337 UTC [1] LOG:  statement: SEL\n"
      "2026-11-20T14:25:57.1Z stderr P ECT 1,\n"
      "2026-11-20T14:25:57.1Z stderr F  2\n"
      "2026-11-20T14:25:57.1Z stderr F 2026-11-20 14:25:56.338 UTC [1] LOG:  statement: COMMIT\n";
  const Opened ours = open(log);
  REQUIRE(ours.records.size() == 3);
  CHECK(ours.records[1].sql == "SELECT 1, 2");
  CHECK(ours.records[1].fields.line == 2);
  CHECK(ours.records[2].fields.line == 5);
}

TEST_CASE("envelope: entries of several lines, and a JSON array printed over lines") {
  std::string array = "[\n";
  for (const char* text : {"2026-11-20 14:25:56.336 UTC [1] LOG:  statement: SELECT 1,\\n\\t2",
                           "2026-11-20 14:25:56.337 UTC [1] LOG:  statement: SELECT '}{'"}) {
    array += std::string(array.size() > 2 ? ",\n" : "") + "  {\n    \"insertId\": \"{\",\n    \"textPayload\": \"" + text +
             "\",\n    \"timestamp\": \"2026-11-20T14:25:57Z\"\n  }";
  }
  array += "\n]\n";
  const Opened ours = open(array);
  CHECK(ours.envelope == "json");
  REQUIRE(ours.records.size() == 2);
  CHECK(ours.records[0].sql == "SELECT 1,\n2");
  CHECK(ours.records[0].fields.line == 2);
  CHECK(ours.records[1].sql == "SELECT '}{'");
  CHECK(ours.records[1].fields.line == 7);
}

TEST_CASE("envelope: its time serves a log that has none, its container tells sessions apart") {
  std::string log;
  for (int i = 0; i < 12; ++i) {
    const std::string container = i % 3 == 0 ? "web-2" : "web-1";
    log += container + "  | 2026-11-20T14:25:5" + std::to_string(i % 10) +
           R"(.000000001Z DEBUG django.db.backends 77 139 (0.001) SELECT 1; args=(); alias=default)" + "\n";
  }
  const Opened ours = open(log);
  REQUIRE(ours.envelope == "compose");
  REQUIRE(ours.records.size() == 12);
  CHECK(ours.records[0].fields.time.known());
  CHECK(ours.records[0].session != ours.records[1].session);
  CHECK(ours.records[1].session == ours.records[2].session);
  CHECK(ours.records[0].session == ours.records[3].session);
}

TEST_CASE("envelope: none where there is none") {
  CHECK(open("nothing of ours\nand more of it\n").format.empty());
  CHECK(open("web-1  | nothing of ours\nweb-1  | and more\n").format.empty());
  CHECK(open(R"({"log":"prose\n","stream":"stdout","time":"2026-11-20T14:25:57Z"})"
             "\n")
            .format.empty());
}

TEST_CASE("envelope: cut anywhere, no event is invented") {
  const std::string docker = wrap(kStderr, [](const std::string& l) {
    return R"({"log":)" + quoted(l + "\n") + R"(,"stream":"stderr","time":"2026-11-20T14:25:57.000000001Z"})";
  });
  const size_t whole = open(docker).records.size();
  for (size_t cut = 0; cut < docker.size(); cut += 7) CHECK(open(docker.substr(0, cut)).records.size() <= whole);
}

}  // namespace dbaudit
