// A database of our own on a PostgreSQL server. Not a schema of the DSN's database: fixes name tables with their schemas.

#include <libpq-fe.h>
#include <unistd.h>

#include <chrono>
#include <set>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/schema/ddl_text.h"
#include "analyzers/schema/scratch.h"

namespace dbaudit {

// scratch.cpp chooses the engine.
Result<std::unique_ptr<Scratch>> postgres_scratch(const Dsn& dsn);

namespace {

/// By themselves and first: in what is sent behind them backslashes are not escapes.
constexpr const char* kSettings =
    "SET statement_timeout = '10s'; SET lock_timeout = '3s'; SET idle_in_transaction_session_timeout = '60s'; "
    "SET standard_conforming_strings = on";

struct CloseConnection {
  void operator()(PGconn* c) const { PQfinish(c); }
};
struct ClearResult {
  void operator()(PGresult* r) const { PQclear(r); }
};
using ConnectionHandle = std::unique_ptr<PGconn, CloseConnection>;
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

void no_notice(void*, const PGresult*) {}

/// Null when it does not connect. `database` empty: the DSN's own.
ConnectionHandle open(const Dsn& dsn, const std::string& database) {
  const std::string url = "postgresql://" + dsn.rest;
  const char* const names[] = {"fallback_application_name", "dbname", "client_encoding", database.empty() ? nullptr : "dbname", nullptr};
  const char* const values[] = {"dbaudit", url.c_str(), "UTF8", database.empty() ? nullptr : database.c_str(), nullptr};
  ConnectionHandle connection(PQconnectdbParams(names, values, 1));
  if (connection != nullptr) PQsetNoticeReceiver(connection.get(), no_notice, nullptr);
  if (PQstatus(connection.get()) != CONNECTION_OK) return nullptr;
  return connection;
}

Result<void> outcome_of(PGresult* answer) {
  const ResultHandle result(answer);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return {};
  const char* primary = PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY);
  return fail(printable(primary != nullptr ? primary : "the server does not answer"));
}

/// The extended protocol takes one statement a message.
Result<void> send(PGconn* connection, const std::string& sql) {
  return outcome_of(PQexecParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0));
}

/// Statements of our own, as one message and one transaction.
Result<void> send_all(PGconn* connection, const std::vector<std::string>& statements) {
  return outcome_of(PQexec(connection, join(statements, ";\n").c_str()));
}

class PostgresScratch final : public Scratch {
 public:
  PostgresScratch(ConnectionHandle admin, std::string database) : admin_(std::move(admin)), database_(std::move(database)) {}
  ~PostgresScratch() override {
    session_.reset();
    (void)send(admin_.get(), "DROP DATABASE IF EXISTS " + quoted_name(database_, Engine::kPostgres));
  }
  PostgresScratch(const PostgresScratch&) = delete;
  PostgresScratch& operator=(const PostgresScratch&) = delete;

  Result<void> begin(const Dsn& dsn) {
    session_ = open(dsn, database_);
    if (session_ == nullptr) return fail("cannot connect to the scratch database on " + dsn.shown);
    return {};
  }

  Result<void> set_up(const std::vector<Table>& tables) override {
    std::set<std::string> schemas;
    std::vector<std::string> creates;
    for (const Table& t : tables) {
      const bool is_new = !t.schema.empty() && t.schema != "public" && schemas.insert(t.schema).second;
      if (is_new) creates.push_back("CREATE SCHEMA " + quoted_name(t.schema, Engine::kPostgres));
      const Result<std::vector<std::string>> made = create_statements(t, Engine::kPostgres);
      if (!made) return tl::unexpected<Error>(made.error());
      creates.insert(creates.end(), made->begin(), made->end());
    }
    std::vector<std::string> statements = {"DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public"};
    for (const std::string& s : schemas_) statements.push_back(fmt::format("DROP SCHEMA {} CASCADE", quoted_name(s, Engine::kPostgres)));
    statements.insert(statements.end(), creates.begin(), creates.end());
    if (PQtransactionStatus(session_.get()) != PQTRANS_IDLE) (void)run("ROLLBACK");
    for (const std::string& s : {std::string("DISCARD ALL"), std::string(kSettings)}) {
      if (Result<void> done = send_all(session_.get(), {s}); !done) return done;
    }
    Result<void> done = send_all(session_.get(), statements);
    if (done) schemas_ = std::move(schemas);
    return done;
  }

  Result<void> run(const std::string& sql) override { return send(session_.get(), sql); }
  [[nodiscard]] Engine engine() const override { return Engine::kPostgres; }

 private:
  ConnectionHandle admin_, session_;
  std::string database_;
  std::set<std::string> schemas_;  // that stand beside public
};

}  // namespace

Result<std::unique_ptr<Scratch>> postgres_scratch(const Dsn& dsn) {
  // connect() says what is wrong with a DSN, and keeps passwords out of it.
  if (const Result<std::unique_ptr<Connection>> tried = connect(dsn); !tried) return tl::unexpected<Error>(tried.error());
  ConnectionHandle admin = open(dsn, {});
  if (admin == nullptr) return fail("cannot connect to " + dsn.shown);
  const std::string name =
      fmt::format("dbaudit_scratch_{}_{:x}", getpid(), std::chrono::steady_clock::now().time_since_epoch().count() & 0xffffffff);
  const Result<void> made = send(admin.get(), "CREATE DATABASE " + name + " TEMPLATE template0");
  if (!made) return fail("cannot make a scratch database on " + dsn.shown + ": " + made.error().message);
  auto scratch = std::make_unique<PostgresScratch>(std::move(admin), name);
  if (Result<void> begun = scratch->begin(dsn); !begun) return tl::unexpected<Error>(begun.error());
  return scratch;
}

}  // namespace dbaudit
