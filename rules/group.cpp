#include "rules/group.h"

#include <algorithm>

namespace dbaudit {

namespace {

constexpr uint32_t kFew = 8;  // wanted by one group: looked through one by one
constexpr uint32_t kMostOfGroup = 50'000;

// Tells it from the others of its group.
std::pair<uint64_t, uint32_t> id_of(uint64_t key, uint64_t unless, bool of_another_session, uint32_t session) {
  return {unless != 0 ? hash_combine(key, unless) : key, of_another_session ? session : 0};
}
std::pair<uint64_t, uint32_t> id_of(const Wanted& w) { return id_of(w.key, w.unless, w.of_another_session, w.session); }

}  // namespace

void WantedList::want(OfGroup& group, const Need& need, uint32_t session) {
  Wanted* const wanted = at(group, id_of(need.key, need.unless.value_or(0), need.of_another_session, session));
  if (wanted == nullptr) return;
  const bool is_known = wanted->occurrences != 0;
  ++wanted->occurrences;
  if (is_known) return;
  wanted->key = need.key;
  wanted->unless = need.unless.value_or(0);
  wanted->session = session;
  wanted->evidence_kind = need.evidence_kind;
  wanted->evidence_text = need.evidence_text;
  wanted->of_another_session = need.of_another_session;
  wanted->observed = need.observed;
}

Wanted* WantedList::at(OfGroup& group, const Id& id) {
  if (group.count > kFew) {
    if (const uint32_t* const place = places_.find(hash_of(group, id))) return &all_[*place - 1];
  } else {
    for (uint32_t place = group.last; place != 0; place = all_[place - 1].before) {
      if (id_of(all_[place - 1]) == id) return &all_[place - 1];
    }
  }
  if (group.count >= kMostOfGroup) return nullptr;
  const uint32_t before = group.last;
  all_.emplace_back().before = before;
  group.last = static_cast<uint32_t>(all_.size());
  if (before == 0) group.first = group.last;
  if (++group.count > kFew) places_[hash_of(group, id)] = group.last;
  for (uint32_t place = group.count == kFew + 1 ? before : 0; place != 0; place = all_[place - 1].before) {
    places_[hash_of(group, id_of(all_[place - 1]))] = place;
  }
  return &all_.back();
}

std::vector<const Wanted*> WantedList::in_order(const OfGroup& group) const {
  std::vector<const Wanted*> all;
  for (uint32_t place = group.last; place != 0; place = all_[place - 1].before) all.push_back(&all_[place - 1]);
  std::sort(all.begin(), all.end(), [](const Wanted* a, const Wanted* b) { return id_of(*a) < id_of(*b); });
  return all;
}

}  // namespace dbaudit
