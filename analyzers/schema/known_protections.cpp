#include "analyzers/schema/known_protections.h"

#include <algorithm>

#include "analyzers/base/hash.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxKnown = 4096;

// Values matter to predicates alone: all else is asked of columns, and of their being NULL.
bool asks_for_values(const Table& table) {
  return std::any_of(table.keys.begin(), table.keys.end(), [](const Key& key) { return key.unique && !key.predicate.empty(); });
}

}  // namespace

const Protection& KnownProtections::of(const Table& table, const std::vector<LookupColumn>& lookup) {
  const bool by_value = asks_for_values(table);
  auto id = static_cast<uint64_t>(&table - catalog_->tables.data());
  for (const LookupColumn& c : lookup) {
    id = hash_combine(id, hash_combine(hash_bytes(c.column), c.column.empty() ? hash_bytes(c.expression) : 0));
    id = hash_combine(id, (c.is_null ? 1U : 0U) | (c.known_not_null ? 2U : 0U) | (c.has_value ? 4U : 0U));
    if (by_value) id = hash_combine(id, hash_bytes(c.value));
  }
  const auto [known, is_new] = known_.try_emplace(id);
  if (is_new) known->second = protects(*catalog_, table, lookup);
  return known->second;
}

void KnownProtections::forget_old() {
  if (known_.size() >= kMaxKnown) known_.clear();
}

}  // namespace dbaudit
