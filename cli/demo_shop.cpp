// A small shop with the two commonest concurrency bugs in it, run by threads that know nothing of each other.
//
// Every session has its own connection in autocommit, as an application without explicit transactions has, and does what ORMs do: it looks a tag up
// by name and inserts it when it is missing; it reads an item's stock, computes in the program and writes the number back. Between reading and
// writing it pauses for one to three milliseconds: the network and the application code that stand there in real life. Nothing else helps the
// race along. All sessions of a round start from one barrier; the judge looks at the file between rounds, when nobody writes.
//
// The log is one file under one mutex: a record is appended when its statement has ended, with the times taken around the statement and not
// around the wait for the mutex. So records stand in order of completion, and `time` tells what really overlapped.

#include "cli/demo_shop.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "analyzers/base/time.h"

namespace dbaudit {
namespace {

constexpr int kCalmVisits = 2;
constexpr int64_t kFirstStock = 1000;

const char* const kSchema = R"sql(
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price_cents INTEGER NOT NULL, stock INTEGER NOT NULL);
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE sale (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL REFERENCES item (id), customer_id INTEGER NOT NULL REFERENCES customer (id),
                   quantity INTEGER NOT NULL);
CREATE TABLE page_view (id INTEGER PRIMARY KEY, path TEXT NOT NULL, customer_id INTEGER NOT NULL);
CREATE INDEX sale_item_id ON sale (item_id);
)sql";

const char* const kTitles[] = {"Enamel mug", "Oak tray", "Linen towel", "Tea tin"};
constexpr int64_t kItems = 4;
const char* const kTagWords[] = {"gift", "kitchen", "summer", "blue", "handmade", "sale", "wood", "winter"};

using Parameter = std::variant<int64_t, std::string>;

struct Answer {
  std::vector<std::vector<int64_t>> rows;  ///< the shop reads only integers
  int64_t count = 0;                       ///< rows returned or changed
};

/// The wall clock, but one that never steps back while the shop is open.
int64_t now_micros() {
  using std::chrono::duration_cast, std::chrono::microseconds, std::chrono::steady_clock;
  static const steady_clock::time_point opened = steady_clock::now();
  static const int64_t wall = duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return wall + duration_cast<microseconds>(steady_clock::now() - opened).count();
}

std::string iso_micros(int64_t micros) { return to_iso8601({.micros = micros, .zone_known = true, .tick = 1}); }

/// The shared log. Made exclusively: never appends to a file that was there.
class ShopLog {
 public:
  explicit ShopLog(const std::string& path) : fd_(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) {
    if (fd_ < 0) error_ = std::strerror(errno);
  }
  ShopLog(const ShopLog&) = delete;
  ShopLog& operator=(const ShopLog&) = delete;
  ~ShopLog() {
    if (fd_ >= 0) ::close(fd_);
  }

  void append(const std::string& line) {
    std::lock_guard<std::mutex> hold(mutex_);
    if (!error_.empty()) return;
    ++records_;
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        error_ = std::strerror(errno);
        return;
      }
      rest.remove_prefix(static_cast<size_t>(n));
    }
  }

  [[nodiscard]] std::string error() {
    std::lock_guard<std::mutex> hold(mutex_);
    return error_;
  }
  [[nodiscard]] uint64_t records() {
    std::lock_guard<std::mutex> hold(mutex_);
    return records_;
  }

 private:
  std::mutex mutex_;
  int fd_;
  uint64_t records_ = 0;
  std::string error_;
};

/// A connection that writes what it sends to the log; a null log makes a silent one (the judge's).
class Session {
 public:
  Session(std::string name, ShopLog* log) : name_(std::move(name)), log_(log) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { sqlite3_close(db_); }

  bool open(const std::string& path, int extra_flags) {
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | extra_flags, nullptr) != SQLITE_OK) {
      error_ = "cannot open " + path + ": " + (db_ ? sqlite3_errmsg(db_) : "out of memory");
      return false;
    }
    // Long enough for a writer to wait its turn. No fsync: durability has no part in a race, and a slow disk would.
    sqlite3_busy_timeout(db_, 20'000);
    return script("PRAGMA synchronous = OFF");
  }

  /// Several statements without values, not logged: the schema and the first rows.
  bool script(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return true;
    error_ = std::string("cannot set the shop up: ") + sqlite3_errmsg(db_);
    return false;
  }

  /// One statement in autocommit; false when it failed.
  bool run(const char* sql, const std::vector<Parameter>& parameters, Answer& answer) {
    answer = {};
    const int64_t begun = now_micros();
    sqlite3_stmt* statement = nullptr;
    int rc = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
    for (size_t i = 0; rc == SQLITE_OK && i < parameters.size(); ++i) rc = bind(statement, static_cast<int>(i + 1), parameters[i]);
    if (rc == SQLITE_OK) {
      while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        std::vector<int64_t>& row = answer.rows.emplace_back();
        for (int c = 0; c < sqlite3_column_count(statement); ++c) row.push_back(sqlite3_column_int64(statement, c));
      }
      answer.count = sqlite3_stmt_readonly(statement) ? static_cast<int64_t>(answer.rows.size()) : sqlite3_changes(db_);
    }
    const bool good = rc == SQLITE_DONE;
    if (!good) error_ = std::string(sql) + ": " + sqlite3_errmsg(db_);
    const int code = sqlite3_extended_errcode(db_);
    sqlite3_finalize(statement);
    if (log_) write_record(sql, parameters, begun, now_micros(), good ? answer.count : -1, code);
    return good;
  }

  [[nodiscard]] int64_t last_id() const { return sqlite3_last_insert_rowid(db_); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  static int bind(sqlite3_stmt* statement, int index, const Parameter& p) {
    if (const auto* number = std::get_if<int64_t>(&p)) return sqlite3_bind_int64(statement, index, *number);
    const std::string& text = std::get<std::string>(p);
    return sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }

  void write_record(const char* sql, const std::vector<Parameter>& parameters, int64_t begun, int64_t ended, int64_t rows, int code) {
    nlohmann::ordered_json record;
    record["time"] = iso_micros(begun);
    record["end_time"] = iso_micros(ended);
    record["session"] = name_;
    record["tx_boundary"] = "explicit";  // autocommit because no BEGIN is here, not because none would be logged
    record["sql"] = sql;
    nlohmann::ordered_json values = nlohmann::ordered_json::array();
    for (const Parameter& p : parameters) std::visit([&values](const auto& v) { values.push_back(v); }, p);
    record["params"] = std::move(values);
    if (rows >= 0)
      record["rows"] = rows;
    else
      record["error"] = {{"code", std::to_string(code)}, {"message", sqlite3_errmsg(db_)}};
    log_->append(record.dump() + "\n");
  }

  sqlite3* db_ = nullptr;
  std::string name_;
  ShopLog* log_;
  std::string error_;
};

/// What all sessions of one round are after.
struct Round {
  std::string tag;
  int64_t item = 1;
};

/// A customer's visit: the application code with the bugs in it.
class Visitor {
 public:
  Visitor(Session& session, int64_t customer) : session_(session), customer_(customer), random_(static_cast<unsigned>(customer) * 7919U) {}

  bool visit(const Round& round) { return view_page(round.item) && tag_item(round.tag) && buy(round.item); }

 private:
  bool view_page(int64_t item) {
    return session_.run("INSERT INTO page_view (path, customer_id) VALUES (?, ?)", {"/item/" + std::to_string(item), customer_}, answer_);
  }

  bool tag_item(const std::string& name) {
    if (!session_.run("SELECT id FROM tag WHERE name = ? LIMIT 1", {name}, answer_)) return false;
    if (!answer_.rows.empty()) return true;
    think();
    return session_.run("INSERT INTO tag (name) VALUES (?)", {name}, answer_);
  }

  bool buy(int64_t item) {
    if (!session_.run("SELECT id, stock FROM item WHERE id = ?", {item}, answer_)) return false;
    if (answer_.rows.empty() || answer_.rows[0][1] < 1) return true;
    const int64_t left = answer_.rows[0][1] - 1;
    think();
    return session_.run("UPDATE item SET stock = ? WHERE id = ?", {left, item}, answer_) &&
           session_.run("INSERT INTO sale (item_id, customer_id, quantity) VALUES (?, ?, ?)", {item, customer_, int64_t{1}}, answer_);
  }

  void think() { std::this_thread::sleep_for(std::chrono::microseconds(1000 + random_() % 2000)); }

  Session& session_;
  int64_t customer_;
  Answer answer_;
  std::minstd_rand random_;
};

/// One thread: a connection and its visitor, from barrier to barrier.
struct Worker {
  std::unique_ptr<Session> session;
  std::unique_ptr<Visitor> visitor;
  std::thread thread;
};

Result<ShopOutcome> judge(Session& judge_session) {
  Answer answer;
  const char* const sql =
      "SELECT (SELECT count(*) FROM tag), (SELECT count(DISTINCT name) FROM tag),"
      " (SELECT count(*) FROM (SELECT name FROM tag GROUP BY name HAVING count(*) > 1)),"
      " (SELECT coalesce(sum(quantity), 0) FROM sale), (SELECT count(*) * ? - sum(stock) FROM item)";
  if (!judge_session.run(sql, {kFirstStock}, answer)) return fail(judge_session.error());
  const std::vector<int64_t>& row = answer.rows.at(0);
  ShopOutcome outcome;
  outcome.tag_rows = row[0];
  outcome.tag_names = row[1];
  outcome.duplicated_names = row[2];
  outcome.units_sold = row[3];
  outcome.stock_gone = row[4];
  return outcome;
}

bool set_up(Session& owner, int sessions) {
  std::string sql = std::string("BEGIN;") + kSchema;
  for (const char* title : kTitles)
    sql += std::string("INSERT INTO item (title, price_cents, stock) VALUES ('") + title + "', 1250, " + std::to_string(kFirstStock) + ");";
  for (int i = 1; i <= sessions; ++i) sql += "INSERT INTO customer (email) VALUES ('customer" + std::to_string(i) + "@example.com');";
  return owner.script(sql + "COMMIT;");
}

std::string tag_for(int number) {
  constexpr int kWords = static_cast<int>(std::size(kTagWords));
  const std::string word = kTagWords[number % kWords];
  return number < kWords ? word : word + "-" + std::to_string(number / kWords);
}

}  // namespace

Result<ShopOutcome> run_shop(const ShopSetup& setup) {
  ShopLog log(setup.log);
  if (const std::string error = log.error(); !error.empty()) return fail("cannot create " + setup.log + ": " + error);
  Session owner("owner", nullptr);
  if (::access(setup.database.c_str(), F_OK) == 0) return fail("cannot create " + setup.database + ": it exists");
  const int sessions = std::max(setup.sessions, 2);
  if (!owner.open(setup.database, SQLITE_OPEN_CREATE) || !set_up(owner, sessions)) return fail(owner.error());

  std::vector<Worker> workers(static_cast<size_t>(sessions));
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i].session = std::make_unique<Session>(std::to_string(i + 1), &log);
    if (!workers[i].session->open(setup.database, 0)) return fail(workers[i].session->error());
    workers[i].visitor = std::make_unique<Visitor>(*workers[i].session, static_cast<int64_t>(i + 1));
  }
  const auto interrupted = [&setup] { return setup.interrupted && setup.interrupted(); };

  // The calm phase: the same visits one after the other do no harm, and the log has something to compare with.
  int tags = 0;
  for (int i = 0; i < kCalmVisits && !interrupted(); ++i) {
    const Round calm{tag_for(tags++), 1 + i % kItems};
    for (Worker& w : workers) {
      if (!w.visitor->visit(calm)) return fail(w.session->error());
    }
  }

  Round round;
  std::atomic<bool> over = false;
  std::atomic<bool> broken = false;
  std::barrier gate(static_cast<std::ptrdiff_t>(workers.size()) + 1);
  Result<ShopOutcome> outcome = judge(owner);
  for (Worker& w : workers) {
    try {
      w.thread = std::thread([&gate, &round, &over, &broken, visitor = w.visitor.get()] {
        for (;;) {
          gate.arrive_and_wait();  // a round begins, or all is over
          if (over) return;
          if (!broken && !visitor->visit(round)) broken = true;
          gate.arrive_and_wait();  // everybody is done: the judge may look
        }
      });
    } catch (const std::system_error& e) {
      outcome = fail(std::string("cannot start a thread: ") + e.what());
      gate.arrive_and_drop();  // in its place, so that the others can leave
    }
  }

  int rounds = 0;
  for (; outcome && rounds < setup.max_rounds && !interrupted() && !broken; ++rounds) {
    if (rounds >= setup.min_rounds && outcome->rows_duplicated() && outcome->update_lost()) break;
    round = {tag_for(tags++), 1 + rounds % kItems};
    gate.arrive_and_wait();
    gate.arrive_and_wait();
    outcome = judge(owner);
  }
  over = true;
  gate.arrive_and_wait();
  for (Worker& w : workers) {
    if (w.thread.joinable()) w.thread.join();
  }

  for (Worker& w : workers) {
    if (!w.session->error().empty()) return fail("session failed: " + w.session->error());
  }
  if (const std::string error = log.error(); !error.empty()) return fail("cannot write " + setup.log + ": " + error);
  if (!outcome) return outcome;
  outcome->rounds = rounds;
  outcome->statements = log.records();
  outcome->interrupted = interrupted();
  return outcome;
}

}  // namespace dbaudit
