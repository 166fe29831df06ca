#include "rules/match.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/trace/history.h"
#include "rules/protection.h"

namespace dbaudit {

namespace {

// `lower(email)`, `upper(email)` → `email`: a lookup without case. Empty when the expression is neither.
std::string_view lowered_column(std::string_view expression) {
  if (expression.size() < 8 || expression.back() != ')' || !(expression.starts_with("lower(") || expression.starts_with("upper(")))
    return {};
  const std::string_view inner = expression.substr(6, expression.size() - 7);
  const bool plain =
      std::all_of(inner.begin(), inner.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; });
  return plain ? inner : std::string_view();
}

}  // namespace

Agreement agree(const Op& a, const std::vector<KeyColumn>& left, const Op& b, const std::vector<KeyColumn>& right) {
  bool shared = false;
  for (const KeyColumn& x : left) {
    for (const KeyColumn& y : right) {
      if (x.hash != y.hash || x.is_null || y.is_null || x.column.empty() || y.column.empty()) continue;
      const auto holds = [](const Op& list_op, const KeyColumn& list, const Value& v) {
        if (list.slot < 0 || static_cast<size_t>(list.slot) >= list_op.values.lists().size()) return false;
        const auto elements = list_op.values.lists()[static_cast<size_t>(list.slot)];
        return std::any_of(elements.begin(), elements.end(), [&](const Value& e) { return same_value(e, v); });
      };
      // IN (…) of one value is an equality.
      const bool left_list = x.is_list && !a.value(x.slot).known();
      const bool right_list = y.is_list && !b.value(y.slot).known();
      if (left_list && right_list) continue;
      if (left_list) {
        if (!holds(a, x, b.value(y.slot))) return Agreement::kContradicted;
        shared = true;
      } else if (right_list) {
        if (!holds(b, y, a.value(x.slot))) return Agreement::kContradicted;
        shared = true;
      } else {
        const Value& v = a.value(x.slot);
        const Value& w = b.value(y.slot);
        if (!v.known() || !w.known()) continue;
        if (!same_value(v, w)) return Agreement::kContradicted;
        shared = true;
      }
    }
  }
  return shared ? Agreement::kShared : Agreement::kNothingShared;
}

uint64_t note_key(std::string_view what, std::string_view table, std::string_view detail) {
  return hash_combine(hash_bytes(what), hash_combine(hash_bytes(table), hash_bytes(detail)));
}

NoteKind::NoteKind(std::string_view what) : what_(hash_bytes(what)), nothing_(hash_bytes({})) {}

uint64_t NoteKind::of(const AccessedTable& table) const { return of(table, nothing_); }

uint64_t NoteKind::of(const AccessedTable& table, uint64_t detail) const {
  return hash_combine(what_, hash_combine(table.name_hash, detail));
}

std::string list_of(const std::vector<std::string>& names) { return join(names, ", "); }

void add_fixes(Finding& finding, std::vector<Fix> fixes) {
  for (Fix& f : fixes) finding.fixes.push_back(std::move(f));
}

bool is_locking(LockStrength s) { return s == LockStrength::kNoKeyUpdate || s == LockStrength::kUpdate; }

bool looks_random(const Value& v) {
  if (v.kind != ValueKind::kString) return false;
  const std::string_view s = v.text;
  if (s.size() == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-') return true;
  if (s.size() < 20 || s.size() > 512) return false;
  int digits = 0, letters = 0;
  bool all_hex = true;
  for (const char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isdigit(u)) {
      ++digits;
    } else if (std::isalpha(u)) {
      ++letters;
      all_hex &= std::isxdigit(u) != 0;
    } else if (c == '-' || c == '_' || c == '=' || c == '+' || c == '/') {
      all_hex &= c == '-';
    } else {
      return false;
    }
  }
  if (all_hex) return digits >= 4 && letters >= 2;
  return digits >= 4 && letters >= 8;
}

bool has_guard(const Op& write, const WriteAccess& w, const ReadAccess& r) {
  for (const KeyColumn& k : w.equal) {
    if (const ColumnWrite* set = w.find(k);
        set != nullptr && k.is_null && set->value->kind == OperandKind::kSlot && write.value(set->value->slot).is_null())
      continue;
    if (k.column.empty() || k.is_for(ColumnUse::kVersion) || w.find(k) != nullptr) return true;
    bool read_by_it = false;
    for (const KeyColumn& rk : r.equal) read_by_it |= rk.column == k.column;
    if (!k.is_for(ColumnUse::kKey) && !read_by_it && r.projects(k.column)) return true;
  }
  return !w.others.empty();
}

bool is_flag(const WriteAccess& w, const ColumnWrite& column, const Value& v) {
  if (w.table != nullptr ? !column.is_for(ColumnUse::kBoolean) : v.kind != ValueKind::kBool) return false;
  static constexpr std::string_view kWords[] = {"0", "1", "t", "f", "true", "false"};
  return v.kind == ValueKind::kBool ||
         std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view word) { return iequals(word, v.text); });
}

bool mentions(const Op& op, const Value& v) {
  return std::any_of(op.values.slots.begin(), op.values.slots.end(), [&](const Value& brought) { return brought.hash() == v.hash(); });
}

bool is_clock_reading(double number, const Op& op) {
  const TimePoint& t = op.start.known() ? op.start : op.end;
  if (!t.known()) return false;
  constexpr double kDays = 2 * 86'400;  // zones, and times a little ahead (an expiry)
  const double now = static_cast<double>(t.micros) / 1e6;
  return std::abs(number - now) < kDays || std::abs(number / 1000 - now) < kDays;
}

bool refuses_negative(const Table* table, std::string_view column, Engine engine) {
  if (table == nullptr) return false;
  const Column* c = table->column(column);
  if (c != nullptr && c->is_unsigned && is_mysql_family(engine)) return true;
  for (const Check& check : table->checks) {
    // `c >= 0`, `c > -1`, `0 <= c`: a comparison of the column with a bound from below.
    const std::string e = to_lower(check.expression);
    const size_t at = e.find(to_lower(column));
    if (at == std::string::npos) continue;
    if (e.find(">=") != std::string::npos || e.find('>') != std::string::npos || e.find("<=") != std::string::npos) return true;
  }
  return false;
}

bool asks_for_one(const ReadAccess& read) {
  if (read.descending) return false;
  if (read.probe) return true;
  if (read.aggregate != Aggregate::kNone) return false;
  return read.limited || read.lock != LockStrength::kNone;
}

bool is_natural_key(const Table* table, const std::vector<std::string>& columns) {
  if (table == nullptr) return false;
  return std::any_of(columns.begin(), columns.end(), [&](const std::string& name) {
    const std::string_view inner = lowered_column(name);
    const Column* c = table->column(inner.empty() ? std::string_view(name) : inner);
    if (c == nullptr) return false;
    const std::string type = to_lower(c->type);
    if (type.find("char") == std::string::npos && type.find("text") == std::string::npos) return false;
    return std::none_of(table->foreign_keys.begin(), table->foreign_keys.end(), [&](const ForeignKey& fk) {
      return std::any_of(fk.columns.begin(), fk.columns.end(), [&](const std::string& f) { return iequals(f, c->name); });
    });
  });
}

namespace {

// The column of the INSERT that repeats the value looked up; null when none does, or its value is not known.
const ColumnWrite* repeated(const Op& read, const KeyColumn& k, const Op& write, const WriteAccess& insert) {
  const ColumnWrite* c = k.column.empty() ? insert.find(lowered_column(k.expression)) : insert.find_hashed(k.hash);
  if (c == nullptr || !c->takes_value()) return nullptr;
  const Value& looked_up = read.value(k.slot);
  const Value& inserted = write.value(c->value->slot);
  if (!looked_up.known() || !inserted.known()) return nullptr;
  return (k.column.empty() ? iequals(looked_up.text, inserted.text) : same_value(looked_up, inserted)) ? c : nullptr;
}

// Could the INSERT fill the gap that a lookup by `equal` has seen? Asked before anything is put together of it: nearly no pair is one.
bool fits(const Op& read, const std::vector<KeyColumn>& equal, const Op& write, const WriteAccess& insert) {
  return std::all_of(equal.begin(), equal.end(), [&](const KeyColumn& k) {
    if (k.is_list) return false;
    if (!k.is_null) return repeated(read, k, write, insert) != nullptr;
    const ColumnWrite* c = insert.find(k);
    return c == nullptr || (c->takes_value() && write.value(c->value->slot).is_null());
  });
}

LookupMatch match_equal(const Op& read, const std::vector<KeyColumn>& equal, const Op& write, const WriteAccess& insert) {
  LookupMatch m;
  if (equal.empty() || !fits(read, equal, write, insert)) return m;
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : equal) {
    LookupColumn for_key;
    for_key.column = k.column;
    for_key.expression = k.expression;
    if (k.is_null) {
      for_key.is_null = true;
      m.null_columns.push_back(k.column);
      m.lookup.push_back(std::move(for_key));
      continue;
    }
    const Value& looked_up = read.value(k.slot);
    const Value& inserted = write.value(repeated(read, k, write, insert)->value->slot);
    for_key.known_not_null = !inserted.is_null();
    for_key.is_null = inserted.is_null();
    for_key.has_value = true;
    for_key.value = std::string(looked_up.text);
    m.lookup.push_back(std::move(for_key));
    m.key_columns.push_back(k.name());
    m.values.push_back(looked_up);
    parts.push_back(hash_combine(k.hash, looked_up.hash()));
  }
  if (m.key_columns.empty()) return {};
  std::sort(parts.begin(), parts.end());
  m.row = insert.name_hash;
  for (const uint64_t p : parts) m.row = hash_combine(m.row, p);
  return m;
}

}  // namespace

LookupMatch match_lookup(const Op& read, const ReadAccess& lookup, const Op& write, const WriteAccess& insert) {
  if (!lookup.same_table(insert) || !lookup.exact || !lookup.others.empty()) return {};
  return match_equal(read, lookup.equal, write, insert);
}

LookupMatch match_update(const Op& op, const WriteAccess& update, const Op& write, const WriteAccess& insert) {
  if (!update.same_table(insert) || !update.exact || !update.others.empty()) return {};
  return match_equal(op, update.equal, write, insert);
}

RowLink link_rows(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w) {
  if (!r.same_table(w)) return RowLink::kNone;
  switch (agree(read, r.equal, write, w.equal)) {
    case Agreement::kContradicted: return RowLink::kNone;
    case Agreement::kShared: return RowLink::kValues;
    case Agreement::kNothingShared: break;
  }
  if (r.aggregate != Aggregate::kNone || r.probe) return RowLink::kNone;
  const bool one = r.one_row || (r.limited && !r.equal.empty());
  return one && w.one_row ? RowLink::kPicked : RowLink::kNone;
}

std::optional<ReadRef> deciding_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RowLink at_least) {
  const Op& op = unit.ops[write];
  uint32_t before = write;
  for (uint32_t i; (i = unit.last_touching(w, reach_from(write), before)) != before; before = i) {
    const Op& earlier = unit.ops[i];
    for (const ReadAccess& r : earlier.statement->access.reads) {
      if (!r.top_level || earlier.failed) continue;
      if (link_rows(earlier, r, op, w) >= at_least) return ReadRef{i, &r};
    }
    // The unit's own UPDATE of the row: what was read before it is no longer what a later write starts from.
    for (const WriteAccess& other : earlier.statement->access.writes) {
      if (other.same_table(w) && !other.is_insert() && agree(earlier, other.equal, op, w.equal) == Agreement::kShared) return std::nullopt;
    }
  }
  return std::nullopt;
}

bool same_transaction(const WorkUnit& unit, uint32_t a, uint32_t b) {
  return unit.ops[a].transaction == unit.ops[b].transaction && (a == b || unit.transactions[unit.ops[a].transaction].is_explicit);
}

bool boundaries_known(const WorkUnit& unit, uint32_t a, uint32_t b) {
  return unit.transactions[unit.ops[a].transaction].boundary == Boundary::kExplicit &&
         unit.transactions[unit.ops[b].transaction].boundary == Boundary::kExplicit;
}

bool protected_by_lock(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w) {
  return protection_of(unit, read, write, w).shield != Shield::kNone;
}

void RuleContext::place_alone(Match& m) const {
  const Transaction& tx = m.unit->transactions[m.unit->ops[m.write].transaction];
  place(m);
  m.scope = Scope::kNone;
  if (m.unit->engine != Engine::kSqlite) set_level_of(tx, m);
}

void RuleContext::place(Match& m) const {
  const WorkUnit& unit = *m.unit;
  const Op& write = unit.ops[m.write];
  const Transaction& tx = unit.transactions[write.transaction];
  const bool together = same_transaction(unit, m.read, m.write) && tx.is_explicit;
  const bool known = boundaries_known(unit, m.read, m.write);
  m.level_known = known;
  if (m.has_read && m.has_write && known) m.scope = together ? Scope::kLevelBased : Scope::kScopeBased;
  if (unit.engine == Engine::kSqlite) {
    m.level = !together                                                              ? Level::kAutocommit
              : tx.mode == BeginMode::kImmediate || tx.mode == BeginMode::kExclusive ? Level::kImmediate
                                                                                     : Level::kDeferred;
    return;
  }
  if (known && !together) {
    m.level = Level::kAutocommit;
    return;
  }
  set_level_of(tx, m);
}

void RuleContext::set_level_of(const Transaction& tx, Match& m) const {
  switch (tx.isolation) {
    case Isolation::kReadUncommitted:
    case Isolation::kReadCommitted: m.level = Level::kReadCommitted; break;
    case Isolation::kRepeatableRead:
      m.level = (snapshot_isolation() || tx.snapshot_isolation) && is_mysql_family(m.unit->engine) ? Level::kSnapshotIsolation
                                                                                                   : Level::kRepeatableRead;
      break;
    case Isolation::kSerializable: m.level = Level::kSerializable; break;
    case Isolation::kUnknown:
      m.level = Level::kReadCommitted;
      m.level_known = false;
      break;
  }
}

}  // namespace dbaudit
