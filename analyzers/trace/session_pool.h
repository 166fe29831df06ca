#pragma once
// The sessions of a log: a few words of each, and the open unit of those that spoke lately.
//
// A log may have a hundred thousand of them, thousands of which take turns. So a session costs one look-up in a flat table, those that are silent
// cost some words that are walked now and then, and what a unit was kept in is used for another one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/arena.h"
#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

/// What a session goes on with after a pause.
struct SessionState {
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  TimePoint last_time;                         ///< of its last statement
  int64_t last_remembered = INT64_MIN;         ///< µs: the latest time the history was told
  uint32_t number = kNone;                     ///< in order of first appearance
  Isolation level = Isolation::kUnknown;       ///< the session's own
  Isolation next_level = Isolation::kUnknown;  ///< SET TRANSACTION for the next transaction
  bool autocommit = true;
  bool snapshot_isolation = false;  ///< SET innodb_snapshot_isolation=ON
  bool saw_connect = false;
  bool spoke = false;
  bool saw_begin = false;  ///< any BEGIN, or autocommit off, was seen in this session
  uint32_t place = kNone;  ///< SessionPool's: of one that is awake
};

struct Savepoint {
  std::string name;
  uint32_t first_op = 0;  ///< index into the unit's ops
};

/// A session that has a unit, or had one lately. All that it has on top of its state is of that unit.
struct OpenSession : SessionState {
  bool in_transaction = false;         ///< an explicit one is open: unit.transactions.back()
  bool begun_by_savepoint = false;     ///< the source shows no BEGIN; a SAVEPOINT or FOR UPDATE proved there was one
  bool last_was_statement_op = false;  ///< the last statement became an op (else it was transaction control)
  uint32_t first_op_after_end = 0;     ///< index into unit.ops: what came since a COMMIT or ROLLBACK
  uint32_t first_op_after_reset = 0;   ///< index into unit.ops: what came since the pool last reset the connection
  uint32_t unobserved = 0;             ///< ops of the unit that the history has not seen
  Arena arena;
  WorkUnit unit;
  std::vector<Savepoint> savepoints;
  std::string request;  ///< traceparent or request id of the current unit

  /// A statement of this time comes soon: the unit goes on, or ends.
  void expect_op(const TimePoint& when, int64_t unit_gap_us) const {
    if (!in_transaction && is_gap(when, unit_gap_us)) return expect_end();
    arena.expect();
    if (!unit.transactions.empty()) prefetch_to_write(&unit.transactions.back());
    if (!unit.ops.empty()) prefetch_to_write(&unit.ops.back() + 1, sizeof(Op));
  }
  /// A unit begins soon.
  void expect_first_op() const {
    arena.expect();
    prefetch_to_write(unit.transactions.data());
    prefetch_to_write(unit.ops.data(), sizeof(Op));
  }
  /// expect_change() comes soon.
  void expect_ops() const {
    prefetch(&unit.ops, sizeof unit.ops);
    prefetch(&arena, sizeof arena);
  }
  /// Something is put next to what op `i` of the unit holds.
  void expect_change(size_t i) const {
    prefetch_to_write(&unit.ops[i], sizeof(Op));
    arena.expect();
  }
  /// The unit ends soon.
  void expect_end() const {
    prefetch(unit.ops.data(), unit.ops.size() * sizeof(Op));
    prefetch(unit.transactions.data(), unit.transactions.size() * sizeof(Transaction));
    arena.expect_reading();
  }
  /// The unit ends sooner than that: its ops are here by now.
  void expect_statements() const {
    constexpr size_t kMost = 16;
    for (size_t i = 0; i < std::min(unit.ops.size(), kMost); ++i) {
      if (const BoundStatement* const statement = unit.ops[i].statement; statement != nullptr) statement->expect();
    }
  }
  /// Was it silent for longer than a work unit may be? A clock far behind is a gap as well: it was set back, or another log begins.
  [[nodiscard]] bool is_gap(const TimePoint& now, int64_t unit_gap_us) const {
    return now.known() && last_time.known() && std::abs(now.micros - last_time.micros) > unit_gap_us;
  }
  /// Has it nothing open?
  [[nodiscard]] bool is_idle() const {
    return !in_transaction && unit.ops.empty() && unit.transactions.empty() && unobserved == 0 && request.empty();
  }
  /// Room that a unit leaves behind, at most: for ops and for transactions, and bytes for values.
  struct Room {
    size_t items, bytes;
  };
  static constexpr Room kUsual = {32, 4 << 10}, kShort = {2, 512};
  /// Forgets the unit.
  void clear_unit(const Room& kept = kUsual);
};

/// Owns them. A session is awake from a record of it until it is put to rest or forgotten. It is open, and an OpenSession, from its first statement
/// since it woke: of those that only connect, or have an error, no more than the state is kept.
class SessionPool {
 public:
  /// `engine`: of all units.
  explicit SessionPool(Engine engine) : engine_(engine) {}

  /// What a session is known by: a hash of its name in the log and of the kind of source, so that equal names in two kinds of log do not meet. That
  /// two of a hundred thousand fall together is less likely than one in a billion.
  [[nodiscard]] static uint64_t key_of(std::string_view stream, std::string_view name) { return hash_bytes(name, hash_bytes(stream)); }
  /// A record of the session comes: it is awake now. nullptr: not open.
  OpenSession* meet(uint64_t key) {
    Known& known = known_[key];
    if (known.state.place == SessionState::kNone) wake(key, known.state);
    return known.open;
  }
  /// Of a session that was met and is not open. `name`: in the log. It stays where it is until it rests or is forgotten.
  OpenSession& open(uint64_t key, std::string_view name);
  /// nullptr: not open.
  [[nodiscard]] const OpenSession* find(uint64_t key) const {
    const Known* const known = known_.find(key);
    return known != nullptr ? known->open : nullptr;
  }
  /// It is looked up soon.
  void expect(uint64_t key) const { known_.prefetch(key); }

  /// All that a record changes in the session's state is done; to be called before the next one is met.
  void heard(const SessionState& s) {
    int64_t& silent_since = silent_since_[s.place];
    if (s.last_time.known()) silent_since = std::min(silent_since, s.last_time.micros);
  }
  void heard(uint64_t key) {
    const Known& known = *known_.find(key);
    heard(known.open != nullptr ? *known.open : known.state);
  }
  /// Puts to rest those whose last statement was before `micros` and that have no transaction open, in the order in which they woke, but for
  /// `current`. With those that have ops, `current` among them, `end_unit` is called first: it must clear the unit, and meet no session. `expect_unit`
  /// is called with units that may end soon.
  void rest_silent(int64_t micros, uint64_t current, const UnitVisitor& expect_unit, const std::function<void(OpenSession&)>& end_unit);
  /// Of one that was met, whose unit has ended: a session that comes with this key is another one from now on.
  void forget(uint64_t key);
  /// A new session has this key, and is known to be new.
  void connect(uint64_t key) {
    meet(key);
    known_.find(key)->state.saw_connect = true;
  }
  [[nodiscard]] size_t size() const { return known_.size(); }
  /// How many are awake, with those that were when rest_silent() was last called.
  [[nodiscard]] size_t lately_awake() const { return awake_.size(); }
  /// In order of first appearance.
  [[nodiscard]] std::vector<OpenSession*> all_open() const;

 private:
  struct Known {
    OpenSession* open = nullptr;  // then the state is there, but for its place
    SessionState state;
  };
  struct Place {
    uint64_t key = 0;
    std::unique_ptr<OpenSession> open;
  };
  // In silent_since_:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max() - 1;  // to be put to rest, unless it is heard
  static constexpr int64_t kLeft = std::numeric_limits<int64_t>::max();       // nobody's place

  void wake(uint64_t key, SessionState& state);
  void rest(uint32_t place);
  /// The place is nobody's, and what was open there is spare.
  void leave(uint32_t place);

  Engine engine_;
  HashTable<Known> known_;  // by key
  std::vector<Place> places_;
  std::vector<int64_t> silent_since_;  // by place, µs: not after the last statement. Apart, because it is walked.
  std::vector<uint32_t> awake_;        // places as they were taken, with those left since the last walk
  std::vector<uint32_t> vacant_;       // places that are not in it
  std::vector<uint32_t> silent_;       // buffer of rest_silent()
  std::vector<std::unique_ptr<OpenSession>> spare_;
  uint32_t seen_ = 0;  // sessions so far
};

}  // namespace dbaudit
