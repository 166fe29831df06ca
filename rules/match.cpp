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

// The words of a column name: `qty_left` → qty, left.
bool has_word(std::string_view name, std::span<const std::string_view> words) {
  size_t begin = 0;
  while (begin <= name.size()) {
    const size_t end = std::min(name.find('_', begin), name.size());
    const std::string_view word = name.substr(begin, end - begin);
    for (const std::string_view w : words) {
      if (iequals(word, w)) return true;
    }
    begin = end + 1;
  }
  return false;
}

}  // namespace

Agreement agree(const Op& a, const std::vector<KeyColumn>& left, const Op& b, const std::vector<KeyColumn>& right) {
  bool shared = false;
  for (const KeyColumn& x : left) {
    for (const KeyColumn& y : right) {
      if (x.is_null || y.is_null || x.column.empty() || x.column != y.column) continue;
      const auto holds = [](const Op& list_op, const KeyColumn& list, const Value& v) {
        if (list.slot < 0 || static_cast<size_t>(list.slot) >= list_op.values.lists.size()) return false;
        const auto elements = list_op.values.lists[static_cast<size_t>(list.slot)];
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
        const Value v = a.value(x.slot);
        const Value w = b.value(y.slot);
        if (!v.known() || !w.known()) continue;
        if (!same_value(v, w)) return Agreement::kContradicted;
        shared = true;
      }
    }
  }
  return shared ? Agreement::kShared : Agreement::kNothingShared;
}

bool picks_one_row(const Table* table, const std::vector<KeyColumn>& equal) {
  if (table == nullptr) return false;
  for (const Key& key : table->keys) {
    if (!key.unique || key.parts.empty()) continue;
    const bool covered = std::all_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
      return !p.column.empty() && std::any_of(equal.begin(), equal.end(),
                                              [&](const KeyColumn& k) { return !k.is_null && !k.is_list && iequals(k.column, p.column); });
    });
    if (covered) return true;
  }
  return false;
}

uint64_t note_key(std::string_view what, std::string_view table, std::string_view detail) {
  return hash_combine(hash_bytes(what), hash_combine(hash_bytes(table), hash_bytes(detail)));
}

std::string list_of(const std::vector<std::string>& names) { return join(names, ", "); }

void add_fixes(Finding& finding, std::vector<Fix> fixes) {
  for (Fix& f : fixes) finding.fixes.push_back(std::move(f));
}

bool is_locking(LockStrength s) { return s == LockStrength::kNoKeyUpdate || s == LockStrength::kUpdate; }

bool is_version_name(std::string_view c) {
  static constexpr std::string_view kNames[] = {
      "version",        "lock_version",   "rev",      "revision", "row_version", "rowversion",     "version_id",     "version_no",
      "version_number", "object_version", "opt_lock", "optlock",  "lockversion", "entity_version", "record_version", "_version"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view n) { return iequals(n, c); });
}

bool is_quantity_name(std::string_view c) {
  static constexpr std::string_view kWords[] = {
      "stock",     "qty",       "quantity", "balance", "count",    "counter",   "amount", "total",     "num",       "number",   "hits",
      "views",     "points",    "score",    "credit",  "credits",  "used",      "uses",   "usage",     "allocated", "reserved", "sold",
      "available", "remaining", "left",     "seats",   "capacity", "inventory", "on",     "times",     "likes",     "votes",    "funds",
      "money",     "wallet",    "tokens",   "quota",   "n",        "cnt",       "sum",    "level",     "seq",       "sequence", "next",
      "karma",     "coins",     "attempts", "retries", "bookings", "downloads", "stars",  "followers", "units",     "bal"};
  // `on` is a word of count_on_hand; alone it is a flag.
  if (iequals(c, "on")) return false;
  return has_word(c, kWords);
}

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

namespace {

constexpr std::string_view kHousekeeping[] = {"django_migrations",  "schema_migrations",   "ar_internal_metadata",  "flyway_schema_history",
                                              "alembic_version",    "knex_migrations",     "knex_migrations_lock",  "sequelizemeta",
                                              "migrations",         "django_content_type", "auth_permission",       "django_session",
                                              "_prisma_migrations", "databasechangelog",   "databasechangeloglock", "typeorm_metadata"};

/// A bit for each length that one of them has: every rule asks of every statement, and nearly no name is one.
constexpr uint64_t kHousekeepingLengths = [] {
  uint64_t lengths = 0;
  for (const std::string_view name : kHousekeeping) lengths |= uint64_t{1} << name.size();
  return lengths;
}();

}  // namespace

bool is_housekeeping_table(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  if (name.size() >= 64 || (kHousekeepingLengths >> name.size() & 1) == 0) return false;
  return std::any_of(std::begin(kHousekeeping), std::end(kHousekeeping), [&](std::string_view n) { return iequals(n, name); });
}

bool can_be_quantity(const Table* table, std::string_view column) {
  if (table == nullptr) return !(column.size() > 3 && iequals(column.substr(column.size() - 3), "_id")) && !iequals(column, "id");
  const Column* c = table->column(column);
  if (c == nullptr) return false;
  for (const Key& key : table->keys) {
    if (!key.unique) continue;
    for (const KeyPart& p : key.parts) {
      if (iequals(p.column, column)) return false;
    }
  }
  for (const ForeignKey& fk : table->foreign_keys) {
    for (const std::string& f : fk.columns) {
      if (iequals(f, column)) return false;
    }
  }
  if (column.size() > 3 && iequals(column.substr(column.size() - 3), "_id")) return false;
  for (const std::string_view number : {"integer", "bigint", "int", "smallint", "numeric", "decimal"}) {
    if (c->type == number || (c->type.starts_with(number) && c->type[number.size()] == '(')) return true;
  }
  static constexpr std::string_view kNotNumbers[] = {"date", "time", "char",  "text", "clob", "bool",    "uuid",
                                                     "json", "blob", "bytea", "enum", "year", "interval"};
  const std::string type = to_lower(c->type);
  if (type.starts_with("tinyint(1)")) return false;
  return std::none_of(std::begin(kNotNumbers), std::end(kNotNumbers),
                      [&](std::string_view n) { return type.find(n) != std::string::npos; });
}

bool has_guard(const Op& write, const WriteAccess& w, const ReadAccess& r) {
  for (const KeyColumn& k : w.equal) {
    if (const ColumnWrite* set = w.find(k.column);
        set != nullptr && k.is_null && set->value->kind == OperandKind::kSlot && write.value(set->value->slot).is_null())
      continue;
    if (k.column.empty() || is_version_name(k.column) || w.find(k.column) != nullptr) return true;
    bool in_key = false;
    if (w.table != nullptr) {
      for (const Key& key : w.table->keys) {
        for (const KeyPart& p : key.parts) in_key |= key.unique && p.column == k.column;
      }
      for (const ForeignKey& fk : w.table->foreign_keys) {
        for (const std::string& c : fk.columns) in_key |= c == k.column;
      }
    } else {
      in_key = k.column == "id" || k.column.ends_with("_id");
    }
    bool read_by_it = false;
    for (const KeyColumn& rk : r.equal) read_by_it |= rk.column == k.column;
    if (!in_key && !read_by_it && r.projects(k.column)) return true;
  }
  return !w.others.empty();
}

bool is_flag(const Table* table, std::string_view column, const Value& v) {
  static constexpr std::string_view kWords[] = {"0", "1", "t", "f", "true", "false"};
  const bool says_so = v.kind == ValueKind::kBool ||
                       std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view w) { return iequals(w, v.text); });
  if (!says_so) return false;
  if (table == nullptr) return v.kind == ValueKind::kBool;
  const Column* c = table->column(column);
  if (c == nullptr) return false;
  const std::string type = to_lower(c->type);
  return type.starts_with("bool") || type.starts_with("tinyint(1)") || type == "bit" || type.starts_with("bit(1)");
}

bool holds_time(const Table* table, std::string_view column) {
  const Column* c = table != nullptr ? table->column(column) : nullptr;
  if (c == nullptr) return column.ends_with("_at") || column.ends_with("_on") || column.starts_with("last_");
  const std::string type = to_lower(c->type);
  return type.find("date") != std::string::npos || type.find("time") != std::string::npos;
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

bool takes_latest(const Op& op, const ReadAccess& read) {
  const QueryBlock& block = op.facts().blocks[static_cast<size_t>(read.block)];
  return std::any_of(block.order_by.begin(), block.order_by.end(), [](const OrderItem& o) { return o.descending; });
}

bool asks_for_one(const Op& op, const ReadAccess& read) {
  if (takes_latest(op, read)) return false;
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

LookupMatch match_lookup(const Op& read, const ReadAccess& lookup, const Op& write, const WriteAccess& insert) {
  LookupMatch m;
  if (lookup.name != insert.name || !lookup.exact || !lookup.others.empty() || lookup.equal.empty()) return {};
  std::vector<uint64_t> parts;
  for (const KeyColumn& k : lookup.equal) {
    if (k.is_list) return {};
    LookupColumn for_key;
    for_key.column = k.column;
    for_key.expression = k.expression;
    if (k.is_null) {
      const ColumnWrite* c = insert.find(k.column);
      if (c != nullptr && !(c->value->kind == OperandKind::kSlot && write.value(c->value->slot).is_null())) return {};
      for_key.is_null = true;
      m.null_columns.push_back(k.column);
      m.lookup.push_back(std::move(for_key));
      continue;
    }
    const Value looked_up = read.value(k.slot);
    if (!looked_up.known()) return {};
    std::string_view column = k.column;
    if (column.empty()) column = lowered_column(k.expression);
    if (column.empty()) return {};
    const ColumnWrite* c = insert.find(column);
    if (c == nullptr || c->value->kind != OperandKind::kSlot) return {};
    const Value inserted = write.value(c->value->slot);
    if (!inserted.known()) return {};
    if (!k.column.empty() ? !same_value(looked_up, inserted) : !iequals(looked_up.text, inserted.text)) return {};
    for_key.known_not_null = !inserted.is_null();
    for_key.is_null = inserted.is_null();
    for_key.has_value = true;
    for_key.value = std::string(looked_up.text);
    m.lookup.push_back(std::move(for_key));
    m.key_columns.push_back(k.name());
    m.values.push_back(looked_up);
    parts.push_back(hash_combine(hash_bytes(k.name()), looked_up.hash));
  }
  if (m.key_columns.empty()) return {};
  std::sort(parts.begin(), parts.end());
  m.row = hash_bytes(insert.name);
  for (const uint64_t p : parts) m.row = hash_combine(m.row, p);
  return m;
}

RowLink link_rows(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w) {
  if (r.name != w.name) return RowLink::kNone;
  switch (agree(read, r.equal, write, w.equal)) {
    case Agreement::kContradicted: return RowLink::kNone;
    case Agreement::kShared: return RowLink::kValues;
    case Agreement::kNothingShared: break;
  }
  if (r.aggregate != Aggregate::kNone || r.probe) return RowLink::kNone;
  const bool one = picks_one_row(r.table, r.equal) || (r.limited && !r.equal.empty());
  return one && picks_one_row(w.table, w.equal) ? RowLink::kPicked : RowLink::kNone;
}

std::optional<ReadRef> deciding_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RowLink at_least) {
  const Op& op = unit.ops[write];
  for (uint32_t i = write; i-- > reach_from(write);) {
    const Op& earlier = unit.ops[i];
    for (const ReadAccess& r : earlier.statement->access.reads) {
      if (!r.top_level || earlier.failed) continue;
      if (link_rows(earlier, r, op, w) >= at_least) return ReadRef{i, &r};
    }
    // The unit's own UPDATE of the row: what was read before it is no longer what a later write starts from.
    for (const WriteAccess& other : earlier.statement->access.writes) {
      if (other.name == w.name && !other.is_insert() && agree(earlier, other.equal, op, w.equal) == Agreement::kShared) return std::nullopt;
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
