#include "analyzers/trace/example.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

namespace {

constexpr uint32_t kFarthest = 200;        // ops between the first and the last that the example is about
constexpr uint32_t kBefore = 24;           // ops kept before them, and as many behind
constexpr size_t kMaxBytes = 128 * 1024;   // of all statements of an example
constexpr size_t kMaxListValues = 32;      // of one IN-list or VALUES row
constexpr int64_t kStep = 100;             // µs between two statements: nobody has seen what the others did
constexpr uint64_t kRoundLines = 500;      // more than two sessions of a round have
constexpr int64_t kStart = 1'600'000'000;  // seconds; any time does, for no report shows it

std::string quoted(std::string_view text, Engine engine) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || (c == '\\' && is_mysql_family(engine))) result.push_back(c);
    result.push_back(c);
  }
  return result + "'";
}

void add_cells(const Op& op, ExampleStatement& s, Engine engine) {
  const auto add = [&](const std::string& table, const std::string& column, int slot) {
    if (std::string literal = literal_of(op.value(slot), engine); !column.empty() && !literal.empty())
      s.cells.push_back({table, column, std::move(literal)});
  };
  size_t most = 0;
  for (const WriteAccess& w : op.statement->access.writes) most += w.equal.size() + w.set.size();
  for (const ReadAccess& r : op.statement->access.reads) most += r.equal.size();
  s.cells.reserve(most);
  for (const WriteAccess& w : op.statement->access.writes) {
    for (const KeyColumn& k : w.equal) add(w.name, k.column, k.slot);
    for (const ColumnWrite& c : w.set) {
      if (c.value != nullptr && c.value->kind == OperandKind::kSlot) add(w.name, c.column, c.value->slot);
    }
  }
  for (const ReadAccess& r : op.statement->access.reads) {
    for (const KeyColumn& k : r.equal) add(r.name, k.column, k.slot);
  }
}

/// What stood in the cell before a flag was turned.
Value turned(const Value& v) {
  static constexpr std::pair<std::string_view, std::string_view> kPairs[] = {{"true", "false"}, {"t", "f"}, {"1", "0"}, {"yes", "no"}};
  for (const auto& [yes, no] : kPairs) {
    if (iequals(v.text, yes)) return make_value(no, v.kind == ValueKind::kString);
    if (iequals(v.text, no)) return make_value(yes, v.kind == ValueKind::kString);
  }
  return {};
}

void add_history(const Op& op, ExampleStatement& s, Engine engine) {
  if (op.statement->access.writes.empty() || op.failed) return;
  const std::vector<ColumnWrite>& set = op.statement->access.writes.front().set;
  std::vector<Value> before(op.values.slots.begin(), op.values.slots.end());
  std::deque<std::string> numbers;
  bool moved = false, returned = false;
  for (size_t i = 0; i < set.size(); ++i) {
    if (set[i].value == nullptr || set[i].value->kind != OperandKind::kSlot) continue;
    const auto slot = static_cast<size_t>(set[i].value->slot);
    double now = 0;
    if (slot >= before.size()) continue;
    if (i < op.steps().size() && !std::isnan(op.steps()[i]) && op.steps()[i] != 0 && as_number(before[slot], now)) {
      numbers.push_back(fmt::format("{}", now - op.steps()[i]));
      before[slot] = make_value(numbers.back(), before[slot].kind == ValueKind::kString);
      moved = true;
    } else if (op.change(i).change >= CellChange::kChanged) {
      const Value other = turned(before[slot]);
      if (!other.known()) continue;
      before[slot] = other;
      moved = true;
      returned |= op.change(i).change == CellChange::kReturned;
    }
  }
  if (!moved) return;
  if (returned) s.history.push_back(s.sql);
  BoundValues values = op.values;
  values.slots = before;
  s.history.push_back(template_with_literals(op.statement->source->text.str(), engine, values));
}

/// Which of a few ops in a row an example does not show.
class LeftOut {
 public:
  /// `transactions`: of these ops, from the first one's. `about`, `whole`: as in UnitPart.
  LeftOut(std::span<const Op> ops, std::span<const Transaction> transactions, std::span<const uint32_t> about, bool whole)
      : ops_(ops), about_(about), whole_(whole) {
    std::set<uint32_t> own;
    for (const uint32_t i : about) {
      shapes_.insert(shape(i));
      own.insert(ops[i].transaction);
    }
    for (uint32_t i = 0; i < ops.size(); ++i) {
      const uint32_t t = ops[i].transaction;
      if (shapes_.contains(shape(i)) && !own.contains(t) && transactions[t - ops.front().transaction].is_explicit) other_turns_.insert(t);
    }
  }
  [[nodiscard]] bool is_named(uint32_t i) const { return std::find(about_.begin(), about_.end(), i) != about_.end(); }
  [[nodiscard]] bool operator()(uint32_t i) const {
    if (other_turns_.contains(ops_[i].transaction)) return true;
    // What failed is part of the story (a retry).
    return !whole_ && !ops_[i].failed && !is_named(i) && shapes_.contains(shape(i));
  }

 private:
  [[nodiscard]] uint64_t shape(uint32_t i) const { return ops_[i].statement->source->fingerprint; }

  std::span<const Op> ops_;
  std::span<const uint32_t> about_;
  bool whole_;
  std::set<uint64_t> shapes_;
  std::set<uint32_t> other_turns_;  // transactions: turns of a loop that run one of the statements
};

std::span<const Value> shown_of(std::span<const Value> list) { return list.first(std::min(list.size(), kMaxListValues)); }

size_t bytes_of_values(const Op& op) {
  size_t bytes = 0;
  for (const Value& v : op.values.slots) bytes += v.text.size();
  for (const std::span<const Value> list : op.values.lists()) {
    for (const Value& v : shown_of(list)) bytes += v.text.size();
  }
  return bytes;
}

template <typename T>
std::span<T> copied(std::span<const T> from, Arena& arena) {
  const std::span<T> to = arena.array<T>(from.size());
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

std::span<const Value> copied_values(std::span<const Value> from, Arena& arena) {
  const std::span<Value> to = copied(from, arena);
  for (Value& v : to) v.text = arena.copy(v.text);
  return to;
}

// What an example tells of an op. `named`: it is about that one.
void copy_op(const Op& op, bool named, Op& copy, Arena& arena) {
  constexpr size_t kLongestMessage = 1000;
  copy.values.slots = copied_values(op.values.slots, arena);
  if (!op.values.lists().empty()) {
    const std::span<std::span<const Value>> lists = copied(op.values.lists(), arena);
    for (std::span<const Value>& list : lists) list = copied_values(shown_of(list), arena);
    copy.values.set_more(lists, {}, arena);
  }
  copy.savepoints = op.savepoints;
  copy.rows = op.rows;
  copy.rolled_back = op.rolled_back;
  if (op.failed) {
    OpRemarks& remarks = arena.array<OpRemarks>(1).front();
    remarks.error_code = arena.copy(op.error_code());
    remarks.error_message = arena.copy(op.error_message().substr(0, kLongestMessage));
    copy.rare = &remarks;
  }
  if (named && op.history != nullptr) {
    OpMoves& moves = arena.array<OpMoves>(1).front();
    moves.steps = copied(op.history->steps, arena);
    moves.changes = copied(op.history->changes, arena);
    copy.history = &moves;
  }
}

}  // namespace

std::string literal_of(const Value& value, Engine engine) {
  switch (value.kind) {
    case ValueKind::kMissing: return {};
    case ValueKind::kNull: return "NULL";
    case ValueKind::kNumber:
    case ValueKind::kBool: return std::string(value.text);
    case ValueKind::kString: return quoted(value.text, engine);
    case ValueKind::kOther: return {};
  }
  return {};
}

std::string template_with_literals(std::string_view template_text, Engine engine, const BoundValues& values) {
  Dialect dialect = dialect_of(engine);
  dialect.double_quotes_are_strings = false;  // the template's own way to quote a name
  Lexer lexer(template_text, dialect);
  std::string out;
  const char* end = template_text.data();
  size_t slot = 0;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    out.append(end, token.text.data());
    end = token.text.data() + token.text.size();
    if (token.kind == TokenKind::kPlaceholder) {
      const std::span<const Value> list = slot < values.lists().size() ? values.lists()[slot] : std::span<const Value>();
      std::string literal;
      for (size_t i = 0; i < std::min(list.size(), kMaxListValues); ++i) {
        const std::string one = literal_of(list[i], engine);
        literal += (i > 0 ? ", " : "") + (one.empty() ? std::string("NULL") : one);
      }
      if (list.empty() && slot < values.slots.size()) literal = literal_of(values.slots[slot], engine);
      if (literal.empty()) literal = engine == Engine::kPostgres ? fmt::format("${}", slot + 1) : "?";
      out += literal;
      ++slot;
    } else if (token.kind == TokenKind::kQuotedName && is_mysql_family(engine)) {
      std::string name;
      unquote(token, dialect, name);
      out += "`" + name + "`";
    } else {
      out += token.text;
    }
  }
  return out;
}

UnitPart part_of(const WorkUnit& unit, std::span<const uint32_t> about, bool whole, Arena& arena) {
  if (about.empty() || unit.ops.empty()) return {};
  const auto [first, last] = std::minmax_element(about.begin(), about.end());
  if (*last - *first > kFarthest || *last >= unit.ops.size()) return {};
  const uint32_t begin = *first > kBefore ? *first - kBefore : 0;
  const uint32_t end = std::min<uint32_t>(*last + kBefore, static_cast<uint32_t>(unit.ops.size()) - 1);
  const std::span<const Op> ops = std::span(unit.ops).subspan(begin, end - begin + 1);
  const uint32_t first_transaction = ops.front().transaction;
  const auto transactions = std::span(unit.transactions).subspan(first_transaction, ops.back().transaction - first_transaction + 1);
  std::vector<uint32_t> places;
  for (const uint32_t i : about) places.push_back(i - begin);
  const LeftOut left_out(ops, transactions, places, whole);
  size_t bytes = 0;
  for (uint32_t i = 0; i < ops.size(); ++i) {
    if (!left_out(i)) bytes += bytes_of_values(ops[i]);
  }
  if (bytes > kMaxBytes) return {};

  const std::span<Op> kept = arena.array<Op>(ops.size());
  for (uint32_t i = 0; i < ops.size(); ++i) {
    kept[i].statement = ops[i].statement;
    kept[i].transaction = ops[i].transaction - first_transaction;
    kept[i].failed = ops[i].failed;
    if (!left_out(i)) copy_op(ops[i], left_out.is_named(i), kept[i], arena);
  }
  return {unit.engine, whole, unit.orm, kept, copied(transactions, arena), copied(std::span<const uint32_t>(places), arena)};
}

ExampleUnit example_of(const UnitPart& part) {
  ExampleUnit example;
  example.engine = part.engine;
  const LeftOut left_out(part.ops, part.transactions, part.about, part.whole);
  size_t bytes = 0;
  example.statements.reserve(part.ops.size());
  for (uint32_t i = 0; i < part.ops.size(); ++i) {
    const Op& op = part.ops[i];
    ExampleStatement& s = example.statements.emplace_back();
    s.fingerprint = op.statement->source->fingerprint;
    s.transaction = op.transaction;
    if (left_out(i)) continue;  // its place remains: the indexes stay those of the part
    s.sql = template_with_literals(op.statement->source->text.str(), part.engine, op.values);
    s.savepoints = op.savepoints;
    s.rolled_back = op.rolled_back;
    s.failed = op.failed;
    s.rows = op.rows;
    s.error_code = std::string(op.error_code());
    s.error_message = std::string(op.error_message());
    s.orm = part.orm;
    add_cells(op, s, part.engine);
    if (left_out.is_named(i)) add_history(op, s, part.engine);
    bytes += s.sql.size();
  }
  if (bytes > kMaxBytes) return {};
  for (const Transaction& tx : part.transactions) {
    example.transactions.push_back({tx.is_explicit, tx.boundary, tx.isolation, tx.mode, tx.end, tx.consistent_snapshot,
                                    tx.begun || tx.boundary == Boundary::kExplicit});
    example.snapshot_isolation |= tx.snapshot_isolation;
  }
  return example;
}

std::vector<ReplayStatement> opening(const ExampleTransaction& tx, Engine engine, Isolation usual) {
  std::vector<ReplayStatement> steps;
  if (!tx.is_explicit || !tx.shown) return steps;
  const auto add = [&](std::string sql) {
    ReplayStatement s;
    s.sql = std::move(sql);
    s.boundary = tx.boundary;
    steps.push_back(std::move(s));
  };
  const bool other_level = tx.isolation != usual && tx.isolation != Isolation::kUnknown;
  if (engine == Engine::kSqlite) {
    add(tx.mode == BeginMode::kImmediate ? "BEGIN IMMEDIATE" : tx.mode == BeginMode::kExclusive ? "BEGIN EXCLUSIVE" : "BEGIN");
  } else if (is_mysql_family(engine)) {
    if (other_level) add(fmt::format("SET TRANSACTION ISOLATION LEVEL {}", isolation_name(tx.isolation)));
    add(tx.consistent_snapshot ? "START TRANSACTION WITH CONSISTENT SNAPSHOT" : "BEGIN");
  } else {
    add(other_level ? fmt::format("BEGIN ISOLATION LEVEL {}", isolation_name(tx.isolation)) : "BEGIN");
  }
  return steps;
}

std::vector<ReplayStatement> closing(const ExampleTransaction& tx) {
  if (!tx.is_explicit || !tx.shown) return {};
  ReplayStatement s;
  s.sql = tx.end == TxEnd::kRollback ? "ROLLBACK" : "COMMIT";
  s.boundary = tx.boundary;
  return {s};
}

ReplayStatement step_of(const ExampleStatement& s, const ExampleTransaction& tx) {
  return {s.sql, tx.boundary, s.error_code, s.error_message, s.orm, s.rows, s.failed};
}

void replay(std::span<const std::vector<ReplayStatement>> sessions, size_t begun, Trace& trace) {
  size_t longest = 0;
  for (const std::vector<ReplayStatement>& s : sessions) longest = std::max(longest, s.size());
  std::vector<std::string> keys;
  for (size_t i = 0; i < sessions.size(); ++i) keys.push_back(fmt::format("session {}", begun + i + 1));
  uint64_t line = begun * kRoundLines;
  for (size_t i = 0; i < longest; ++i) {
    for (size_t s = 0; s < sessions.size(); ++s) {
      if (i >= sessions[s].size()) continue;
      const ReplayStatement& step = sessions[s][i];
      LogRecord record;
      record.kind = RecordKind::kStatement;
      record.tx_boundary = step.boundary == Boundary::kExplicit   ? TxBoundary::kExplicit
                           : step.boundary == Boundary::kInferred ? TxBoundary::kInferred
                                                                  : TxBoundary::kUnknown;
      record.line = ++line;
      record.session = keys[s];
      record.time.micros = kStart * 1'000'000 + static_cast<int64_t>(line) * kStep;
      record.time.zone_known = true;
      record.time.tick = 1;
      record.in_order_received = true;
      record.rows = step.rows;
      record.sql = step.sql;
      record.has_error = step.failed;
      record.error_code = step.error_code;
      record.error_message = step.error_message;
      trace.feed(0, "replay", step.orm, record);
    }
  }
}

}  // namespace dbaudit
