#include "tests/race_session.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <libpq-fe.h>
#include <mysql.h>
#include <poll.h>
#include <sqlite3.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/live_postgres.h"

namespace dbaudit {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kTooLong{20};  // neither done nor waiting for so long: the test is broken

// The level of a server's transaction; empty in autocommit.
std::string_view isolation_of(Level level) {
  switch (level) {
    case Level::kReadCommitted: return "READ COMMITTED";
    case Level::kRepeatableRead:
    case Level::kSnapshotIsolation: return "REPEATABLE READ";
    case Level::kSerializable: return "SERIALIZABLE";
    default: return "";
  }
}

class PostgresSession final : public RaceSession {
 public:
  PostgresSession(const std::string& url, LiveSession& monitor) : monitor_(monitor), connection_(PQconnectdb(url.c_str())) {
    REQUIRE(PQstatus(connection_) == CONNECTION_OK);
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
    run("SET deadlock_timeout = '20ms'");
    run("SET lock_timeout = '8s'");
  }
  ~PostgresSession() override { PQfinish(connection_); }

  void start(const std::string& sql) override { REQUIRE(PQsendQuery(connection_, sql.c_str()) == 1); }

  std::optional<RaceResult> wait() override {
    const auto until = Clock::now() + kTooLong;
    for (int patience = 3;; patience = 25) {
      pollfd socket{PQsocket(connection_), POLLIN, 0};
      ::poll(&socket, 1, patience);
      REQUIRE(PQconsumeInput(connection_) == 1);
      if (PQisBusy(connection_) == 0) return result();
      if (waits()) return std::nullopt;
      REQUIRE(Clock::now() < until);
    }
  }

  void let_go() override {
    attempt("ROLLBACK");
    attempt("SELECT pg_advisory_unlock_all()");
  }
  void set_level(Level) override {}
  [[nodiscard]] std::string begin(Level level) const override {
    return isolation_of(level).empty() ? std::string() : fmt::format("BEGIN ISOLATION LEVEL {}", isolation_of(level));
  }

 private:
  bool waits() {
    return monitor_.value(fmt::format("SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event_type = 'Lock'",
                                      PQbackendPID(connection_))) == "1";
  }

  RaceResult result() {
    RaceResult r;
    while (PGresult* got = PQgetResult(connection_)) {
      if (const char* state = PQresultErrorField(got, PG_DIAG_SQLSTATE); state != nullptr) r.error = state;
      if (PQresultStatus(got) == PGRES_TUPLES_OK) {
        r.rows = PQntuples(got);
        if (r.rows > 0 && PQgetisnull(got, 0, 0) == 0) r.value = PQgetvalue(got, 0, 0);
      } else if (const char* rows = PQcmdTuples(got); rows != nullptr && *rows != '\0') {
        r.rows = std::atoll(rows);
      }
      PQclear(got);
    }
    return r;
  }

  LiveSession& monitor_;
  PGconn* connection_;
};

class PostgresRaces final : public RaceDatabase {
 public:
  [[nodiscard]] Engine engine() const override { return Engine::kPostgres; }
  std::unique_ptr<RaceSession> connect() override { return std::make_unique<PostgresSession>(database_.url(), database_.admin()); }

 private:
  LiveDatabase database_;
};

// libmariadb's calls wait, so each session has a thread to wait in.
class MariaDbSession final : public RaceSession {
 public:
  MariaDbSession(const LiveMariaDb& server, const std::string& database, MariaDbWriter& monitor)
      : monitor_(monitor), mysql_(mysql_init(nullptr)) {
    REQUIRE(mysql_real_connect(mysql_, server.host.c_str(), server.user.c_str(), server.password.c_str(), database.c_str(), server.port,
                               nullptr, CLIENT_FOUND_ROWS) != nullptr);
    id_ = mysql_thread_id(mysql_);
    thread_ = std::thread([this] { serve(); });
    run("SET SESSION innodb_lock_wait_timeout = 8");
  }
  ~MariaDbSession() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
    mysql_close(mysql_);
  }

  void start(const std::string& sql) override {
    {
      const std::lock_guard lock(mutex_);
      sql_ = sql;
      busy_ = true;
    }
    changed_.notify_all();
  }

  std::optional<RaceResult> wait() override {
    const auto until = Clock::now() + kTooLong;
    std::unique_lock lock(mutex_);
    for (int patience = 3;; patience = 25) {
      if (changed_.wait_for(lock, std::chrono::milliseconds(patience), [this] { return !busy_; })) {
        return result_;
      }
      lock.unlock();
      const bool waiting = waits();
      lock.lock();
      if (waiting && busy_) {
        return std::nullopt;
      }
      REQUIRE(Clock::now() < until);
    }
  }

  void let_go() override {
    for (const char* sql : {"ROLLBACK", "UNLOCK TABLES", "DO RELEASE_ALL_LOCKS()", "SET autocommit = 1"}) attempt(sql);
  }
  void set_level(Level level) override {
    run(fmt::format("SET SESSION TRANSACTION ISOLATION LEVEL {}", isolation_of(level).empty() ? "REPEATABLE READ" : isolation_of(level)));
    run(fmt::format("SET SESSION innodb_snapshot_isolation = {}", level == Level::kSnapshotIsolation ? "ON" : "OFF"));
  }
  [[nodiscard]] std::string begin(Level level) const override { return isolation_of(level).empty() ? std::string() : "START TRANSACTION"; }

 private:
  // Row locks are InnoDB's to tell, and only its monitor tells them as they are now (information_schema.innodb_trx is as old as 0.1 s, and older the
  // more often it is asked). Other locks are the server's.
  bool waits() {
    const std::string status = monitor_.rows("SHOW ENGINE INNODB STATUS")[0][2];
    const std::string thread = fmt::format("MariaDB thread id {},", id_);
    constexpr std::string_view kTransaction = "\n---TRANSACTION ";
    for (size_t at = status.find(kTransaction); at != std::string::npos;) {
      const size_t next = status.find(kTransaction, at + 1);
      const std::string_view one = std::string_view(status).substr(at, next - at);
      if (one.find(thread) != std::string_view::npos && one.find("LOCK WAIT") != std::string_view::npos) return true;
      at = next;
    }
    return monitor_.value(
               fmt::format("SELECT count(*) FROM information_schema.processlist WHERE id = {} AND (state LIKE 'Waiting for%lock%' OR "
                           "state = 'User lock')",
                           id_)) != "0";
  }

  void serve() {
    mysql_thread_init();
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return busy_ || stop_; });
      if (stop_) break;
      const std::string sql = sql_;
      lock.unlock();
      RaceResult r = execute(sql);
      lock.lock();
      result_ = std::move(r);
      busy_ = false;
      changed_.notify_all();
    }
    mysql_thread_end();
  }

  RaceResult execute(const std::string& sql) {
    RaceResult r;
    if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) {
      r.error = std::to_string(mysql_errno(mysql_));
      return r;
    }
    MYSQL_RES* rows = mysql_store_result(mysql_);
    if (mysql_errno(mysql_) != 0) {  // a lock of SELECT is waited for while its rows are fetched
      r.error = std::to_string(mysql_errno(mysql_));
    } else if (rows != nullptr) {
      r.rows = static_cast<int64_t>(mysql_num_rows(rows));
      if (MYSQL_ROW row = mysql_fetch_row(rows); row != nullptr && row[0] != nullptr) r.value = row[0];
      mysql_free_result(rows);
    } else {
      r.rows = static_cast<int64_t>(mysql_affected_rows(mysql_));
    }
    return r;
  }

  MariaDbWriter& monitor_;
  MYSQL* mysql_;
  unsigned long id_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string sql_;
  bool busy_ = false, stop_ = false;
  RaceResult result_;
};

class MariaDbRaces final : public RaceDatabase {
 public:
  explicit MariaDbRaces(LiveMariaDb server) : server_(std::move(server)), database_(server_, "races"), monitor_(server_) {}
  [[nodiscard]] Engine engine() const override { return Engine::kMariaDb; }
  std::unique_ptr<RaceSession> connect() override { return std::make_unique<MariaDbSession>(server_, database_.name(), monitor_); }

 private:
  LiveMariaDb server_;
  ScratchMariaDb database_;
  MariaDbWriter monitor_;
};

// SQLite never waits here: where its busy handler would be asked, the session waits for the other one; where it is not asked (the upgrade of a read
// transaction), SQLITE_BUSY is the application's.
class SqliteSession final : public RaceSession {
 public:
  explicit SqliteSession(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db_, "PRAGMA synchronous = OFF", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_busy_handler(
        db_,
        [](void* self, int) {
          static_cast<SqliteSession*>(self)->asked_ = true;
          return 0;
        },
        this);
  }
  ~SqliteSession() override { sqlite3_close(db_); }

  void start(const std::string& sql) override { sql_ = sql; }
  std::optional<RaceResult> wait() override {
    asked_ = false;
    RaceResult r;
    const auto on_row = [](void* result, int columns, char** values, char**) {
      auto& got = *static_cast<RaceResult*>(result);
      if (got.rows++ == 0 && columns > 0 && values[0] != nullptr) got.value = values[0];
      return 0;
    };
    const int before = sqlite3_total_changes(db_);
    const int status = sqlite3_exec(db_, sql_.c_str(), on_row, &r, nullptr);
    if (status == SQLITE_BUSY && asked_) return std::nullopt;
    if (status != SQLITE_OK) r.error = std::to_string(sqlite3_extended_errcode(db_));
    if (r.rows == 0) r.rows = sqlite3_total_changes(db_) - before;
    return r;
  }
  void let_go() override { attempt("ROLLBACK"); }
  void set_level(Level) override {}
  [[nodiscard]] std::string begin(Level level) const override {
    return level == Level::kDeferred ? "BEGIN" : level == Level::kImmediate ? "BEGIN IMMEDIATE" : "";
  }

 private:
  sqlite3* db_ = nullptr;
  std::string sql_;
  bool asked_ = false;
};

class SqliteRaces final : public RaceDatabase {
 public:
  SqliteRaces() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dbaudit-races-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~SqliteRaces() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] Engine engine() const override { return Engine::kSqlite; }
  std::unique_ptr<RaceSession> connect() override { return std::make_unique<SqliteSession>((directory_ / "races.db").string()); }

 private:
  std::filesystem::path directory_;
};

}  // namespace

void RaceSession::run(const std::string& sql) {
  INFO(sql);
  start(sql);
  auto result = wait();
  // TRUNCATE may meet a lock that the session before is about to let go.
  for (const auto until = Clock::now() + kTooLong; !result && Clock::now() < until;) result = wait();
  REQUIRE(result.has_value());
  REQUIRE(result->error == "");
}

void RaceSession::attempt(const std::string& sql) {
  start(sql);
  (void)wait();
}

std::unique_ptr<RaceDatabase> RaceDatabase::open(Engine engine) {
  switch (engine) {
    case Engine::kPostgres: return live_postgres_url().empty() ? nullptr : std::make_unique<PostgresRaces>();
    case Engine::kMariaDb: {
      auto server = LiveMariaDb::find();
      return server ? std::make_unique<MariaDbRaces>(std::move(*server)) : nullptr;
    }
    case Engine::kSqlite: return std::make_unique<SqliteRaces>();
    default: return nullptr;
  }
}

}  // namespace dbaudit
