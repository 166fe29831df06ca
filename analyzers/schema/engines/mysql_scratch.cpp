// A database of our own on a MySQL or MariaDB server. The session is in it, so a statement must not name another: names of fixes are cut to the table's.

#include <unistd.h>

#include <chrono>
#include <set>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl_text.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "analyzers/schema/scratch.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

// scratch.cpp chooses the engine.
Result<std::unique_ptr<Scratch>> mysql_scratch(const Dsn& dsn);

namespace {

constexpr int kStatementMs = 10'000;

/// The statement without `database.` before a table. What remains can name no database but the session's.
std::string without_databases(const std::string& sql, Engine engine, const std::set<std::string>& databases) {
  const Dialect& dialect = dialect_of(engine);
  Lexer lexer(sql, dialect);
  std::string out;
  const char* end = sql.data();
  Token t = lexer.next();
  while (t.kind != TokenKind::kEnd) {
    const Token next = lexer.next();
    std::string name(t.text);
    if (t.kind == TokenKind::kQuotedName) unquote(t, dialect, name);
    const bool is_name = t.kind == TokenKind::kWord || t.kind == TokenKind::kQuotedName;
    if (is_name && next.text == "." && databases.contains(name)) {
      out.append(end, t.text.data());
      end = next.text.data() + next.text.size();
      t = lexer.next();
      continue;
    }
    out.append(end, t.text.data() + t.text.size());
    end = t.text.data() + t.text.size();
    t = next;
  }
  return out;
}

class MySqlScratch final : public Scratch {
 public:
  MySqlScratch(std::unique_ptr<MySqlSession> session, std::string database)
      : session_(std::move(session)), database_(quoted_name(database, Engine::kMySql)) {}
  ~MySqlScratch() override {
    release();
    (void)session_->run("DROP DATABASE IF EXISTS " + database_);
  }
  MySqlScratch(const MySqlScratch&) = delete;
  MySqlScratch& operator=(const MySqlScratch&) = delete;

  Result<void> set_up(const std::vector<Table>& tables) override {
    release();
    databases_.clear();
    std::vector<std::string> statements = {"DROP DATABASE IF EXISTS " + database_, "CREATE DATABASE " + database_, "USE " + database_};
    for (const Table& t : tables) {
      if (!t.schema.empty()) databases_.insert(t.schema);
      const Result<std::vector<std::string>> made = create_statements(t, engine());
      if (!made) return tl::unexpected<Error>(made.error());
      statements.insert(statements.end(), made->begin(), made->end());
    }
    for (const std::string& s : statements) {
      if (Result<void> done = session_->run(s); !done) return done;
    }
    return {};
  }

  Result<void> run(const std::string& sql) override { return session_->run(without_databases(sql, engine(), databases_)); }
  [[nodiscard]] Engine engine() const override { return session_->server().engine; }

 private:
  void release() {
    for (const char* sql : {"ROLLBACK", "UNLOCK TABLES", "SET SESSION autocommit = 1", "SET SESSION TRANSACTION READ WRITE"})
      (void)session_->run(sql);
  }

  std::unique_ptr<MySqlSession> session_;
  std::string database_;             // quoted
  std::set<std::string> databases_;  // that the copied tables are of
};

}  // namespace

Result<std::unique_ptr<Scratch>> mysql_scratch(const Dsn& dsn) {
  const Result<MySqlTarget> target = mysql_target(dsn);
  if (!target) return tl::unexpected<Error>(target.error());
  Result<std::unique_ptr<MySqlSession>> session = MySqlSession::open(*target);
  if (!session) return tl::unexpected<Error>(session.error());
  const std::string name =
      fmt::format("dbaudit_scratch_{}_{:x}", getpid(), std::chrono::steady_clock::now().time_since_epoch().count() & 0xffffffff);
  for (const std::string& sql : {std::string("SET SESSION TRANSACTION READ WRITE"), std::string("SET SESSION sql_mode = DEFAULT"),
                                 "CREATE DATABASE " + name, "USE " + name}) {
    if (const Result<void> done = (*session)->run(sql); !done)
      return fail("cannot make a scratch database on " + dsn.shown + ": " + done.error().message);
  }
  if (Result<void> limited = (*session)->limit_time(kStatementMs); !limited) return tl::unexpected<Error>(limited.error());
  return std::make_unique<MySqlScratch>(std::move(*session), name);
}

}  // namespace dbaudit
