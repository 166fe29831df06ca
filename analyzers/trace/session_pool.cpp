#include "analyzers/trace/session_pool.h"

#include <algorithm>
#include <utility>

namespace dbaudit {

void OpenSession::clear_unit(const Room& kept) {
  if (unit.ops.capacity() > kept.items) unit.ops = std::vector<Op>();
  if (unit.transactions.capacity() > kept.items) unit.transactions = std::vector<Transaction>();
  unit.ops.clear();
  unit.transactions.clear();
  arena.reset(kept.bytes);
  in_transaction = false;
  begun_by_savepoint = false;
  last_was_statement_op = false;
  first_op_after_end = first_op_after_reset = 0;
  savepoints.clear();
  request.clear();
}

void SessionPool::wake(uint64_t key, SessionState& state) {
  if (vacant_.empty()) {
    vacant_.push_back(static_cast<uint32_t>(places_.size()));
    places_.emplace_back();
    silent_since_.push_back(kLeft);
  }
  state.place = vacant_.back();
  vacant_.pop_back();
  awake_.push_back(state.place);
  places_[state.place].key = key;
  silent_since_[state.place] = kNever;
  if (state.number == SessionState::kNone) state.number = seen_++;
}

OpenSession& SessionPool::open(uint64_t key, std::string_view name) {
  Known& known = *known_.find(key);
  std::unique_ptr<OpenSession>& open = places_[known.state.place].open;
  if (spare_.empty()) {
    open = std::make_unique<OpenSession>();
    open->unit.arena = &open->arena;
    open->unit.engine = engine_;
  } else {
    open = std::move(spare_.back());
    spare_.pop_back();
    // The next ones that wake will have these.
    if (spare_.size() > 1) prefetch_to_write(spare_[spare_.size() - 2].get(), sizeof(OpenSession));
    if (!spare_.empty()) spare_.back()->expect_first_op();
  }
  static_cast<SessionState&>(*open) = known.state;
  open->unit.session = open->number;
  open->unit.session_key = name;
  open->unit.sessions_told_apart = !name.empty();
  known.open = open.get();
  return *open;
}

void SessionPool::leave(uint32_t place) {
  constexpr size_t kSpare = 3072;  // about as many as a sweep leaves when few come and go; what a rush took is not kept
  constexpr size_t kWarm = 512;    // used again before long; of the others, few will have a long unit at a time
  silent_since_[place] = kLeft;
  std::unique_ptr<OpenSession> open = std::move(places_[place].open);
  if (open == nullptr || spare_.size() >= kSpare) return;
  open->clear_unit(spare_.size() < kWarm ? OpenSession::kUsual : OpenSession::kShort);
  spare_.push_back(std::move(open));
}

void SessionPool::rest(uint32_t place) {
  Known& known = *known_.find(places_[place].key);
  if (known.open != nullptr) known.state = *known.open;
  known.open = nullptr;
  known.state.place = SessionState::kNone;
  leave(place);
}

void SessionPool::forget(uint64_t key) {
  leave(known_.find(key)->state.place);
  known_.erase(key);
}

void SessionPool::rest_silent(int64_t micros, uint64_t current, const UnitVisitor& expect_unit,
                              const std::function<void(OpenSession&)>& end_unit) {
  silent_.clear();
  for (const uint32_t place : awake_) {
    if (silent_since_[place] < micros) silent_.push_back(place);
  }
  constexpr size_t kAhead = 2;  // sessions: longer than memory takes
  const auto soon = [this](size_t i) { return i < silent_.size() ? places_[silent_[i]].open.get() : nullptr; };
  for (size_t i = 0; i < silent_.size(); ++i) {
    if (i + 4 * kAhead < silent_.size()) known_.prefetch(places_[silent_[i + 4 * kAhead]].key);
    if (const OpenSession* const s = soon(i + 4 * kAhead); s != nullptr) prefetch(s, sizeof(OpenSession));
    if (const OpenSession* const s = soon(i + 3 * kAhead); s != nullptr) s->expect_end();
    if (const OpenSession* const s = soon(i + 2 * kAhead); s != nullptr) s->expect_statements();
    if (const OpenSession* const s = soon(i + kAhead); s != nullptr) expect_unit(s->unit);
    const uint32_t place = silent_[i];
    const bool is_current = places_[place].key == current;
    if (OpenSession* const s = places_[place].open.get(); s != nullptr) {
      silent_since_[place] = s->last_time.micros;
      if (s->last_time.micros >= micros) continue;
      silent_since_[place] = kNever;
      if (s->in_transaction) continue;
      if (!s->unit.ops.empty()) end_unit(*s);
      if (!s->is_idle()) continue;
    }
    if (!is_current) rest(place);
  }
  std::erase_if(awake_, [this](uint32_t place) {
    if (silent_since_[place] != kLeft) return false;
    vacant_.push_back(place);
    return true;
  });
}

std::vector<OpenSession*> SessionPool::all_open() const {
  std::vector<OpenSession*> all;
  for (const Place& place : places_) {
    if (place.open != nullptr) all.push_back(place.open.get());
  }
  std::sort(all.begin(), all.end(), [](const OpenSession* a, const OpenSession* b) { return a->number < b->number; });
  return all;
}

}  // namespace dbaudit
