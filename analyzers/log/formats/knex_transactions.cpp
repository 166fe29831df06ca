#include "analyzers/log/formats/knex_transactions.h"

#include "analyzers/base/text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {

KnexTransactions::Place KnexTransactions::place(std::string_view id, std::string_view sql) {
  const bool boundary = is_transaction_boundary(sql);
  const bool begins = boundary && (istarts_with(sql, "BEGIN") || istarts_with(sql, "START"));
  Place result;
  if (id.empty()) {
    auto lost = open_.end();
    size_t candidates = 0;
    for (auto it = open_.begin(); it != open_.end() && candidates < 2; ++it) {
      if (!it->second.lost_id) continue;
      lost = it;
      ++candidates;
    }
    if (candidates == 0) {
      if (!boundary) result.state = TxState::kIdle;
      return result;
    }
    // Statements outside of any transaction are printed the same way; an end of one is surely none of those.
    if (!boundary || begins || candidates > 1) return result;
    text_ = lost->first;
    open_.erase(lost);
    if (ended_.size() < kMaxKnown) ended_[text_] = true;
    result.transaction = text_;
    result.state = TxState::kInTransaction;
    return result;
  }
  text_ = id;
  if (begins) {
    if (open_.size() >= kMaxKnown) open_.clear();
    open_[text_] = {};
    result.transaction = text_;
    result.state = TxState::kIdle;
    return result;
  }
  if (istarts_with(sql, "SAVEPOINT ") && open_.find(text_) == open_.end() && parent_.find(text_) == parent_.end() && open_.size() == 1) {
    if (parent_.size() >= kMaxKnown) parent_.clear();
    parent_[text_] = open_.begin()->first;
  }
  if (const auto parent = parent_.find(text_); parent != parent_.end()) {
    const bool ends = istarts_with(sql, "RELEASE SAVEPOINT ") || istarts_with(sql, "ROLLBACK TO SAVEPOINT ");
    std::string root = parent->second;
    if (ends) {
      if (const auto it = open_.find(root); it != open_.end()) it->second.lost_id = true;
      parent_.erase(parent);
    }
    text_ = std::move(root);
  } else if (boundary) {
    open_.erase(text_);
    if (ended_.size() < kMaxKnown) ended_[text_] = true;
  }
  result.transaction = text_;
  result.state = TxState::kInTransaction;
  return result;
}

bool KnexTransactions::release(std::string_view id) {
  const auto it = ended_.find(std::string(id));
  if (it == ended_.end()) return false;
  ended_.erase(it);
  return true;
}

}  // namespace dbaudit
