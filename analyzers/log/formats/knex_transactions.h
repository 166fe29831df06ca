#pragma once
// Which transaction a statement of Knex belongs to.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "analyzers/log/record.h"

namespace dbaudit {

/// The transactions of one process, by the ids Knex prints (`trx7`). Nested ones are savepoints on their parent's connection and have ids of their own;
/// Knex does not say whose child one is, so that is known only while a single transaction is open. When a nested one ends, Knex forgets the id of the
/// connection: what its parent does next is printed as if it were outside (`undefined`).
class KnexTransactions {
 public:
  struct Place {
    std::string_view transaction;  ///< the outermost; empty when outside, or not known
    TxState state = TxState::kUnknown;
  };
  /// A statement with the id printed beside it (empty: `undefined`). Valid until the next call.
  Place place(std::string_view id, std::string_view sql);
  /// `trx7: releasing connection`. True when that is an outermost transaction whose end was seen: its session is over.
  bool release(std::string_view id);

 private:
  static constexpr size_t kMaxKnown = 4096;
  struct Open {
    bool lost_id = false;  // a nested one ended
  };
  std::unordered_map<std::string, Open> open_;           // outermost ones
  std::unordered_map<std::string, std::string> parent_;  // of nested ones
  std::unordered_map<std::string, bool> ended_;          // outermost ones that wait for their release
  std::string text_;
};

}  // namespace dbaudit
