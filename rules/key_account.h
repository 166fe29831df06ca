#pragma once
// Who asked for a key and who inserted it, over all sessions.
//
// A pool that deals each statement to any connection (node-postgres' Pool, Go's database/sql, asyncpg's) splits a request: its lookup runs on session A, its
// INSERT on session B. Then what one session did in order says nothing about what one request had seen, but sums over all sessions still do: whoever
// inserted a key after looking for it in vain has a lookup of his own, and that lookup came before the first INSERT of the key.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "analyzers/base/hash_table.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/rare.h"
#include "analyzers/base/tight.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

class KeyAccounts {
 public:
  struct Place {
    uint32_t session = 0, file = 0;
    uint64_t line = 0;
  };

  /// What the keys of one lookup statement say together.
  struct Weighing {
    bool dealt = false;  ///< sessions inserted keys that others had just asked for and never inserted: the halves of requests are dealt out
    uint64_t raced = 0;  ///< keys inserted more than once, each time by somebody who had asked before the first INSERT
    uint64_t repeated = 0;               ///< keys inserted more than once, by more than had asked before
    bool seen = false;                   ///< … and by somebody who asked long enough after the first INSERT to have found it
    bool incomplete = false;             ///< some key was asked for or inserted so often that it is not summed
    std::optional<Place> first, second;  ///< two INSERTs of one raced key
  };

  /// Counts the autocommit lookups by equality and the INSERTs of a unit. At most 50,000 keys are remembered, 64 lookups and 64 INSERTs of each,
  /// 400,000 in all.
  void observe(const WorkUnit& unit);

  /// Tells the processor that a statement of this template (by its id) is observed soon.
  void expect(uint32_t id) const {
    if (id < asking_.size()) prefetch(&asking_[id]);
  }

  /// Of the lookups (or UPDATEs) of one template, by its fingerprint. Call when all units have been observed: what it finds is kept.
  [[nodiscard]] Weighing weigh(uint64_t lookup);

 private:
  struct Event {
    TimePoint time;
    uint64_t line = 0;
    uint32_t file = 0, session = 0;
    bool in_order = false;  ///< its line tells when it came
    bool insert = false;
  };
  /// An Event as it is kept, behind the one before it of the same key.
  struct TightEvent {
    TightTime time;
    TightPlace place;
    uint32_t session = 0;
    uint32_t before : 30 = 0;  ///< its place in events_, from 1; 0: none
    uint32_t in_order : 1 = 0, insert : 1 = 0;
  };
  struct Asked;
  /// An event on its way, while the place of its key is fetched.
  struct Coming {
    Asked* asked = nullptr;
    uint64_t key = 0;
    TightEvent event;
  };
  struct Account {
    uint32_t last = 0;  ///< the event that came last: its place in events_, from 1
    uint16_t lookups = 0, inserts = 0;
  };
  struct Asked {
    std::vector<uint64_t> columns;  ///< hashes of their names, in the order of the names
    HashTable<Account> keys;
    std::optional<Weighing> weighed;
  };
  /// The equalities by which a statement asks for a key, as far as its values do not matter.
  struct Lookup {
    const AccessedTable* table = nullptr;
    std::vector<const KeyColumn*> columns;  ///< by name
    bool probe = false;
  };
  struct Asking {
    std::vector<Lookup> reads;  ///< the first that may be one is
    Rare<Lookup> update;        ///< as long as it finds no row
    Asked* asked = nullptr;     ///< once it has asked
  };

  /// nullptr: the statement does not ask.
  Asking* asking_of(const BoundStatement& statement);
  void add(Asked& asked, uint64_t key, const Op& op, uint32_t session, bool insert);
  void keep(const Coming& coming);
  void ask(Asking& asking, const Lookup& lookup, const Op& op, uint32_t session);
  void count_inserts(const Op& op, uint32_t session);
  /// In the order in which they were added.
  [[nodiscard]] std::vector<Event> events_of(const Account& account) const;
  void weigh(const Account& account, Weighing& out, uint64_t& orphans, uint64_t& unexplained) const;

  std::vector<bool> known_;                      // by template: has it been looked at?
  std::vector<std::unique_ptr<Asking>> asking_;  // by template; null: as asking_of() says
  std::unordered_map<uint64_t, Asked> asked_;    // by template's fingerprint; looked up by key only
  HashTable<std::vector<Asked*>> of_table_;      // by the hash of its name
  std::array<Coming, 8> coming_{};               // in a ring
  size_t next_ = 0;                              // its oldest, modulo its size
  size_t keys_ = 0;
  std::deque<TightEvent> events_;  // a deque: it grows without being twice there
};

}  // namespace dbaudit
