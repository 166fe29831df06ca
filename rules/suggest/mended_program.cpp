#include "rules/suggest/mended_program.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dbaudit {
namespace {

class ProgramWriter {
 public:
  ProgramWriter(const FindingExample& example, Isolation usual, const Mend* mend, const std::set<uint64_t>& left_out)
      : example_(example), usual_(usual), mend_(mend), left_out_(left_out) {}

  std::vector<ReplayStatement> write() {
    const ExampleUnit& unit = example_.unit;
    if (mend_ != nullptr) cursor_ = mend_->encloses() ? mend_->lead : mend_->use->once;
    const auto transaction_of = [&](int at) { return static_cast<int>(unit.statements[static_cast<size_t>(at)].transaction); };
    const int read = example_.read >= 0 ? example_.read : example_.write;
    const int write = example_.write >= 0 ? example_.write : example_.read;
    first_ = std::min(transaction_of(read), transaction_of(write));
    last_ = std::max(transaction_of(read), transaction_of(write));
    // What follows from a read is not known: all that comes after it.
    if (mend_ != nullptr && mend_->use->own >= 0 && example_.write < 0) last_ = static_cast<int>(unit.transactions.size()) - 1;
    for (size_t i = 0; i < unit.statements.size(); ++i) {
      const ExampleStatement& s = unit.statements[i];
      const int at = static_cast<int>(i);
      if (s.sql.empty() || (left_out_.contains(s.fingerprint) && at != example_.write && at != example_.read)) continue;
      const bool is_lock = std::find(example_.locks.begin(), example_.locks.end(), at) != example_.locks.end();
      if (is_lock && mend_ != nullptr && mend_->replaces_locks) continue;
      move_to(static_cast<int>(s.transaction));
      set_depth(s);
      statement(at, s);
    }
    move_to(static_cast<int>(unit.transactions.size()));
    return std::move(program_);
  }

 private:
  void add(std::string sql, Boundary boundary = Boundary::kExplicit) {
    ReplayStatement step;
    step.sql = std::move(sql);
    step.boundary = boundary;
    program_.push_back(std::move(step));
  }
  void add_fix(int from, int to) {
    for (int i = from; i < to; ++i) add(mend_->sql[static_cast<size_t>(i)]);
  }
  void add_all(const std::vector<ReplayStatement>& steps) { program_.insert(program_.end(), steps.begin(), steps.end()); }
  [[nodiscard]] bool enclosed(int transaction) const {
    return mend_ != nullptr && mend_->encloses() && transaction >= first_ && transaction <= last_;
  }

  /// Ends the transaction that is open and begins the statement's.
  void move_to(int transaction) {
    if (transaction == current_) return;
    const std::vector<ExampleTransaction>& all = example_.unit.transactions;
    if (current_ >= 0) {
      if (undone_ && depth_ > 0) add(fmt::format("ROLLBACK TO SAVEPOINT s{}", depth_));
      if (!enclosed(current_) || !mend_->brings_transaction) add_all(closing(all[static_cast<size_t>(current_)]));
      if (enclosed(current_) && !enclosed(transaction)) add_fix(mend_->tail, static_cast<int>(mend_->sql.size()));
    }
    depth_ = 0;
    undone_ = false;
    if (static_cast<size_t>(transaction) < all.size()) {
      if (enclosed(transaction) && !enclosed(current_)) add_fix(mend_->use->once, mend_->lead);
      if (!enclosed(transaction) || !mend_->brings_transaction)
        add_all(opening(all[static_cast<size_t>(transaction)], example_.unit.engine, usual_));
    }
    current_ = transaction;
  }

  void set_depth(const ExampleStatement& s) {
    const Boundary boundary = example_.unit.transactions[s.transaction].boundary;
    const bool comes_back = undone_ && (s.savepoints < depth_ || !s.rolled_back);
    if (comes_back && depth_ > 0) add(fmt::format("ROLLBACK TO SAVEPOINT s{}", depth_), boundary);
    for (; depth_ > s.savepoints; --depth_) add(fmt::format("RELEASE SAVEPOINT s{}", depth_), boundary);
    while (depth_ < s.savepoints) add(fmt::format("SAVEPOINT s{}", ++depth_), boundary);
    undone_ = s.rolled_back;
  }

  void statement(int at, const ExampleStatement& s) {
    const ExampleTransaction& tx = example_.unit.transactions[s.transaction];
    if (mend_ == nullptr || (at != example_.read && at != example_.write)) {
      program_.push_back(step_of(s, tx));
      return;
    }
    const bool is_write = at == example_.write;
    const int entry = is_write ? mend_->use->write : mend_->use->read;
    if (entry == FixUse::kStays) program_.push_back(step_of(s, tx));
    if (entry >= 0) {
      add_fix(cursor_, entry + 1);
      cursor_ = std::max(cursor_, entry + 1);
    }
    if (entry != FixUse::kStays) undone_ = false;
    const bool is_last = is_write || example_.write < 0;
    if (is_last && !mend_->encloses()) {
      add_fix(cursor_, static_cast<int>(mend_->sql.size()));
      cursor_ = static_cast<int>(mend_->sql.size());
    }
  }

  const FindingExample& example_;
  Isolation usual_;
  const Mend* mend_;
  const std::set<uint64_t>& left_out_;
  std::vector<ReplayStatement> program_;
  int cursor_ = 0;  // the fix's next entry
  int first_ = 0, last_ = 0;
  int current_ = -1;
  uint32_t depth_ = 0;
  bool undone_ = false;  // the statement before was undone by ROLLBACK TO
};

}  // namespace

bool lay_out(const FixUse& use, Mend& mend) {
  const int count = static_cast<int>(mend.sql.size());
  mend.use = &use;
  mend.lead = count;
  for (const int at : {use.read, use.write, use.own}) {
    if (at >= count && at != use.own) return false;
    if (at >= 0) mend.lead = std::min(mend.lead, at);
  }
  mend.tail = use.own >= 0 ? use.own : std::max(use.read, use.write) + 1;
  if (mend.tail <= 0 && use.once < count) return false;
  return use.once <= count;
}

std::vector<ReplayStatement> program_of(const FindingExample& example, Isolation usual, const Mend* mend,
                                        const std::set<uint64_t>& left_out) {
  return ProgramWriter(example, usual, mend, left_out).write();
}

}  // namespace dbaudit
