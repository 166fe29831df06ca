#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "analyzers/log/formats/activerecord_message.h"
#include "analyzers/log/formats/ruby_inspect.h"
#include "tests/orm_log_fixture.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kName = "activerecord";

OrmLog read(const std::string& text, const ReaderOptions& options = {}) { return read_orm_log(text, kName, options); }

}  // namespace

TEST_CASE("activerecord: real runs against what ActiveRecord announced") {
  for (const char* logger : {"plain", "colour", "logger", "tagged", "json"}) {
    const std::string name = std::string("activerecord/rails6.1_") + logger;
    INFO(name);
    const std::string bytes = fixture(name + ".log");
    CHECK(detect_format(bytes, {}) == find_format(kName));
    const OrmLog log = read(bytes);
    std::vector<json> truth;
    std::istringstream in(fixture(name + ".truth.jsonl"));
    for (std::string line; std::getline(in, line);) {
      json t = json::parse(line);
      if (!t["cached"].get<bool>()) truth.push_back(std::move(t));
    }
    REQUIRE(log.statements.size() == truth.size());
    CHECK(log.counts.unrecognised_lines == 0);
    // Threads announce and write in no common order; in a request the order is exact.
    std::map<std::string, std::vector<json>> theirs;
    std::map<std::string, std::vector<OrmEvent>> ours;
    const bool tagged = std::string(logger) == "tagged";
    for (const json& t : truth) theirs[tagged && !t["request"].is_null() ? t["request"].get<std::string>() : ""].push_back(t);
    for (const OrmEvent& e : log.statements) ours[e.session].push_back(e);
    REQUIRE(ours.size() == theirs.size());
    for (const auto& [request, list] : theirs) {
      INFO("request " << request);
      REQUIRE(ours[request].size() == list.size());
      for (size_t i = 0; i < list.size(); ++i) {
        const OrmEvent& e = ours[request][i];
        CHECK(e.sql == list[i]["sql"]);
        REQUIRE(e.params.size() == list[i]["params"].size());
        CHECK(e.truncated == list[i]["binary"].get<bool>());
        for (size_t p = 0; p < e.params.size(); ++p) {
          const json& value = list[i]["params"][p];
          if (value.is_null()) continue;  // NULL, or bytes that are not shown
          CHECK(e.params[p] == (value.is_string() ? value.get<std::string>() : "#" + value.dump()));
        }
        CHECK(e.boundary == TxBoundary::kExplicit);
        if (tagged) CHECK((request.empty() || e.tags.at("request_id") == request));
        if (std::string(logger) == "logger") CHECK(e.source_line > 0);
      }
    }
  }
}

TEST_CASE("activerecord: what a tagged, coloured log of MySQL tells") {
  const OrmLog log = read(fixture("activerecord/tagged_mysql.log"));
  const std::string order = "0bf1a9b6-7a0e-4e34-9f1c-53e5c22f1d61", other = "77777777-7a0e-4e34-9f1c-53e5c22f1d61";
  REQUIRE(log.sql() == std::vector<std::string>{"SELECT 1 AS one FROM `orders` WHERE `orders`.`ref` = 'it\\'s\ntwo\\\\' LIMIT 1", "BEGIN",
                                                "BEGIN", "INSERT INTO `orders` (`ref`) VALUES ('it\\'s\ntwo\\\\')", "ROLLBACK", "COMMIT"});
  CHECK(log.statements[0].session == order);
  CHECK(log.statements[1].session == other);
  CHECK(log.statements[3].tags.at("controller") == "OrdersController#create");
  // Another thread wrote between the statement and its source.
  CHECK(log.statements[3].source_file == "app/models/order.rb");
  CHECK(log.statements[3].source_line == 42);
  CHECK(log.statements[1].source_file == "app/models/other.rb");
  CHECK(to_iso8601(log.statements[3].end) == "2026-01-09T10:00:00.105");
  CHECK(to_iso8601(log.statements[3].time) == "2026-01-09T10:00:00.104200");
  CHECK(log.counts.unrecognised_lines == 0);
  CHECK(log.counts.incomplete.empty());
  std::vector<OrmEvent> errors;
  for (const OrmEvent& e : log.all) {
    if (e.kind == RecordKind::kError) errors.push_back(e);
  }
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].error_code == "1062");
  CHECK(errors[0].error_message == "Duplicate entry 'x' for key 'orders.index_orders_on_ref'");
  CHECK(errors[0].attaches);
  CHECK(errors[0].about_line == log.statements[3].line);
}

TEST_CASE("activerecord: lines and what they hold") {
  const struct {
    const char* text;
    std::vector<std::string> sql, params;
    const char* session;
    int64_t duration;
  } cases[] = {
      {"   (0.3ms)  SELECT 1\n", {"SELECT 1"}, {}, "", 300},
      {"  User Load (0.5ms)  SELECT * FROM users WHERE id = $1 LIMIT $2  [[\"id\", 2], [\"LIMIT\", 1]]\n",
       {"SELECT * FROM users WHERE id = $1 LIMIT $2"},
       {"#2", "#1"},
       "",
       500},
      // Rails 4: one blank more or less, no bold.
      {"  \x1b[1m\x1b[36mUser Load (0.5ms)\x1b[0m  \x1b[1mSELECT * FROM users WHERE id = ?\x1b[0m  [[\"id\", \"7\"]]\n",
       {"SELECT * FROM users WHERE id = ?"},
       {"7"},
       "",
       500},
      {"  SQL (0.5ms)  UPDATE t SET a = ?, b = ?, c = ? WHERE id = ?  [[\"a\", nil], [\"b\", \"x\\u00e9\\e\\\"\\#{y}\"], [\"c\", 0.15e1], "
       "[nil, -3]]\n",
       {"UPDATE t SET a = ?, b = ?, c = ? WHERE id = ?"},
       {"<null>", "x\xC3\xA9\x1b\"#{y}", "#0.15e1", "#-3"},
       "",
       500},
      // An array of PostgreSQL's is no bind.
      {"  X Load (1.0ms)  SELECT ARRAY[[1,2],[3,4]],  [[1]]\n", {"SELECT ARRAY[[1,2],[3,4]],  [[1]]"}, {}, "", 1000},
      {"  ASYNC User Load (0.1ms) (db time 2.5ms)  SELECT 1 FROM users\n", {"SELECT 1 FROM users"}, {}, "", 2500},
      {"  CACHE User Load (0.0ms)  SELECT 1 FROM users\n  CACHE (0.0ms)  SELECT 2\n", {}, {}, "", 0},
      // A heredoc, with a comment tag, then a line of the application's.
      {"  User Load (0.2ms)  SELECT *\n    FROM users\n\n    hello there\n", {"SELECT *\n    FROM users"}, {}, "", 200},
      {"  User Load (0.2ms)  \n  SELECT id,\n    name\n  FROM users WHERE a IN (\n1,\n2)\n  [[\"id\", 1]]\nhello\n",
       {"SELECT id,\n    name\n  FROM users WHERE a IN (\n1,\n2)"},
       {"#1"},
       "",
       200},
      {"  User Load (0.2ms)  SELECT 1\nPuma starting in single mode...\n", {"SELECT 1"}, {}, "", 200},
      {"web-1  |   User Load (0.2ms)  SELECT 1\n", {"SELECT 1"}, {}, "", 200},
      {"2026-01-09T10:00:00.123Z pid=7 tid=ox2 class=PayJob jid=8f1 DEBUG:   User Load (0.2ms)  SELECT 1\n",
       {"SELECT 1"},
       {},
       "7:ox2",
       200},
      {"[2026-01-09T10:00:00.123+01:00] [DEBUG] [abcdef0123456789abcdef] [10.0.0.1] User Load (0.2ms)  SELECT 1\n",
       {"SELECT 1"},
       {},
       "abcdef0123456789abcdef",
       200},
      {"Completed 200 OK in 50ms (Views: 30.1ms | ActiveRecord: 5.2ms)\n  Rendered a.erb (1.2ms)\n", {}, {}, "", 0},
      {"  TRANSACTION (0.1ms)  BEGIN immediate TRANSACTION\n  TRANSACTION (0.1ms)  RELEASE SAVEPOINT active_record_1\n",
       {"BEGIN immediate TRANSACTION", "RELEASE SAVEPOINT active_record_1"},
       {},
       "",
       100},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const OrmLog log = read(c.text);
    CHECK(log.sql() == c.sql);
    if (log.statements.empty()) continue;
    CHECK(log.statements[0].params == c.params);
    CHECK(log.statements[0].session == c.session);
    CHECK(log.statements[0].duration_us == c.duration);
    CHECK_FALSE(log.statements[0].truncated);
  }
}

TEST_CASE("activerecord: values that are not shown make the statement incomplete") {
  for (const char* value : {"\"<16 bytes of binary data>\"", "\"[FILTERED]\""}) {
    const OrmLog log = read("  X Load (0.1ms)  SELECT 1 FROM x WHERE id = ?  [[\"id\", " + std::string(value) + "]]\n");
    REQUIRE(log.statements.size() == 1);
    CHECK(log.statements[0].truncated);
    CHECK(log.counts.incomplete == std::vector<std::string>{"no-session", "no-time", "truncated"});
  }
}

TEST_CASE("activerecord: processes are sessions only where they prove to be") {
  const auto line = [](int pid, const char* sql) {
    return "D, [2026-01-09T10:00:00.000000 #" + std::to_string(pid) + "] DEBUG -- :   TRANSACTION (0.1ms)  " + sql + "\n";
  };
  CHECK(read(line(1, "BEGIN") + line(2, "BEGIN") + line(1, "COMMIT") + line(2, "COMMIT")).statements[0].session == "1");
  CHECK(read(line(1, "BEGIN") + line(1, "BEGIN") + line(2, "BEGIN") + line(1, "COMMIT")).statements[0].session.empty());  // threads
  CHECK(read(line(1, "BEGIN") + line(1, "COMMIT")).statements[0].session.empty());
}

TEST_CASE("activerecord: JSON lines") {
  const OrmLog log = read(
      "{\"host\":\"a\",\"timestamp\":\"2026-01-09T10:00:00.200Z\",\"level\":\"debug\",\"pid\":4,\"thread\":\"puma "
      "001\",\"name\":\"ActiveRecord\","
      "\"message\":\"User Load\",\"duration_ms\":0.5,\"payload\":{\"sql\":\"SELECT * FROM users WHERE id = $1 LIMIT "
      "$2\",\"binds\":{\"id\":1,"
      "\"limit\":null}},\"named_tags\":{\"request_id\":\"r-1\"}}\n"
      "{\"timestamp\":\"2026-01-09T10:00:00.300Z\",\"name\":\"ActiveRecord\",\"message\":\"CACHE User Load\",\"payload\":{\"sql\":\"SELECT "
      "1\",\"cached\":"
      "true}}\n"
      "{\"time\":\"2026-01-09T10:00:00.400Z\",\"msg\":\"  User Load (0.3ms)  SELECT 'a\\nb'  [[\\\"id\\\", 3]]\",\"tags\":[\"r-2\"]}\n"
      "{\"time\":\"2026-01-09T10:00:00.400Z\",\"msg\":\"Completed 200 OK in 3ms\"}\n");
  REQUIRE(log.sql() == std::vector<std::string>{"SELECT * FROM users WHERE id = $1 LIMIT $2", "SELECT 'a\nb'"});
  CHECK(log.statements[0].params == std::vector<std::string>{"#1", "<null>"});
  CHECK(log.statements[0].session == "4:puma 001");
  CHECK(log.statements[0].tags.at("request_id") == "r-1");
  CHECK(to_iso8601(log.statements[0].time) == "2026-01-09T10:00:00.199500Z");
  CHECK(log.statements[1].params == std::vector<std::string>{"#3"});
  CHECK(log.statements[1].session == "r-2");
}

TEST_CASE("activerecord: a quote that never ends gives back what it swallowed") {
  std::string text = "  X Load (0.1ms)  SELECT 'cut by somebo\n";
  for (int i = 0; i < 200; ++i) text += "  X Load (0.1ms)  SELECT " + std::to_string(i) + "\n";
  const OrmLog log = read(text);
  CHECK(log.statements.size() == 201);
  CHECK(log.statements[0].truncated);
  CHECK(log.statements[0].sql == "SELECT 'cut by somebo");
  CHECK(log.statements[200].sql == "SELECT 199");
  CHECK(log.counts.truncated_statements == 1);
}

TEST_CASE("activerecord: exceptions of the adapters") {
  const struct {
    const char *text, *code, *message;
  } cases[] = {
      {"ActiveRecord::RecordNotUnique (PG::UniqueViolation: ERROR:  duplicate key value violates unique constraint \"a\"", "23505",
       "duplicate key value violates unique constraint \"a\""},
      {"ActiveRecord::Deadlocked (PG::TRDeadlockDetected: ERROR:  deadlock detected", "40P01", "deadlock detected"},
      {"ActiveRecord::Deadlocked: Mysql2::Error: Deadlock found when trying to get lock; try restarting transaction", "1213",
       "Deadlock found when trying to get lock; try restarting transaction"},
      {"ActiveRecord::StatementInvalid (Trilogy::ProtocolError: 1205: Lock wait timeout exceeded):", "1205",
       "1205: Lock wait timeout exceeded"},
      {"ActiveRecord::StatementInvalid (SQLite3::BusyException: database is locked):", "5", "database is locked"},
      {"PG::LockNotAvailable: ERROR:  could not obtain lock on row", "55P03", "could not obtain lock on row"},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const auto e = parse_database_exception(c.text);
    REQUIRE(e.has_value());
    CHECK(e->code == c.code);
    CHECK(e->message == c.message);
  }
  for (const char* text : {"ActiveRecord::RecordNotFound (Couldn't find User with 'id'=1):", "PG is fine", "ActiveRecord::", "PG::"}) {
    CHECK_FALSE(parse_database_exception(text).has_value());
  }
}

TEST_CASE("activerecord: an exception attaches only to the statement it certainly is of") {
  const std::string tag = "[0bf1a9b6-7a0e-4e34-9f1c-53e5c22f1d61] ";
  const std::string error = "ActiveRecord::RecordNotUnique (PG::UniqueViolation: ERROR:  duplicate\n";
  const auto attaches = [](const OrmLog& log) {
    for (const OrmEvent& e : log.all) {
      if (e.kind == RecordKind::kError) return e.attaches ? static_cast<int>(e.about_line) : 0;
    }
    return -1;
  };
  CHECK(attaches(read(tag + "  X Create (0.1ms)  INSERT INTO x VALUES (1)\n" + tag + error)) == 1);
  CHECK(attaches(read(tag + "  X Create (0.1ms)  INSERT INTO x VALUES (1)\n" + tag + "  TRANSACTION (0.1ms)  ROLLBACK\n" + tag + error)) ==
        1);
  CHECK(attaches(read(tag + "  X Create (0.1ms)  INSERT INTO x VALUES (1)\n" + tag + "  TRANSACTION (0.1ms)  COMMIT\n" + tag + error)) ==
        0);
  CHECK(attaches(read("  X Create (0.1ms)  INSERT INTO x VALUES (1)\n" + error)) == 0);  // of which thread?
}

TEST_CASE("activerecord: cut anywhere, with DOS lines, with noise", "[slow]") {
  for (const std::string& name : fixture_names("activerecord", ".log")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_orm_cuts(bytes.substr(0, 6000), kName);
    check_dos_lines(bytes, kName);
    check_damage(bytes, kName, 40, statements_in_order);
  }
}

TEST_CASE("activerecord: a line of 10 MB, one over the cap, NULs and bad UTF-8") {
  for (const size_t size : {size_t{10} << 20, size_t{20} << 20}) {
    const OrmLog log = read("  X Load (0.1ms)  SELECT '" + std::string(size, 'x') + "'\n  X Load (0.1ms)  SELECT 2\n");
    REQUIRE(log.statements.size() == 2);
    CHECK(log.statements[0].truncated == (size > size_t{16} << 20));
    CHECK(log.statements[1].sql == "SELECT 2");
  }
  for (const char* filling : {"  [[nil, ", "[[\"a\", ", " {", "[1] ", "(", "ms) "}) {
    INFO(filling);
    std::string text = "  X Load (0.1ms)  SELECT ";
    while (text.size() < size_t{3} << 20) text += filling;
    CHECK(read(text + "\n  X Load (0.1ms)  SELECT 2\n").statements.size() == 2);
  }
  const std::string odd("a\0b\xFF\xC3(\xED\xA0\x80", 9);
  const OrmLog log = read("  X Load (0.1ms)  SELECT '" + odd + "'  [[\"a\", \"" + odd + "\"]]\n");
  REQUIRE(log.statements.size() == 1);
  CHECK((log.statements[0].sql == "SELECT '" + odd + "'"));
  CHECK((log.statements[0].params == std::vector<std::string>{odd}));
}

TEST_CASE("activerecord: the shared logs") {
  const fs::path shared = fs::path(DBAUDIT_SOURCE_DIR) / ".." / "shared";
  if (!fs::exists(shared / "logs/rails")) SKIP_TEST("../shared is absent");
  // Counted with grep: lines with `ms)` less those with CACHE.
  const struct {
    const char* name;
    size_t statements, cached;
  } logs[] = {{"rails6.1_lite", 34, 1}, {"rails6.1_pg", 45, 1}, {"rails6.1_pg_tagged_color", 41, 1},
              {"rails7.2_lite", 31, 1}, {"rails7.2_pg", 41, 1}, {"rails7.2_pg_tagged_qlt", 40, 1}};
  for (const auto& l : logs) {
    INFO(l.name);
    const std::string bytes = read_bytes(shared / "logs/rails" / (std::string(l.name) + ".log"));
    CHECK(detect_format(std::string_view(bytes).substr(0, 65536), {}) == find_format(kName));
    const OrmLog log = read(bytes);
    CHECK(log.statements.size() == l.statements);
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(std::count_if(log.statements.begin(), log.statements.end(), [](const OrmEvent& e) { return !e.source_file.empty(); }) ==
          static_cast<std::ptrdiff_t>(l.statements));
  }
  // Each line of these is one statement; the server's own log of the run has every one of them (compared by how often a text came).
  size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(shared / "corpus")) {
    if (!entry.path().filename().string().starts_with("rb-")) continue;
    INFO(entry.path().filename().string());
    ++cases;
    const std::string bytes = read_bytes(entry.path() / "orm.log");
    CHECK(detect_format(std::string_view(bytes).substr(0, 65536), {}) == find_format(kName));
    const OrmLog log = read(bytes);
    CHECK(log.statements.size() == static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')));
    CHECK(log.counts.unrecognised_lines == 0);
    CHECK(log.counts.truncated_statements == 0);
    const fs::path server = entry.path() / "pg_stderr.log";
    if (!fs::exists(server)) continue;
    std::map<std::string, int> missing;
    for (const OrmEvent& e : log.statements) ++missing[e.sql];
    for (const OrmEvent& e : read_orm_log(read_bytes(server), "postgres-stderr").statements) --missing[e.sql];
    for (const auto& [sql, n] : missing) {
      INFO(sql);
      CHECK(n <= 0);
    }
  }
  CHECK(cases > 30);
}

}  // namespace dbaudit
