#include "rules/key_account.h"

#include <algorithm>

#include "analyzers/base/hash.h"
#include "rules/match.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxKeys = 50'000;  // over all templates
constexpr uint16_t kMaxEvents = 64;  // of each kind, for a key
constexpr size_t kMaxAllEvents = 300'000;
constexpr uint32_t kMaxPlace = (uint32_t{1} << 30) - 1;
static_assert(kMaxAllEvents < kMaxPlace && kMaxEvents < UINT16_MAX);
constexpr size_t kMaxTemplates = 4096;  // of lookups
constexpr size_t kMaxTemplatesOfTable = 8;
constexpr uint64_t kEnough = 2;               // INSERTs by sessions that had not asked: one may be chance
constexpr int64_t kRequestTakes = 2'000'000;  // µs from a lookup to its INSERT
constexpr int64_t kCommitTakes = 200'000;     // µs until a lookup surely sees what was inserted

// By name; nothing when some column is compared with no single value.
std::vector<const KeyColumn*> columns_asked(const std::vector<KeyColumn>& equal) {
  std::vector<const KeyColumn*> columns;
  for (const KeyColumn& k : equal) {
    if (k.is_null) continue;
    if (k.column.empty() || k.is_list) return {};
    columns.push_back(&k);
  }
  std::stable_sort(columns.begin(), columns.end(), [](const KeyColumn* a, const KeyColumn* b) { return a->column < b->column; });
  return columns;
}

}  // namespace

KeyAccounts::Asking* KeyAccounts::asking_of(const BoundStatement& statement) {
  const uint32_t id = statement.id;
  if (id >= asking_.size()) {
    asking_.resize(id + 1);
    known_.resize(id + 1);
  }
  if (known_[id]) return asking_[id].get();
  known_[id] = true;
  Asking asking;
  for (const ReadAccess& r : statement.access.reads) {
    if (!r.top_level || r.joined || !r.exact || !r.others.empty() || r.equal.empty() || r.one_row) continue;
    if ((r.aggregate != Aggregate::kNone && !r.probe) || r.descending) continue;
    asking.reads.push_back({&r, columns_asked(r.equal), r.probe});
  }
  for (const WriteAccess& w : statement.access.writes) {
    if (w.kind != StatementKind::kUpdate || !w.exact || !w.others.empty() || w.equal.empty() || w.one_row || asking.update.has_value())
      continue;
    asking.update = Lookup{&w, columns_asked(w.equal), false};
  }
  // Where no table has a place for one more, it will never get one.
  const auto is_full = [this](const Lookup& l) {
    if (asked_.size() >= kMaxTemplates) return true;
    const std::vector<Asked*>* const known = of_table_.find(l.table->name_hash);
    return known != nullptr && known->size() >= kMaxTemplatesOfTable;
  };
  const bool may_ask = (asking.update.has_value() && !is_full(*asking.update)) ||
                       std::any_of(asking.reads.begin(), asking.reads.end(), [&](const Lookup& l) { return !is_full(l); });
  if (may_ask) asking_[id] = std::make_unique<Asking>(std::move(asking));
  return asking_[id].get();
}

void KeyAccounts::add(Asked& asked, uint64_t key, const Op& op, uint32_t session, bool insert) {
  asked.keys.prefetch(key);
  Coming& coming = coming_[next_++ % coming_.size()];
  if (coming.asked != nullptr) keep(coming);
  coming.asked = &asked;
  coming.key = key;
  TightEvent& event = coming.event;
  event.time = op.start.known() ? op.start : op.end;
  event.place = {op.file, op.line};
  event.session = session;
  event.in_order = op.in_order_received;
  event.insert = insert;
}

void KeyAccounts::keep(const Coming& coming) {
  Account* known = coming.asked->keys.find(coming.key);
  if (known == nullptr) {
    if (keys_ >= kMaxKeys) return;
    ++keys_;
    known = &coming.asked->keys[coming.key];
  }
  Account& a = *known;
  uint16_t& count = coming.event.insert != 0 ? a.inserts : a.lookups;
  if (count >= kMaxEvents || events_.size() >= kMaxAllEvents) {
    count = kMaxEvents + 1;  // they are not all there
    return;
  }
  ++count;
  events_.emplace_back(coming.event).before = a.last & kMaxPlace;
  a.last = static_cast<uint32_t>(events_.size());
}

void KeyAccounts::ask(Asking& asking, const Lookup& lookup, const Op& op, uint32_t session) {
  uint64_t key = 0;
  for (const KeyColumn* k : lookup.columns) {
    const Value& v = op.value(k->slot);
    if (!v.known()) return;
    key = hash_combine(key, hash_combine(k->hash, v.hash()));
  }
  if (lookup.columns.empty()) return;
  if (asking.asked == nullptr) {
    if (asked_.size() >= kMaxTemplates) return;
    std::vector<Asked*>& of_table = of_table_[lookup.table->name_hash];
    if (of_table.size() >= kMaxTemplatesOfTable) return;
    asking.asked = &asked_[op.statement->source->fingerprint];
    of_table.push_back(asking.asked);
    for (const KeyColumn* k : lookup.columns) asking.asked->columns.push_back(k->hash);
  }
  add(*asking.asked, key, op, session, false);
}

void KeyAccounts::count_inserts(const Op& op, uint32_t session) {
  for (const WriteAccess& w : op.statement->access.writes) {
    if (w.kind != StatementKind::kInsert || w.upsert != UpsertKind::kNone || w.guarded_insert) continue;
    const std::vector<Asked*>* const of_table = of_table_.find(w.name_hash);
    if (of_table == nullptr) continue;
    for (Asked* asked : *of_table) {
      uint64_t key = 0;
      const bool whole = std::all_of(asked->columns.begin(), asked->columns.end(), [&](uint64_t column) {
        const ColumnWrite* c = w.find_hashed(column);
        const Value& v = op.value(c != nullptr && c->takes_value() ? c->value->slot : kNoSlot);
        if (v.known()) key = hash_combine(key, hash_combine(column, v.hash()));
        return v.known();
      });
      if (whole) add(*asked, key, op, session, true);
    }
  }
}

void KeyAccounts::observe(const WorkUnit& unit) {
  // All lookups first: an INSERT is counted where some lookup asks for its columns.
  bool inserts = false;
  for (const Op& op : unit.ops) {
    inserts |= (op.statement->access.traits & Trait::kInserts) != 0;
    if (op.failed || op.rolled_back || unit.transactions[op.transaction].is_explicit) continue;
    Asking* const asking = asking_of(*op.statement);
    if (asking == nullptr) continue;
    for (const Lookup& r : asking->reads) {
      if (op.rows > 0 && !r.probe) continue;
      ask(*asking, r, op, unit.session);
      break;
    }
    if (asking->update.has_value() && op.rows <= 0) ask(*asking, *asking->update, op, unit.session);
  }
  if (!inserts || of_table_.size() == 0) return;
  for (const uint32_t i : unit.writers) {
    const Op& op = unit.ops[i];
    if (op.failed || op.rolled_back || unit.transactions[op.transaction].end == TxEnd::kRollback) continue;
    if ((op.statement->access.traits & Trait::kInserts) != 0) count_inserts(op, unit.session);
  }
}

std::vector<KeyAccounts::Event> KeyAccounts::events_of(const Account& account) const {
  std::vector<Event> events;
  for (uint32_t at = account.last; at != 0; at = events_[at - 1].before) {
    const TightEvent& e = events_[at - 1];
    events.push_back({e.time.get(), e.place.line(), e.place.file(), e.session, e.in_order != 0, e.insert != 0});
  }
  std::reverse(events.begin(), events.end());
  return events;
}

void KeyAccounts::weigh(const Account& account, Weighing& out, uint64_t& orphans, uint64_t& unexplained) const {
  if (account.inserts == 0) return;
  std::vector<Event> events = events_of(account);
  // The first lines of a file may have no time (MySQL's general log writes it when the second changes); files are read in the order of theirs.
  const bool lines_tell =
      std::all_of(events.begin(), events.end(), [&](const Event& e) { return e.in_order && e.file == events.front().file; }) ||
      std::any_of(events.begin(), events.end(), [](const Event& e) { return !e.time.known(); });
  std::sort(events.begin(), events.end(), [&](const Event& a, const Event& b) {
    if (!lines_tell && a.time.micros != b.time.micros) return a.time.micros < b.time.micros;
    return std::pair(a.file, a.line) < std::pair(b.file, b.line);
  });
  const Event* first_insert = nullptr;
  const Event* second_insert = nullptr;
  uint64_t asked = 0, asked_before_first = 0, asked_unseeing = 0, inserted = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& e = events[i];
    if (!e.insert) {
      ++asked;
      if (first_insert == nullptr) ++asked_before_first;
      const bool saw = first_insert != nullptr && certainly_before(first_insert->time, e.time) &&
                       e.time.micros - first_insert->time.micros > kCommitTakes;
      asked_unseeing += saw ? 0 : 1;
      continue;
    }
    ++inserted;
    if (first_insert == nullptr) {
      first_insert = &e;
    } else if (second_insert == nullptr) {
      second_insert = &e;
    }
    // Has the session asked as often as it has inserted, now this one? Somebody else has asked just before?
    int64_t own = -1;
    bool another = false;
    for (size_t j = 0; j < i; ++j) {
      if (events[j].session == e.session) {
        own += events[j].insert ? -1 : 1;
      } else {
        another |= !events[j].insert && e.time.known() && events[j].time.known() && e.time.micros - events[j].time.micros <= kRequestTakes;
      }
    }
    if (asked < inserted) {
      ++unexplained;
    } else if (own < 0 && another) {
      ++orphans;
    } else if (own < 0) {
      ++unexplained;
    }
  }
  if (account.lookups > kMaxEvents || account.inserts > kMaxEvents) {
    out.incomplete |= account.inserts > 1;
    return;
  }
  if (inserted < 2) return;
  if (asked_before_first >= inserted) {
    ++out.raced;
    if (!out.first) {
      out.first = Place{first_insert->session, first_insert->file, first_insert->line};
      out.second = Place{second_insert->session, second_insert->file, second_insert->line};
    }
  } else {
    ++out.repeated;
    out.seen |= asked_unseeing < inserted;
  }
}

KeyAccounts::Weighing KeyAccounts::weigh(uint64_t lookup) {
  for (size_t i = 0; i < coming_.size(); ++i) {
    Coming& coming = coming_[next_++ % coming_.size()];
    if (coming.asked != nullptr) keep(coming);
    coming.asked = nullptr;
  }
  Weighing out;
  const auto it = asked_.find(lookup);
  if (it == asked_.end()) return out;
  if (it->second.weighed) return *it->second.weighed;
  std::vector<uint64_t> keys;
  it->second.keys.for_each([&](uint64_t key, const Account&) { keys.push_back(key); });
  std::sort(keys.begin(), keys.end());
  uint64_t orphans = 0, unexplained = 0;
  for (const uint64_t key : keys) weigh(*it->second.keys.find(key), out, orphans, unexplained);
  out.dealt = orphans >= kEnough && orphans > unexplained;
  it->second.weighed = out;
  return out;
}

}  // namespace dbaudit
