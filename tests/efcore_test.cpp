// EF Core's loggers. The fixtures are written by hand after RelationalStrings.resx and the formatters' sources.

#include "analyzers/log/formats/efcore_message.h"
#include "tests/app_logs_test.h"

namespace dbaudit {
namespace {

std::vector<std::string> told(const std::string& text) {
  std::vector<std::string> out;
  for (const KeptRecord& r : keep_log(text, "efcore").records) {
    std::string s = r.session + " " + r.sql.substr(0, r.sql.find('\n'));
    for (const auto& p : r.params) s += "|" + p.value_or("<null>").substr(0, 8);
    if (r.fields.has_error) s += " !" + r.error_code;
    out.push_back(s);
  }
  return out;
}
using Told = std::vector<std::string>;

std::string command(const std::string& parameters, const std::string& sql) {
  return "info: Microsoft.EntityFrameworkCore.Database.Command[20101]\n      Executed DbCommand (1ms) [Parameters=[" + parameters +
         "], CommandType='Text', CommandTimeout='30']\n      " + sql + "\n";
}
std::string transaction(const std::string& text) {
  return "dbug: Microsoft.EntityFrameworkCore.Database.Transaction[20200]\n      " + text + "\n";
}

}  // namespace

TEST_CASE("efcore: the fixtures") {
  struct Case {
    const char* name;
    Told told;
    std::vector<std::string> incomplete;
  };
  const std::string a = "0HN4A1:00000001", b = "0HN4A2:00000001";
  const Case cases[] = {
      {"console_scopes",
       {a + " BEGIN ISOLATION LEVEL SERIALIZABLE", b + " BEGIN ISOLATION LEVEL READ COMMITTED",
        a + " SELECT a.\"Id\", a.\"Bal\", a.\"Name\"|7", b + " SELECT a.\"Id\", a.\"Bal\", a.\"Name\"|8",
        a + " UPDATE \"Accts\" SET \"Bal\" = @p0, \"Name\" = @p1|5|O'Brien\n|7|1", a + " COMMIT", b + " SAVEPOINT __EFSavePoint",
        b + " INSERT INTO \"Accts\" (\"Name\", \"Bal\")|x|<null> !", b + " ROLLBACK TO SAVEPOINT __EFSavePoint", b + "  !23505",
        b + " ROLLBACK"},
       {"no-time"}},
      {"console_31",
       {" BEGIN ISOLATION LEVEL REPEATABLE READ", " INSERT INTO `Accts` (`Name`, `Bal`)", " COMMIT", " UPDATE `Accts` SET `Bal` = @p0 !",
        "  !1213"},
       {"no-parameters", "no-session", "no-time"}},
      {"log_to",
       {" BEGIN", " SELECT \"a\".\"Id\", \"a\".\"Note\"", " UPDATE \"Accts\" SET \"Note\" = @p0, \"At\" = @p1|a|b|2026-01-|3",
        " INSERT INTO \"Accts\" (\"Id\") VALUES (@p0);|3 !", "  !19", " ROLLBACK"},
       {"no-session"}},
      {"serilog",
       {" SELECT a.\"Id\"", " BEGIN ISOLATION LEVEL READ COMMITTED", " UPDATE \"Accts\" SET \"Bal\" = @p0|5|1|15|2", " COMMIT",
        " SELECT a.\"Bal\""},
       {"no-parameters", "no-session"}},
      {"nlog",
       {" SELECT [a].[Id]|4", " BEGIN ISOLATION LEVEL READ COMMITTED", " DELETE FROM [Accts] WHERE [Id] = @p0;|4", " COMMIT"},
       {"no-session"}},
      {"serilog_clef",
       {"0HN1:2 BEGIN ISOLATION LEVEL READ COMMITTED", "0HN1:2 SELECT \"Bal\" FROM \"Accts\" WHERE \"Id\" = @id|1",
        "0HN2:1 SELECT \"Bal\" FROM \"Accts\" WHERE \"Id\" = @id|2", "0HN1:2 UPDATE \"Accts\" SET \"Bal\" = @p0|9|1 !", "0HN1:2  !40001",
        "0HN1:2 ROLLBACK"},
       {}},
      {"json_console",
       {"0HN9:00000003 BEGIN ISOLATION LEVEL SERIALIZABLE", "0HN9:00000003 SELECT 1 FROM \"Accts\" WHERE \"Id\" = @__id_0|5",
        "0HN9:00000003 COMMIT"},
       {}},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const std::string bytes = fixture("efcore/" + std::string(c.name) + ".log");
    const Format* format = detect_format(bytes, {});
    REQUIRE(format != nullptr);
    CHECK(format->name == "efcore");
    CHECK(told(bytes) == c.told);
    const KeptLog log = keep_log(bytes, "efcore");
    CHECK(log.counts.incomplete == c.incomplete);
    for (const KeptRecord& r : log.records) CHECK(r.fields.kind != RecordKind::kOther);
  }
  CHECK(fixture_names("efcore").size() == std::size(cases));
}

TEST_CASE("efcore: times are ends, durations have thousands separators") {
  const std::vector<KeptRecord> s = keep_log(fixture("efcore/console_scopes.log"), "efcore").statements();
  CHECK(s[3].fields.duration_us == 1204000);
  const std::vector<KeptRecord> t = keep_log(fixture("efcore/log_to.log"), "efcore").statements();
  CHECK(to_iso8601(t[1].fields.end_time) == "2026-11-20T14:37:19.123");
  CHECK(to_iso8601(t[1].fields.time) == "2026-11-20T14:37:19.111");
}

TEST_CASE("efcore: parameters in the order of the statement") {
  struct Case {
    const char *parameters, *sql;
    std::vector<std::string> values;
    bool read;
  };
  const Case cases[] = {
      {"@p1='1' (DbType = Int32), @p0='x' (Size = 4000)", "UPDATE a SET b = @p0 WHERE c = @p1", {"x", "1"}, true},
      {"@p0='O'Brien', @p1='a', @p2='b''", "SELECT @p0, @p1, @p2", {"O'Brien", "a", "b'"}, true},
      {"@p0=NULL (DbType = Int32), @p1=''", "SELECT @p0, @p1", {"<null>", ""}, true},
      {"@p1='1', @p10='10', @p2='2'", "SELECT @p10, @p2, @p1", {"10", "2", "1"}, true},
      {"@ids={ '1', '2' } (DbType = Object), @n='3'", "SELECT @n WHERE a = ANY (@ids)", {"3", "{ '1', '2' }"}, true},
      {"p0='1', p1='2'", "SELECT @p0, @p1", {"1", "2"}, true},
      {"@p0='?' (DbType = Int32), @p1='?'", "SELECT @p0, @p1", {}, false},
      {"", "SELECT 1", {}, false},
      {"@p0='cut", "SELECT @p0", {"cut"}, true},
  };
  for (const Case& c : cases) {
    INFO(c.parameters);
    EfParameters parameters;
    std::vector<BindValue> out;
    CHECK(parameters.read(c.parameters, c.sql, out) == c.read);
    std::vector<std::string> values;
    for (const BindValue& v : out) values.push_back(v.is_null ? "<null>" : std::string(v.text));
    CHECK(values == c.values);
  }
}

TEST_CASE("efcore: exceptions") {
  struct Case {
    const char *text, *code, *message;
  };
  for (const Case& c : {Case{"Npgsql.PostgresException (0x80004005): 40P01: deadlock detected\n\nDETAIL: x", "40P01", "deadlock detected"},
                        {"MySql.Data.MySqlClient.MySqlException (0x80004005): Duplicate entry 'a' for key 'b'\n at", "1062",
                         "Duplicate entry 'a' for key 'b'"},
                        {"SqliteException (0x80004005): SQLite Error 5: 'database is locked'.", "5", "'database is locked'."},
                        {"Microsoft.Data.SqlClient.SqlException (0x80131904): Violation of x\n at y\nError Number:2627,State:1,Class:14",
                         "2627", "Violation of x"}}) {
    std::string_view code, message;
    INFO(c.text);
    REQUIRE(read_ef_exception(c.text, code, message));
    CHECK(code == c.code);
    CHECK(message == c.message);
  }
  std::string_view code, message;
  CHECK_FALSE(read_ef_exception("System.InvalidOperationException: stop", code, message));
}

TEST_CASE("efcore: transactions") {
  const std::string begin = transaction("Began transaction with isolation level 'Unspecified'."),
                    committing = transaction("Committing transaction."), committed = transaction("Committed transaction."),
                    dispose = transaction("Disposing transaction.");
  CHECK((told(begin + committing + committed + dispose + begin + committing + committing + dispose + begin + committed + begin + dispose) ==
         Told{" BEGIN", " COMMIT", " BEGIN", " COMMIT", " BEGIN", " COMMIT", " BEGIN", " ROLLBACK"}));
  CHECK((told(begin + transaction("Rolling back transaction.") + transaction("Rolled back transaction.") + dispose) ==
         Told{" BEGIN", " ROLLBACK"}));
}

TEST_CASE("efcore: a command without its statement is none, and lines of others are counted") {
  const KeptLog log = keep_log(command("", "SELECT 1") + "Hello, world\n" + command("@p0='1'", "SELECT @p0;\n      SELECT 2;"), "efcore");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[1].sql == "SELECT @p0;\nSELECT 2;");
  CHECK(log.counts.unrecognised_lines == 1);
  CHECK(keep_log("info: Microsoft.EntityFrameworkCore.Database.Command[20101]\n      Executed DbCommand (1ms) [Parameters=[], Comm\n",
                 "efcore")
            .statements()
            .empty());
  std::string open = command("", "SELECT 'never closed");
  for (int i = 0; i < 200; ++i) open += command("", "SELECT " + std::to_string(i));
  CHECK(keep_log(open, "efcore").statements().size() == 201);
}

TEST_CASE("efcore: damaged logs", "[slow]") {
  for (const std::string& name : fixture_names("efcore")) {
    INFO(name);
    const std::string bytes = fixture(name);
    check_app_cuts(bytes, "efcore", 9000);
    check_damage(bytes, "efcore", 40, two_records_a_line);
    check_dos_lines(bytes, "efcore", true);
  }
  const std::string big(10 << 20, 'x');
  const KeptLog log = keep_log(command("", "SELECT '" + big + "'") + command("", "SELECT 2"), "efcore");
  REQUIRE(log.statements().size() == 2);
  CHECK(log.statements()[0].sql.size() == big.size() + 9);
}

}  // namespace dbaudit
