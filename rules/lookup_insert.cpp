#include "rules/lookup_insert.h"

#include <algorithm>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

/// The last lookup before the INSERT that asks for what it inserts.
bool find_lookup(const WorkUnit& unit, LookupInsert& pair) {
  const Op& write = unit.ops[pair.write];
  for (uint32_t r = pair.write; r-- > reach_from(pair.write);) {
    const Op& read = unit.ops[r];
    if (!read.statement->access.may_read(*pair.insert) || read.failed) continue;
    for (const ReadAccess& lookup : read.statement->access.reads) {
      if (!lookup.same_table(*pair.insert) || !lookup.top_level || lookup.joined) continue;
      if (lookup.descending || (lookup.aggregate != Aggregate::kNone && !lookup.probe)) continue;
      if (read.rows > 0 && !lookup.probe) continue;  // it found one
      LookupMatch key = match_lookup(read, lookup, write, *pair.insert);
      if (key.key_columns.empty()) continue;
      pair.read = r;
      pair.lookup = &lookup;
      pair.key = std::move(key);
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<LookupInsert> find_lookup_inserts(const WorkUnit& unit, KnownProtections* protections) {
  std::vector<LookupInsert> pairs;
  for (const uint32_t w : unit.writers) {
    const Op& write = unit.ops[w];
    if (write.truncated) continue;
    for (const WriteAccess& insert : write.statement->access.writes) {
      if (insert.kind != StatementKind::kInsert || insert.upsert != UpsertKind::kNone || insert.guarded_insert) continue;
      if (insert.housekeeping) continue;
      LookupInsert pair;
      pair.write = w;
      pair.insert = &insert;
      if (!find_lookup(unit, pair)) continue;
      if (insert.table != nullptr && protections != nullptr) pair.protection = &protections->of(*insert.table, pair.key.lookup);
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

Match match_of(const WorkUnit& unit, const LookupInsert& pair) {
  const Op& write = unit.ops[pair.write];
  Match m;
  m.unit = &unit;
  m.table = pair.insert->table;
  m.table_name = pair.insert->name;
  m.read = pair.read;
  m.write = pair.write;
  m.has_read = m.has_write = true;
  m.columns = m.key_columns = pair.key.key_columns;
  m.null_columns = pair.key.null_columns;
  m.row = pair.key.row;
  m.counted = pair.lookup->aggregate == Aggregate::kCount;
  m.blind_insert = !write.failed && !write.rolled_back;
  m.pattern = is_locking(pair.lookup->lock) ? Pattern::kGetOrCreateLocked : Pattern::kGetOrCreate;
  // A key the client invents is looked up in vain by design. Only the runner sees whether anybody else uses the same one.
  m.random_key = std::any_of(pair.key.values.begin(), pair.key.values.end(), looks_random);
  if (pair.protection == nullptr || !pair.protection->certain) m.confidence = Confidence::kPossible;
  return m;
}

bool is_wider(const Key& key, const std::vector<LookupColumn>& lookup) {
  return std::any_of(key.parts.begin(), key.parts.end(), [&](const KeyPart& p) {
    return !p.column.empty() && std::none_of(lookup.begin(), lookup.end(), [&](const LookupColumn& c) {
      return iequals(c.column, p.column) || (c.column.empty() && icontains(c.expression, p.column));
    });
  });
}

bool is_duplicate_error(const Op& op) {
  if (!op.failed) return false;
  if (op.error_code() == "23505" || op.error_code() == "1062" || op.error_code() == "2067" || op.error_code() == "1555") return true;
  return op.error_code().empty() && (icontains(op.error_message(), "duplicate key") || icontains(op.error_message(), "Duplicate entry") ||
                                     icontains(op.error_message(), "UNIQUE constraint failed"));
}

}  // namespace dbaudit
