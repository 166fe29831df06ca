#include "tests/race_explorer.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "tests/catch.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxSchedules = 3000;
constexpr int kMaxRuns = 10;

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

Outcome outcome_of(std::string_view error) {
  if (error.empty()) return Outcome::kSafe;
  if (is_one_of(error, {"40001", "1020", "5", "517", "261"})) return Outcome::kRetry;
  if (is_one_of(error, {"40P01", "1213", "1205", "1467"})) return Outcome::kDeadlock;
  return Outcome::kError;
}

// How bad it is, for the worst of many.
int weight(Outcome o) {
  switch (o) {
    case Outcome::kSilent: return 5;
    case Outcome::kError: return 4;
    case Outcome::kDeadlock: return 3;
    case Outcome::kRetry: return 2;
    case Outcome::kWaits: return 1;
    default: return 0;
  }
}

bool asks_to_run_again(std::string_view error) {
  const Outcome o = outcome_of(error);
  return o == Outcome::kRetry || o == Outcome::kDeadlock;
}

// One session going through its program.
class Player {
 public:
  Player(int number, const RaceForm& form, Level level, RaceSession& session, Engine engine)
      : number_(number), program_(form.programs[number]), level_(level), session_(session), engine_(engine), runs_again_(form.runs_again) {
    own_boundaries_ = std::any_of(program_.begin(), program_.end(), is_boundary);
    from_the_start();
  }

  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool waiting() const { return waiting_; }
  /// After an error it lets the other one go first.
  [[nodiscard]] bool resting() const { return resting_; }
  void rested() { resting_ = false; }
  [[nodiscard]] bool has_waited() const { return has_waited_; }
  [[nodiscard]] const std::string& error() const { return error_; }

  /// Executes its next statement, BEGIN before the first.
  void move(std::string& trace) {
    if (!in_transaction_ && !begun_ && !own_boundaries_ && !begin_sql().empty()) {
      if (!execute(begin_sql(), trace)) return;
      begun_ = in_transaction_ = true;
    }
    go_on(trace);
  }

  /// Was it waiting, and may go on now? Its statement is then done.
  void look(std::string& trace) {
    if (!waiting_) return;
    if (const auto result = session_.wait(); result) {
      waiting_ = false;
      take(*result, trace);
      if (failed_) return;
      if (waiting_sql_ == begin_sql() && error_.empty() && !own_boundaries_ && !begun_) {
        begun_ = in_transaction_ = true;
        go_on(trace);
        return;
      }
      after(trace);
    }
  }

 private:
  static bool is_boundary(const RaceStep& s) {
    return s.kind == RaceStep::Kind::kBegin || s.kind == RaceStep::Kind::kCommit || s.kind == RaceStep::Kind::kRollback;
  }

  void from_the_start() {
    values_.clear();
    values_["session"] = std::to_string(number_ + 1);
    values_["rows"] = std::nullopt;
    next_ = 0;
    begun_ = in_transaction_ = false;
    ++runs_;
    skip();
  }

  [[nodiscard]] std::string begin_sql() const { return session_.begin(level_); }

  // The statement that comes next; the commit of a program without boundaries of its own stands behind its last.
  void go_on(std::string& trace) {
    if (next_ == program_.size()) {
      if (execute("COMMIT", trace)) after(trace);
      return;
    }
    const RaceStep& step = program_[next_];
    switch (step.kind) {
      case RaceStep::Kind::kRaise:
        error_ = "raised";
        give_up();
        return;
      case RaceStep::Kind::kBegin:
        if (execute(begin_sql(), trace)) after(trace);
        return;
      case RaceStep::Kind::kCommit:
        if (execute("COMMIT", trace)) after(trace);
        return;
      case RaceStep::Kind::kRollback:
        if (execute("ROLLBACK", trace)) after(trace);
        return;
      case RaceStep::Kind::kSql:
        if (execute(filled(step.sql, values_, engine_), trace)) after(trace);
        return;
    }
  }

  // True when it is done, well or not.
  bool execute(const std::string& sql, std::string& trace) {
    waiting_sql_ = sql;
    session_.start(sql);
    const auto result = session_.wait();
    if (!result) {
      waiting_ = has_waited_ = true;
      trace += fmt::format("    {}: {}  … waits\n", *values_["session"], sql);
      return false;
    }
    take(*result, trace);
    return !failed_;
  }

  void take(const RaceResult& r, std::string& trace) {
    trace += fmt::format("    {}: {}  → {}\n", *values_["session"], waiting_sql_,
                         !r.error.empty() ? "error " + r.error : fmt::format("{} rows, {}", r.rows, r.value.value_or("nothing")));
    failed_ = false;
    const bool is_step = next_ < program_.size() && program_[next_].kind == RaceStep::Kind::kSql && waiting_sql_ != begin_sql();
    if (!r.error.empty()) {
      if (is_step && program_[next_].tries && is_one_of(r.error, {"23505", "23P01", "1062", "1555", "2067"})) {
        values_["error"] = r.error;
        return;
      }
      failed_ = true;
      if (runs_again_ && runs_ < kMaxRuns && asks_to_run_again(r.error)) {
        session_.let_go();
        from_the_start();
        resting_ = true;
        return;
      }
      error_ = r.error;
      give_up();
      return;
    }
    if (!is_step) return;
    values_["rows"] = std::to_string(r.rows);
    if (program_[next_].tries) values_.erase("error");
    if (!program_[next_].name.empty()) values_[program_[next_].name] = r.value;
  }

  void after(std::string& trace) {
    if (finished_) return;
    if (next_ == program_.size()) {
      finished_ = true;
      return;
    }
    // A deferred BEGIN does nothing by itself: it makes one move with what comes next.
    const bool begun = program_[next_].kind == RaceStep::Kind::kBegin;
    ++next_;
    skip();
    if (!finished_ && next_ < program_.size() && (program_[next_].joined || begun)) go_on(trace);
  }

  // To the next step that has a condition that holds; boundaries are nothing in autocommit.
  void skip() {
    while (next_ < program_.size()) {
      const RaceStep& s = program_[next_];
      const bool boundary = is_boundary(s) || s.only_in_transaction;
      if ((s.condition.empty() || holds(s.condition, values_)) && !(boundary && begin_sql().empty())) return;
      ++next_;
    }
    if (begin_sql().empty() || own_boundaries_) finished_ = true;
  }

  // After an error the application rolls back, and that is all.
  void give_up() {
    finished_ = true;
    session_.let_go();
  }

  int number_;
  const std::vector<RaceStep>& program_;
  Level level_;
  RaceSession& session_;
  Engine engine_;
  bool runs_again_;
  RaceValues values_;
  size_t next_ = 0;
  int runs_ = 0;
  bool own_boundaries_ = false, begun_ = false, in_transaction_ = false, finished_ = false, waiting_ = false, has_waited_ = false,
       failed_ = false, resting_ = false;
  std::string waiting_sql_, error_;
};

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSilent: return "wrong data";
    case Outcome::kError: return "an error";
    case Outcome::kRetry: return "an error to retry";
    case Outcome::kDeadlock: return "a deadlock";
    case Outcome::kWaits: return "a wait";
    case Outcome::kSafe: return "safe";
    case Outcome::kUnknown: break;
  }
  return "unknown";
}

RaceOutcome explore(const Race& race, const RaceForm& form, Level level, RaceDatabase& database) {
  const Engine engine = database.engine();
  const std::unique_ptr<RaceSession> admin = database.connect();
  const std::unique_ptr<RaceSession> sessions[2] = {database.connect(), database.connect()};
  if (engine == Engine::kMariaDb) admin->run("SET foreign_key_checks = 0");  // TRUNCATE refuses a parent otherwise
  for (const std::string& s : race.schema) admin->run(filled(s, {}, engine));
  for (const std::string& s : form.setup) admin->run(filled(s, {}, engine));
  const Level levels[2] = {form.levels[0].value_or(level), form.levels[1].value_or(level)};
  for (int i = 0; i < 2; ++i) sessions[i]->set_level(levels[i]);

  RaceOutcome outcome;
  std::set<std::string> errors;
  std::vector<int> prefix;
  while (true) {
    REQUIRE(++outcome.schedules <= kMaxSchedules);
    // InnoDB locks rows that are deleted and not yet purged like others, so there the tables are made anew.
    for (auto table = race.tables.rbegin(); table != race.tables.rend(); ++table)
      admin->run((engine == Engine::kMariaDb ? "TRUNCATE TABLE " : "DELETE FROM ") + *table);
    for (const std::string& s : race.rows) admin->run(s);
    // So that the optimizer knows the few rows it has, and looks them up by their keys: which rows are locked hangs on it.
    if (outcome.schedules == 1 && engine == Engine::kMariaDb) {
      for (const std::string& table : race.tables) admin->run("ANALYZE TABLE " + table);
    }
    Player players[2] = {{0, form, levels[0], *sessions[0], engine}, {1, form, levels[1], *sessions[1], engine}};
    std::vector<int> taken;
    std::vector<bool> had_choice;
    std::string trace;
    int standstills = 0;
    while (!players[0].finished() || !players[1].finished()) {
      bool can[2] = {!players[0].finished() && !players[0].waiting(), !players[1].finished() && !players[1].waiting()};
      if (can[0] && can[1] && players[0].resting() != players[1].resting()) can[players[0].resting() ? 0 : 1] = false;
      if (!can[0] && !can[1]) {
        // Both wait: the engine has to choose a victim, or one of the waits has ended by now.
        REQUIRE(++standstills < 1000);
        players[0].look(trace);
        players[1].look(trace);
        continue;
      }
      // Sessions that run the same program are the same: A goes first.
      const bool choice = can[0] && can[1] && !(taken.empty() && form.symmetric);
      int who = can[0] ? 0 : 1;
      if (taken.size() < prefix.size() && can[prefix[taken.size()]]) who = prefix[taken.size()];
      taken.push_back(who);
      had_choice.push_back(choice);
      players[1 - who].rested();
      players[who].move(trace);
      players[1 - who].look(trace);
    }
    admin->start(race.bad);
    const auto bad = admin->wait();
    REQUIRE(bad.has_value());
    INFO(race.bad << " " << bad->error);
    REQUIRE(bad->error == "");
    REQUIRE(bad->value.has_value());
    Outcome now = bad->value == "1" || bad->value == "t" ? Outcome::kSilent : Outcome::kSafe;
    for (const Player& p : players) {
      if (p.has_waited() && now == Outcome::kSafe) now = Outcome::kWaits;
      if (!p.error().empty()) errors.insert(p.error());
      if (weight(outcome_of(p.error())) > weight(now)) now = outcome_of(p.error());
    }
    if (weight(now) > weight(outcome.worst) || outcome.witness.empty()) {
      outcome.worst = now;
      outcome.witness = trace;
    }
    // The last move that could have been the other's is, next time.
    while (!taken.empty() && !(had_choice.back() && taken.back() == 0)) {
      taken.pop_back();
      had_choice.pop_back();
    }
    if (taken.empty()) break;
    taken.back() = 1;
    prefix = std::move(taken);
  }
  for (auto table = race.tables.rbegin(); table != race.tables.rend(); ++table) admin->run("DROP TABLE " + *table);
  outcome.errors.assign(errors.begin(), errors.end());
  return outcome;
}

}  // namespace dbaudit
