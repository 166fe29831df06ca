// DBA107: the next number is made from the highest one there is.
//
//   A: SELECT MAX(seq) … project = 1   → 7
//   B: SELECT MAX(seq) … project = 1   → 7
//   A: INSERT … (project, seq) VALUES (1, 8)
//   B: INSERT … (project, seq) VALUES (1, 8)     the number is given out twice
//
// The same with ORDER BY seq DESC LIMIT 1, FOR UPDATE or not, and in one statement (INSERT … SELECT MAX(seq) + 1) wherever a SELECT inside of it takes no locks.
// What was read is not in the log. That the number written follows from it is shown by the statement (`MAX(c) + ?`) or by the history: it is one more than
// the last one inserted among the same rows. A highest bid, a best score or a time moves otherwise. Silent: a number the database makes, a counter
// row, a lock on a parent, the table or an advisory key. A unique key makes it an error of the loser.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/row_state.h"
#include "rules/set_lock.h"

namespace dbaudit {

namespace {

// Above it a number that follows the highest one is a time in seconds rather than a position.
constexpr double kFirstEpoch = 1e9;

bool is_duplicate_error(std::string_view code) { return code == "23505" || code == "1062"; }

bool is_whole_number_column(const Table* table, std::string_view column) {
  const Column* c = table != nullptr ? table->column(column) : nullptr;
  if (c == nullptr) return false;
  const std::string type = to_lower(c->type);
  return type.find("int") != std::string::npos || type.find("serial") != std::string::npos || type.starts_with("number");
}

bool made_by_database(const Table* table, std::string_view column) {
  const Column* c = table != nullptr ? table->column(column) : nullptr;
  return c != nullptr && c->generated;
}

struct Candidate {
  uint32_t read = 0;
  const ReadAccess* access = nullptr;
  std::string column;
  double step = std::nan("");
  double number = 0;
  bool computed = false;  // the statement itself adds to the maximum
};

// How sure it is that the number is the highest plus one; nothing when it is not.
std::optional<Confidence> confidence_of(const Candidate& c, const WriteAccess& w) {
  if (c.computed) return Confidence::kLikely;
  const bool known = !std::isnan(c.step);
  // Not above the next one: two sessions in one race insert the same number (0), or the later one the lower.
  const bool follows = known && c.step <= 1 && c.step >= -100;
  if (known && !follows) return std::nullopt;
  if (c.access->aggregate != Aggregate::kMax) {
    if (c.number >= kFirstEpoch) return std::nullopt;
    return follows ? Confidence::kLikely : Confidence::kPossible;
  }
  if (!w.is_insert()) return Confidence::kPossible;
  return follows || is_whole_number_column(w.table, c.column) ? Confidence::kLikely : Confidence::kPossible;
}

void report(const WorkUnit& unit, uint32_t write, const WriteAccess& w, const Candidate& c, RuleContext& context) {
  const Op& op = unit.ops[write];
  const Op& read = unit.ops[c.read];
  const bool one_statement = c.read == write;
  const std::optional<Confidence> confidence = confidence_of(c, w);
  // A bid or a score jumps. Of a whole number asked for by MAX() one jump may be another program's.
  const bool refutes = !confidence && (c.access->aggregate != Aggregate::kMax || !is_whole_number_column(w.table, c.column));
  if (!confidence && !refutes) return;
  if (set_protected(unit, c.read, *c.access, write, w, /*inserts=*/unit.engine == Engine::kPostgres)) return;
  Match m;
  m.unit = &unit;
  m.table = w.table;
  m.table_name = w.name;
  m.columns = {c.column};
  std::vector<LookupColumn> key;
  for (const KeyColumn& k : c.access->equal) {
    if (k.is_null) continue;
    m.key_columns.push_back(k.name());
    LookupColumn column;
    column.column = k.column;
    column.known_not_null = true;
    key.push_back(std::move(column));
  }
  m.key_columns.push_back(c.column);
  LookupColumn number;
  number.column = c.column;
  number.known_not_null = true;
  key.push_back(std::move(number));
  const bool unique = w.table != nullptr && context.catalog() != nullptr && context.protection(*w.table, key).key != nullptr;
  const bool locked = is_locking(c.access->lock) && same_transaction(unit, c.read, write);
  m.pattern = one_statement ? (unique ? Pattern::kMaxPlusOneStatementUnique : Pattern::kMaxPlusOneStatement)
              : unique      ? Pattern::kMaxPlusOneUnique
              : locked      ? Pattern::kMaxPlusOneLocked
                            : Pattern::kMaxPlusOne;
  m.read = c.read;
  m.write = write;
  m.has_read = !one_statement;
  m.has_write = true;
  m.confidence = confidence.value_or(Confidence::kPossible);
  m.refutes = refutes;
  m.row = hash_combine(set_identity(read, *c.access), hash_bytes(c.column));
  m.written = hash_combine(hash_bytes(c.column), hash_bytes(fmt::format("{}", c.number)));
  m.writes_one_column = true;
  m.gives_out_number = !one_statement;
  m.halves_tell = c.computed || c.access->aggregate == Aggregate::kMax;
  m.blind_insert = w.is_insert() && !op.failed && !op.rolled_back;
  m.value_moved_by_step = c.step == 1;
  if (unique && op.failed && is_duplicate_error(op.error_code())) {
    m.confidence = Confidence::kObserved;
    m.evidence.push_back(
        {"duplicate-key-error", fmt::format("the INSERT failed with {}: another session had taken the number", op.error_code()), {}});
    m.evidence_op = write;
    const uint32_t last = std::min<uint32_t>(static_cast<uint32_t>(unit.ops.size()), write + kReach);
    for (uint32_t i = write + 1; i < last; ++i) {
      if (unit.ops[i].statement != op.statement || unit.ops[i].failed) continue;
      context.note(note_key("number-tried-again", w.name, c.column), unit, i);
      break;
    }
  }
  if (unique) m.softened_by = note_key("number-tried-again", w.name, c.column);
  context.place(m);
  context.report(std::move(m));
}

// INSERT … SELECT MAX(c) + 1, VALUES (…, (SELECT MAX(c) + 1 …)), SET c = (SELECT MAX(c) + 1 …).
void check_one_statement(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  const StatementFacts& facts = op.facts();
  const Write& source = facts.writes[static_cast<size_t>(w.write)];
  for (const ReadAccess& r : op.statement->access.reads) {
    if (!r.same_table(w) || r.aggregate != Aggregate::kMax || r.aggregated.empty() || r.plus_slot < 0 || is_locking(r.lock)) continue;
    bool written = false;
    if (w.is_insert() && source.block == r.block && source.source == InsertSource::kSelect) {
      const std::vector<SelectItem>& items = facts.blocks[static_cast<size_t>(r.block)].items;
      for (size_t i = 0; i < items.size() && i < source.insert_columns.size(); ++i) {
        written |= items[i].computed->aggregate == Aggregate::kMax && iequals(source.insert_columns[i], r.aggregated);
      }
    }
    if (const ColumnWrite* c = w.find(r.aggregated); c != nullptr) {
      const bool computes = c->value->kind == OperandKind::kSubquery || c->value->kind == OperandKind::kExpression ||
                            c->value->kind == OperandKind::kSelfExpression;
      written |= computes && c->value->block == r.block;
    }
    // An UPDATE that reads its own table was measured on PostgreSQL only.
    if (!written || made_by_database(w.table, r.aggregated) || (!w.is_insert() && unit.engine != Engine::kPostgres)) continue;
    Candidate c;
    c.read = write;
    c.access = &r;
    c.column = r.aggregated;
    c.computed = true;
    return report(unit, write, w, c, context);
  }
}

void check_pair(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RuleContext& context) {
  const Op& op = unit.ops[write];
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& read = unit.ops[i];
    if (!read.statement->access.may_touch(w) || read.failed) continue;
    for (const ReadAccess& r : read.statement->access.reads) {
      if (!r.same_table(w) || !r.top_level || r.joined) continue;
      const std::string& column = r.aggregate == Aggregate::kMax ? r.aggregated : r.latest_by;
      if (column.empty() || (r.aggregate != Aggregate::kMax && (r.aggregate != Aggregate::kNone || !r.projects(column)))) continue;
      double many = 0;
      if (r.aggregate != Aggregate::kMax && as_number(read.value(r.limit_slot), many) && many > 1) continue;
      if (made_by_database(w.table, column)) continue;
      const ColumnWrite* c = w.find(column);
      Candidate found;
      if (c == nullptr || c->value->kind != OperandKind::kSlot || !as_number(op.value(c->value->slot), found.number)) continue;
      if (found.number != std::floor(found.number)) continue;
      if (w.is_insert() && !inserts_into_set(read, r, op, w, /*may_be_whole_table=*/true)) continue;
      const auto at = static_cast<size_t>(c - w.set.data());
      if (w.is_insert() && at < op.steps().size()) found.step = op.steps()[at];
      found.read = i;
      found.access = &r;
      found.column = column;
      found.computed = r.plus_slot >= 0 && r.aggregate == Aggregate::kMax;
      report(unit, write, w, found, context);
      return;
    }
    // The unit's own INSERT of the table: an earlier read is not what this one starts from.
    for (const WriteAccess& other : read.statement->access.writes) {
      if (other.same_table(w) && other.is_insert() && read.statement != op.statement) return;
    }
  }
}

void check(const WorkUnit& unit, RuleContext& context) {
  const TableSet tables = tables_read(unit, [](const ReadAccess& r) { return r.aggregate == Aggregate::kMax || !r.latest_by.empty(); });
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.truncated) continue;
    for (const WriteAccess& w : op.statement->access.writes) {
      const bool inserts = w.kind == StatementKind::kInsert && w.upsert == UpsertKind::kNone && !w.guarded_insert;
      if ((!inserts && w.kind != StatementKind::kUpdate) || w.housekeeping) continue;
      if ((tables & w.bit) == 0) continue;
      check_one_statement(unit, i, w, context);
      if (!w.set.empty()) check_pair(unit, i, w, context);
    }
  }
}

void describe(const Folded& f, Finding& finding) {
  const std::string column = list_of(f.material.columns);
  switch (f.outcome) {
    case Outcome::kRetry:
    case Outcome::kDeadlock:
      finding.message =
          fmt::format("{} of {} is the highest plus one; at this level one of two racing sessions gets an error it must retry.", column,
                      f.material.table_name);
      break;
    case Outcome::kError:
      finding.message = fmt::format("Two sessions can make the same {} of {} from the highest one; the unique key refuses the second.",
                                    column, f.material.table_name);
      break;
    default:
      finding.message = fmt::format("Two sessions can make the same {} of {} from the highest one: the number is given out twice.", column,
                                    f.material.table_name);
  }
  add_fixes(finding, suggest::number_source(f.material));
  for (Fix& fix : suggest::unique_key(f.material)) {
    // Rows with one number are different rows: none of them is to be deleted.
    if (fix.kind == "dedupe") continue;
    fix.trade_off += " The loser of a race then gets a duplicate-key error: read the highest number again in a new transaction.";
    finding.fixes.push_back(std::move(fix));
  }
}

}  // namespace

extern const Rule kRule_number_from_max_plus_one;
const Rule kRule_number_from_max_plus_one = {
    "DBA107",
    "number-from-max-plus-one",
    Severity::kError,
    "The next number is made from the highest one in the table, which two sessions can read at once",
    {Trait::kInsertsRead | Trait::kUpdatesRead, Trait::kNumberReads},
    check,
    describe,
    DataQuestion::kDuplicates};

}  // namespace dbaudit
