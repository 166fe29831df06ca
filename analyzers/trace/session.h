#pragma once
// Log records → sessions, transactions and work units.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "analyzers/log/record.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/bind.h"
#include "analyzers/trace/history.h"
#include "analyzers/trace/prepare.h"
#include "analyzers/trace/session_pool.h"
#include "analyzers/trace/transaction.h"

namespace dbaudit {

struct TraceOptions {
  Engine engine = Engine::kUnknown;
  Isolation default_isolation = Isolation::kUnknown;
  bool autocommit_only = false;     ///< `--isolation autocommit`: nothing opens a transaction implicitly
  int64_t unit_gap_us = 5'000'000;  ///< a pause this long outside a transaction ends the work unit (RULES.md: default 5 s)
  uint32_t unit_ops = 4096;         ///< a work unit longer than this is cut at the next transaction end
  /// With more ops than this in open units, over all sessions, units are cut at `crowded_unit_ops`: hundreds of connections in autocommit that never
  /// pause would each hold a unit of full length.
  uint64_t open_ops = 65'536;
  uint32_t crowded_unit_ops = 64;
};

struct TraceCounts {
  uint64_t statements = 0, sessions = 0, transactions = 0, unparsed = 0, truncated = 0;
  uint64_t failed = 0;
  TimePoint first_time, last_time;
};

class Trace {
 public:
  /// `visit` receives each work unit when it ends. The unit and all it points to die when the call returns. `expect`: one that ends soon, or now, where
  /// there are so many that what visit() needs of it is not at hand; it may prepare for that.
  Trace(Templates& templates, Binder& binder, const TraceOptions& options, UnitVisitor visit, UnitVisitor expect = {});
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// One record, in log order. `stream` names the kind of source, so that equal session keys of two kinds of log do not meet; `file` is the index
  /// of the input.
  void feed(uint32_t file, std::string_view stream, std::string_view orm, const LogRecord& record);
  /// The same with SessionPool::key_of() of the stream and the record's session, and with what each_statement() says of the record and evaluate() has
  /// evaluated: the templates are not asked, and may be in use elsewhere.
  void feed(uint32_t file, uint64_t session, std::string_view orm, const LogRecord& record, std::span<const PreparedStatement> statements);
  /// A record of the session with this key will be fed after some others: makes that cheaper. A little later once more, then with the record, and last
  /// with its statements: what each call has fetched says where the next is to look.
  void expect_far(uint64_t session) const { sessions_.expect(session); }
  /// So many sessions or templates that what a statement needs of them is not at hand.
  [[nodiscard]] bool is_wide() const {
    constexpr size_t kManySessions = 4096;
    return sessions_.size() > kManySessions || binder_.size() > Templates::kMany;
  }
  void expect(uint64_t session) const;
  void expect(uint64_t session, const LogRecord& record, std::span<const PreparedStatement> statements) const;
  void expect(std::span<const PreparedStatement> statements) const;
  /// Ends every open unit, sessions in order of first appearance.
  void finish();
  /// Totals so far.
  [[nodiscard]] const TraceCounts& counts() const { return counts_; }

 private:
  using Session = OpenSession;

  /// The op an error or a completion is about; nullptr when that was no op, or is not kept any more.
  static Op* op_about(Session& s, uint32_t file, const LogRecord& record);
  /// A transaction ended that the source did not show beginning: the ops since the last end stood in it.
  void gather_unseen_transaction(Session& s, TxEnd end, const TimePoint& time);
  /// All of a record that is no statement.
  /// `s`: nullptr when it is not open.
  void feed_event(Session* s, uint64_t session, uint32_t file, const LogRecord& record);
  /// The session, which is open when the record is a statement; else it may be nullptr.
  Session* begin_record(uint64_t session, const LogRecord& record);
  /// Not evaluated: it is the statement last interned, and evaluated from there.
  void statement(Session& s, uint32_t file, std::string_view orm, const LogRecord& record, const PreparedStatement& prepared,
                 bool is_evaluated);
  void control(Session& s, const LogRecord& record, const PreparedStatement& prepared, bool is_evaluated);
  void open_transaction(Session& s, bool is_explicit, const LogRecord& record);
  void close_transaction(Session& s, TxEnd end, const TimePoint& time);
  /// Hands the unit's last op to the history, in the order of time as far as that can be told.
  void remember(Session& s);
  void observe_first();
  void end_unit(Session& s, UnitEnd why, bool is_expected = false);
  /// The pool took the connection back and reset it.
  void pool_reset(Session& s, const TimePoint& time);
  /// Ends the units of sessions that have been silent for longer than the gap, and keeps of these sessions what they will go on with. `current`, a
  /// key, stays.
  void sweep(const TimePoint& now, uint64_t current);
  /// Records between one sweep and the next: what a sweep costs is spread over so many, and what it clears away soon is at hand for the next session.
  [[nodiscard]] size_t sweep_interval() const {
    constexpr size_t kFewAwake = 1024, kLongest = 16384, kShortest = 512;
    const size_t awake = sessions_.lately_awake();
    return awake <= kFewAwake ? kLongest : std::max(kShortest, awake / 4);
  }

  Templates& templates_;
  Binder& binder_;
  TraceOptions options_;
  UnitVisitor visit_, expect_;
  WriteHistory history_;
  UnitLocks locks_;                // of the unit that ended last
  std::vector<uint32_t> writers_;  // likewise
  std::vector<TableSet> touched_;  // likewise
  struct Unobserved {
    int64_t at;          ///< µs; of ops of one session it never falls
    uint64_t row;        ///< WriteHistory::row_of()
    uint64_t looked_up;  ///< WriteHistory::looked_up()
    Session* session;
    uint32_t op;  ///< of its unit
  };
  std::deque<Unobserved> unobserved_;  // those that the history heeds, by `at`, equal ones as they came
  TraceCounts counts_;
  SessionPool sessions_;
  uint64_t unswept_ = 0;  // records since the last sweep
  uint64_t open_ops_ = 0;
  bool kept_over_transactions_ = false;  // some session ran two transactions between one pool reset and the next
};

}  // namespace dbaudit
