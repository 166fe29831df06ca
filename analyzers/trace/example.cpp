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

ExampleUnit example_of(const WorkUnit& unit, std::span<const uint32_t> about, bool whole) {
  ExampleUnit example;
  if (about.empty() || unit.ops.empty()) return example;
  const auto [first, last] = std::minmax_element(about.begin(), about.end());
  if (*last - *first > kFarthest || *last >= unit.ops.size()) return example;
  const uint32_t begin = *first > kBefore ? *first - kBefore : 0;
  const uint32_t end = std::min<uint32_t>(*last + kBefore, static_cast<uint32_t>(unit.ops.size()) - 1);
  std::vector<uint64_t> shapes;
  for (const uint32_t i : about) shapes.push_back(unit.ops[i].statement->source->fingerprint);

  // Other turns of a loop: transactions of their own that run one of the statements.
  std::set<uint32_t> own, other_turns;
  for (const uint32_t i : about) own.insert(unit.ops[i].transaction);
  for (uint32_t i = begin; i <= end; ++i) {
    const Op& op = unit.ops[i];
    const bool again = std::find(shapes.begin(), shapes.end(), op.statement->source->fingerprint) != shapes.end();
    if (again && !own.contains(op.transaction) && unit.transactions[op.transaction].is_explicit) other_turns.insert(op.transaction);
  }

  example.engine = unit.engine;
  example.first_op = begin;
  const uint32_t first_transaction = unit.ops[begin].transaction;
  size_t bytes = 0;
  example.statements.reserve(end - begin + 1);
  for (uint32_t i = begin; i <= end; ++i) {
    const Op& op = unit.ops[i];
    ExampleStatement s;
    s.fingerprint = op.statement->source->fingerprint;
    s.transaction = op.transaction - first_transaction;
    const bool named = std::find(about.begin(), about.end(), i) != about.end();
    const bool again = !whole && !named && std::find(shapes.begin(), shapes.end(), s.fingerprint) != shapes.end();
    // Left out, but in its place: the indexes stay those of the unit. What failed is part of the story (a retry).
    if ((!again || op.failed) && !other_turns.contains(op.transaction)) {
      s.sql = template_with_literals(op.statement->source->text.str(), unit.engine, op.values);
      s.sql.shrink_to_fit();
      s.savepoints = op.savepoints;
      s.rolled_back = op.rolled_back;
      s.failed = op.failed;
      s.rows = op.rows;
      s.error_code = std::string(op.error_code());
      s.error_message = std::string(op.error_message().substr(0, 1000));
      s.orm = unit.orm;
      add_cells(op, s, unit.engine);
      if (named) add_history(op, s, unit.engine);
      bytes += s.sql.size();
    }
    example.statements.push_back(std::move(s));
  }
  if (bytes > kMaxBytes) return {};
  for (uint32_t t = first_transaction; t <= unit.ops[end].transaction; ++t) {
    const Transaction& tx = unit.transactions[t];
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
