#include <filesystem>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/log_fixture.h"
#include "tests/orm_truth.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

KeptLog read(const std::string& text) { return keep_log(text, "peewee"); }

std::string params_of(const KeptRecord& r) {
  if (!r.fields.has_params) return "none";
  std::string out;
  for (const auto& p : r.params) out += (out.empty() ? "" : "|") + p.value_or("<null>");
  return out;
}

std::vector<std::string> fixture_logs() {
  std::vector<std::string> names = fixture_names("peewee", ".log");
  REQUIRE(names.size() >= 4);
  return names;
}

}  // namespace

TEST_CASE("peewee: real runs give back what was executed, thread by thread") {
  for (const std::string& name : fixture_logs()) {
    INFO(name);
    const std::string stem = name.substr(0, name.size() - 4);
    const std::string formatter = stem.substr(stem.rfind('.') + 1);
    const std::vector<Execution> truth = read_truth(stem + ".truth.jsonl");
    const std::string text = fixture(name);
    const Format* format = detect_format(std::string_view(text).substr(0, 65536), {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "peewee");
    const KeptLog log = read(text);
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.truncated_statements == 0);
    CHECK(log.counts.statements == truth.size());
    std::map<std::string, std::vector<KeptRecord>> found;
    for (const KeptRecord& r : log.statements()) {
      CHECK(r.fields.tx_boundary == TxBoundary::kInferred);
      CHECK(r.fields.time.known() == (formatter != "bare"));
      found[formatter == "bare" ? "" : r.session.substr(r.session.find(':') + 1)].push_back(r);
    }
    auto threads = by_thread(truth, formatter == "verbose");
    if (formatter == "bare") threads = {{"", truth}};
    CHECK(found.size() == threads.size());
    for (const auto& [thread, executed] : threads) {
      const std::vector<KeptRecord>& read_back = found[thread];
      REQUIRE(read_back.size() == executed.size());
      for (size_t i = 0; i < executed.size(); ++i) {
        CHECK(read_back[i].sql == executed[i].sql);
        CHECK((read_back[i].params == executed[i].params));
      }
    }
    std::vector<std::string> incomplete = {"no-transaction-boundaries"};
    if (formatter == "bare") incomplete = {"no-session", "no-time", "no-transaction-boundaries"};
    CHECK((log.counts.incomplete == incomplete));
  }
}

TEST_CASE("peewee: tuples") {
  struct Case {
    const char *message, *sql;
    std::string params;
    bool truncated = false;
  };
  const Case cases[] = {
      {"('SELECT 1', None)", "SELECT 1", ""},
      {"('SELECT 1', [])", "SELECT 1", ""},
      {"('SELECT 1', ())", "SELECT 1", ""},
      {"('SAVEPOINT \"s0f3c\";', None)", "SAVEPOINT \"s0f3c\";", ""},
      {"('SELECT %s, %s', ['a', None])", "SELECT %s, %s", "a|<null>"},
      {"(\"SELECT 'x', ?\", (1,))", "SELECT 'x', ?", "1"},
      {"('SELECT \\'x\\', \"y\", \\'two\\nlines\\'', [1.5])", "SELECT 'x', \"y\", 'two\nlines'", "1.5"},
      {"('INSERT INTO t VALUES (?, ?, ?)', [datetime.datetime(2026, 1, 1, 0, 0), <memory at 0x7f86e4a19840>, b'a\\xff'])",
       "INSERT INTO t VALUES (?, ?, ?)", "2026-01-01 00:00:00|<memory at 0x7f86e4a19840>|a\xff"},
      {"('INSERT INTO t VALUES (%s)', [<psycopg2.extensions.Binary object at 0x7faea9e89860>])", "INSERT INTO t VALUES (%s)",
       "<psycopg2.extensions.Binary object at 0x7faea9e89860>"},
      {"('\\n  SELECT 1', [Decimal('1.50'), UUID('8c6a')])", "\n  SELECT 1", "1.50|8c6a"},
      {"('SELECT 1, 2", "SELECT 1, 2", "none", true},
      {"('SELECT \\", "SELECT ", "none", true},
      {"('SELECT %s, %s', ['a', 'b", "SELECT %s, %s", "a", true},
  };
  for (const Case& c : cases) {
    INFO(c.message);
    const std::string head = "2026-01-09 10:00:00,123 DEBUG peewee [4101:Thread-1] ";
    const KeptLog log = read(head + "('BEGIN', None)\n" + head + c.message);
    REQUIRE(log.statements().size() == 2);
    const KeptRecord r = log.statements()[1];
    CHECK(r.session == "4101:Thread-1");
    CHECK(r.sql == c.sql);
    CHECK((params_of(r) == c.params));
    CHECK(r.fields.truncated == c.truncated);
  }
}

TEST_CASE("peewee: other lines, other loggers, JSON that took the tuple apart") {
  const std::string entry = "2026-01-09 10:00:00,123 DEBUG peewee [4101:Thread-1] ('SELECT 1', None)\n";
  const KeptLog log =
      read(entry + "2026-01-09 10:00:00,124 INFO shop [4101:Thread-1] ('SELECT 2', None)\n" +
           "2026-01-09 10:00:00,124 ERROR shop [4101:Thread-1] failed\nTraceback (most recent call last):\n('SELECT 3', None)\n" + entry +
           "GET / HTTP/1.1\n" + "2026-01-09 10:00:00,125 DEBUG peewee.pool [4101:Thread-1] Created new connection 140.\n" + entry);
  CHECK(log.statements().size() == 3);
  CHECK(log.counts.unrecognised_lines == 1);
  const KeptLog json = read(
      "{\"timestamp\": \"2026-01-09T10:00:00Z\", \"logger\": \"peewee\", \"thread\": \"w-1\", \"message\": [\"SELECT %s\", [1, null]]}\n"
      "{\"timestamp\": \"2026-01-09T10:00:00Z\", \"logger\": \"peewee\", \"thread\": \"w-1\", \"msg\": \"('SELECT %s', [2])\"}\n"
      "{\"timestamp\": \"2026-01-09T10:00:00Z\", \"logger\": \"shop\", \"thread\": \"w-1\", \"msg\": \"('SELECT %s', [3])\"}\nnot json\n");
  REQUIRE(json.statements().size() == 2);
  CHECK(params_of(json.statements()[0]) == "1|<null>");
  CHECK(params_of(json.statements()[1]) == "2");
  CHECK(json.counts.unrecognised_lines == 1);
}

TEST_CASE("peewee: a savepoint's name tells connections apart where nothing else does") {
  const std::string bytes = "('SAVEPOINT \"s0f3c2a9d5b7e4c1a8d6f2b9e7c5a3d10\";', None)\n('RELEASE SAVEPOINT `mine`;', None)\n";
  const Format* format = find_format("peewee");
  REQUIRE(format != nullptr);
  auto reader = format->open(std::make_unique<Lines>(memory_source(bytes)), {});
  LogRecord r;
  REQUIRE(reader->next(r));
  REQUIRE(r.tags.size() == 1);
  CHECK(r.tags[0].name == "savepoint");
  CHECK(r.tags[0].value == "s0f3c2a9d5b7e4c1a8d6f2b9e7c5a3d10");
  REQUIRE(reader->next(r));
  CHECK(r.tags.empty());
}

TEST_CASE("peewee: an object whose repr has newlines") {
  const std::string head = "2026-01-09 10:00:00,123 DEBUG peewee [4101:Thread-1] ";
  const KeptLog log =
      read(head + "('SELECT %s', [1])\n" + head + "('SELECT %s, %s', [array([1,\n       2]), 'x'])\n" + head + "('SELECT 2', None)\n");
  REQUIRE(log.statements().size() == 3);
  CHECK(log.statements()[1].params.size() == 2);
  CHECK_FALSE(log.statements()[1].fields.truncated);
  CHECK(log.counts.unrecognised_lines == 0);
}

TEST_CASE("peewee: a log cut at any byte, DOS line ends, changed bytes", "[slow]") {
  for (const std::string& name : fixture_logs()) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_cuts(bytes, "peewee", {.limit = 3000}, [](const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole) {
      if (i + 1 == part.size() && part[i].fields.truncated) return true;
      return part[i].sql == whole[i].sql && (i + 1 == part.size() || part[i].params == whole[i].params);
    });
    check_dos_lines(bytes, "peewee");
    check_damage(bytes, "peewee", 40, one_record_a_line);
  }
  const std::string head = "2026-01-09 10:00:00,123 DEBUG peewee [4101:Thread-1] ";
  const KeptLog log = read(head + "('SELECT 1', None)\n" + head + "('SELECT \\'" + std::string(size_t{10} << 20, 'x') + "\\'', None)\n" +
                           head + "('SELECT 2', None)\n");
  REQUIRE(log.statements().size() == 3);
  CHECK(log.statements()[1].sql.size() == (size_t{10} << 20) + 9);
}

TEST_CASE("peewee: the shared logs") {
  const fs::path shared = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared";
  if (!fs::exists(shared / "logs")) SKIP_TEST("../shared is absent");
  size_t logs = 0;
  for (const char* directory : {"logs/peewee", "corpus"}) {
    for (const auto& entry : fs::directory_iterator(shared / directory)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && !name.starts_with("pw-")) continue;
      const fs::path path = entry.is_directory() ? entry.path() / "orm.log" : entry.path();
      if (!fs::is_regular_file(path) || (!entry.is_directory() && !name.starts_with("peewee"))) continue;
      INFO(path.string());
      ++logs;
      const std::string bytes = read_bytes(path);
      const Format* format = detect_format(std::string_view(bytes).substr(0, 65536), {});
      REQUIRE(format != nullptr);
      CHECK(format->name == "peewee");
      const KeptLog log = read(bytes);
      CHECK(log.counts.unrecognised_lines == 0);
      // A repr is one line, so every line is a statement.
      CHECK(log.counts.statements == static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n')));
    }
  }
  CHECK(logs == 5 + 33);
}

}  // namespace dbaudit
