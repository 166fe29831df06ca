#pragma once
// Log records → sessions, transactions and work units.

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzers/log/record.h"
#include "analyzers/sql/templates.h"
#include "analyzers/trace/bind.h"
#include "analyzers/trace/history.h"
#include "analyzers/trace/prepare.h"
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

/// Receives each work unit when it ends. The unit and all it points to die when the call returns.
using UnitVisitor = std::function<void(const WorkUnit&)>;

class Trace {
 public:
  Trace(Templates& templates, Binder& binder, const TraceOptions& options, UnitVisitor visit);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// One record, in log order. `stream` names the kind of source, so that equal session keys of two kinds of log do not meet; `file` is the index
  /// of the input.
  void feed(uint32_t file, std::string_view stream, std::string_view orm, const LogRecord& record);
  /// The same with hash_bytes() of the record's session, and with what each_statement() says of the record and evaluate() has evaluated: the templates are
  /// not asked, and may be in use elsewhere.
  void feed(uint32_t file, std::string_view stream, std::string_view orm, const LogRecord& record, uint64_t session,
            std::span<const PreparedStatement> statements);
  /// A record of the session with this hash_bytes() will be fed after a few others: makes that cheaper. A few records later once more, with the record:
  /// what the first call has fetched says where to look.
  void expect(uint64_t session) const;
  void expect(uint64_t session, const LogRecord& record, std::span<const PreparedStatement> statements) const;
  /// Ends every open unit, sessions in order of first appearance.
  void finish();
  /// Totals so far.
  [[nodiscard]] const TraceCounts& counts() const { return counts_; }

 private:
  struct Session;
  struct Resting;
  /// What the values, ops and transactions of one open unit are kept in.
  struct Buffers {
    Arena arena;
    std::vector<Op> ops;
    std::vector<Transaction> transactions;
  };
  const std::string& session_key(std::string_view stream, const LogRecord& record);
  void forget(std::string_view stream, const LogRecord& record);
  Session& session_of(std::string_view stream, const LogRecord& record, uint64_t hash);
  /// The session met last among those whose hash_bytes() fall together with this one: a guess, to be checked. nullptr: none is open.
  [[nodiscard]] Session* met_last(uint64_t session) const;
  Session& session_in_table(std::string_view stream, const LogRecord& record);
  /// The op an error or a completion is about; nullptr when that was no op, or is not kept any more.
  static Op* op_about(Session& s, uint32_t file, const LogRecord& record);
  /// A transaction ended that the source did not show beginning: the ops since the last end stood in it.
  void gather_unseen_transaction(Session& s, TxEnd end, const TimePoint& time);
  /// All of a record that is no statement.
  void feed_event(Session& s, uint32_t file, std::string_view stream, const LogRecord& record);
  Session& begin_record(std::string_view stream, const LogRecord& record, uint64_t session);
  /// Not evaluated: it is the statement last interned, and evaluated from there.
  void statement(Session& s, uint32_t file, std::string_view orm, const LogRecord& record, const PreparedStatement& prepared,
                 bool is_evaluated);
  void control(Session& s, const LogRecord& record, const PreparedStatement& prepared, bool is_evaluated);
  void open_transaction(Session& s, bool is_explicit, const LogRecord& record);
  void close_transaction(Session& s, TxEnd end, const TimePoint& time);
  /// Hands the unit's last op to the history, in the order of time as far as that can be told.
  void remember(Session& s);
  void observe_first();
  void end_unit(Session& s, UnitEnd why);
  /// The pool took the connection back and reset it.
  void pool_reset(Session& s, const TimePoint& time);
  /// Ends the units of sessions that have been silent for longer than the gap, and keeps of these sessions what they will go on with. `current` stays.
  void sweep(const TimePoint& now, const Session* current);
  /// Buffers for the session's next unit, if it has none; and back when the unit is over.
  void equip(Session& s);
  void strip(Session& s);

  Templates& templates_;
  Binder& binder_;
  TraceOptions options_;
  UnitVisitor visit_;
  WriteHistory history_;
  UnitLocks locks_;                // of the unit that ended last
  std::vector<uint32_t> writers_;  // likewise
  std::vector<TableSet> touched_;  // likewise
  struct Unobserved {
    int64_t at;          ///< µs; of ops of one session it never falls
    uint64_t row;        ///< WriteHistory::row_of()
    uint64_t looked_up;  ///< WriteHistory::looked_up()
    uint32_t session, op;
  };
  std::deque<Unobserved> unobserved_;  // those that the history heeds, by `at`, equal ones as they came
  TraceCounts counts_;
  std::vector<std::unique_ptr<Session>> sessions_;    // in order of first appearance; null once disconnected, and while they rest
  std::unordered_map<uint32_t, Resting> resting_;     // by index, likewise; looked up by key only
  std::vector<uint32_t> open_;                        // indexes of those that are not null, and of some that have been since the last sweep
  std::unordered_map<std::string, uint32_t> by_key_;  // looked up by key only
  std::vector<std::string_view> streams_;             // those met: names of formats, far fewer than 256
  std::string key_;                                   // buffer of session_key()
  std::array<uint32_t, 8192> met_{};                  // indexes into sessions_ by hash: a guess, to be checked
  std::vector<Buffers> spare_;
  uint64_t fed_ = 0, open_ops_ = 0;
  bool kept_over_transactions_ = false;  // some session ran two transactions between one pool reset and the next
};

}  // namespace dbaudit
