// Sessions and transactions from a stream of records.
//
// The log shows statements; the engine's transactions are rebuilt from transaction control in every spelling, from autocommit, and from the engine's
// own habits: DDL commits on MySQL, an error dooms a PostgreSQL transaction, BEGIN inside a transaction commits on MySQL and is ignored on
// PostgreSQL. What a source cannot show stays unknown (Transaction::boundary): an ORM log without BEGIN and COMMIT never proves that a statement stood
// outside a transaction.

#include "analyzers/trace/session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "analyzers/base/prefetch.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

namespace {

const TimePoint& time_of(const LogRecord& record) { return record.time.known() ? record.time : record.end_time; }

// Errors after which the engine has rolled the whole transaction back, MariaDB's among them (measured: 1213 and 1020 do, 1205 and 1062 do not).
bool rolls_back_transaction(std::string_view code) { return code == "40001" || code == "40P01" || code == "1213" || code == "1020"; }

// `SET … innodb_snapshot_isolation = ON`: what it sets it to; nullopt for any other statement.
std::optional<bool> sets_snapshot_isolation(std::string_view sql, const Dialect& dialect) {
  if (!icontains(sql, "innodb_snapshot_isolation")) return std::nullopt;
  Lexer lexer(sql, dialect);
  bool named = false;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    if (icontains(t.text, "innodb_snapshot_isolation")) {
      named = true;
    } else if (named && t.text != "=" && t.text != ":=") {
      return iequals(t.text, "on") || t.text == "1" || iequals(t.text, "true") || iequals(t.text, "'on'");
    }
  }
  return std::nullopt;
}

OpRemarks& remarks_of(Op& op, Arena& arena) {
  OpRemarks& remarks = arena.array<OpRemarks>(1).front();
  remarks = op.remarks();
  op.rare = &remarks;
  return remarks;
}

void set_error(Op& op, const LogRecord& record, Arena& arena) {
  op.failed = true;
  OpRemarks& remarks = remarks_of(op, arena);
  remarks.error_code = arena.copy(record.error_code);
  remarks.error_message = arena.copy(record.error_message);
}

// Where in the program it comes from, and what its comments ask of the audit.
void set_source(Op& op, const LogRecord& record, const CommentTags& comments, Arena& arena) {
  OpRemarks& remarks = remarks_of(op, arena);
  for (const Tag& tag : record.tags) {
    if (iequals(tag.name, "route")) remarks.source_route = arena.copy(tag.value);
  }
  for (const auto& [name, value] : comments.tags) {
    if (name == "route" || (name == "controller" && remarks.source_route.empty())) remarks.source_route = arena.copy(value);
  }
  if (!record.source_file.empty()) {
    remarks.source_file = arena.copy(record.source_file);
    remarks.source_line = record.source_line;
  }
  if (comments.directives.empty()) return;
  const std::span<std::string_view> directives = arena.array<std::string_view>(comments.directives.size());
  for (size_t i = 0; i < directives.size(); ++i) directives[i] = arena.copy(comments.directives[i]);
  remarks.directives = directives;
}

// The value of a tag that tells one request from another; route and controller tell what kind it was, not which.
std::string request_of(std::span<const Tag> tags, const CommentTags& comments) {
  auto tells = [](std::string_view name) {
    return iequals(name, "traceparent") || iequals(name, "request_id") || iequals(name, "request-id") || iequals(name, "trace_id") ||
           iequals(name, "correlation_id");
  };
  for (const Tag& t : tags) {
    if (tells(t.name)) return std::string(t.value);
  }
  for (const auto& [name, value] : comments.tags) {
    if (tells(name)) return value;
  }
  return {};
}

}  // namespace

Trace::Trace(Templates& templates, Binder& binder, const TraceOptions& options, UnitVisitor visit, UnitVisitor expect)
    : templates_(templates),
      binder_(binder),
      options_(options),
      visit_(std::move(visit)),
      expect_(std::move(expect)),
      sessions_(options.engine) {
  if (!expect_) expect_ = [](const WorkUnit&) {};
}

void Trace::expect(uint64_t session) const {
  if (const Session* const s = sessions_.find(session); s != nullptr) prefetch(s, sizeof(Session));
}

void Trace::expect(uint64_t session, const LogRecord& record, std::span<const PreparedStatement> statements) const {
  if (const Session* const s = sessions_.find(session); s != nullptr) s->expect_op(time_of(record), options_.unit_gap_us);
  for (const PreparedStatement& s : statements) binder_.expect_far(*s.of);
}

void Trace::expect(std::span<const PreparedStatement> statements) const {
  for (const PreparedStatement& s : statements) binder_.expect(*s.of);
}

Op* Trace::op_about(Session& s, uint32_t file, const LogRecord& record) {
  if (!record.attaches || s.unit.ops.empty()) return nullptr;
  if (record.about_line == 0) return s.last_was_statement_op ? &s.unit.ops.back() : nullptr;
  // A log without sessions, or one that tells of the error after the ROLLBACK, says it of a statement some way back.
  constexpr size_t kReachBack = 256;
  const size_t stop = s.unit.ops.size() > kReachBack ? s.unit.ops.size() - kReachBack : 0;
  for (size_t i = s.unit.ops.size(); i > stop; --i) {
    if (s.unit.ops[i - 1].line == record.about_line && s.unit.ops[i - 1].file == file) return &s.unit.ops[i - 1];
  }
  return nullptr;
}

Trace::Session* Trace::begin_record(uint64_t session, const LogRecord& record) {
  Session* s = sessions_.meet(session);
  const TimePoint& when = time_of(record);
  if (when.known()) {
    if (!counts_.first_time.known() || when.micros < counts_.first_time.micros) counts_.first_time = when;
    if (!counts_.last_time.known() || when.micros > counts_.last_time.micros) counts_.last_time = when;
  }
  if (++unswept_ >= sweep_interval()) {
    unswept_ = 0;
    sweep(when, session);
  }
  if (record.kind != RecordKind::kStatement) return s;
  if (s == nullptr) s = &sessions_.open(session, record.session);
  ++counts_.statements;
  if (!s->spoke) {
    s->spoke = true;
    ++counts_.sessions;  // sessions that ran a statement; a health check that only connects is none
  }
  if (record.truncated || record.params_cut) ++counts_.truncated;
  return s;
}

void Trace::feed(uint32_t file, std::string_view stream, std::string_view orm, const LogRecord& record) {
  const uint64_t session = SessionPool::key_of(stream, record.session);
  Session* const s = begin_record(session, record);
  if (record.kind != RecordKind::kStatement) return feed_event(s, session, file, record);
  s->expect_op(time_of(record), options_.unit_gap_us);  // needed when the statement has been taken apart
  each_statement(record, Templates::start_of(record.sql), templates_,
                 [&](const PreparedStatement& prepared) { statement(*s, file, orm, record, prepared, false); });
  sessions_.heard(*s);
}

void Trace::feed(uint32_t file, uint64_t session, std::string_view orm, const LogRecord& record,
                 std::span<const PreparedStatement> statements) {
  Session* const s = begin_record(session, record);
  if (record.kind != RecordKind::kStatement) return feed_event(s, session, file, record);
  for (const PreparedStatement& prepared : statements) statement(*s, file, orm, record, prepared, true);
  sessions_.heard(*s);
}

void Trace::feed_event(Session* s, uint64_t session, uint32_t file, const LogRecord& record) {
  const TimePoint& when = time_of(record);
  switch (record.kind) {
    case RecordKind::kConnect:
    case RecordKind::kDisconnect:
      if (s != nullptr && s->in_transaction) close_transaction(*s, TxEnd::kRollback, when);
      if (s != nullptr) end_unit(*s, UnitEnd::kDisconnect);
      sessions_.forget(session);  // a server reuses session numbers
      if (record.kind == RecordKind::kDisconnect) return;
      sessions_.connect(session);
      break;
    case RecordKind::kError:
    case RecordKind::kCompletion: {
      Op* const about = s != nullptr ? op_about(*s, file, record) : nullptr;
      if (about == nullptr) break;
      Op& op = *about;
      if (record.end_time.known()) op.end = record.end_time;
      if (record.rows >= 0) op.rows = record.rows;
      if (record.kind == RecordKind::kError && !op.failed) {
        set_error(op, record, s->arena);
        ++counts_.failed;
        if (options_.engine == Engine::kPostgres || rolls_back_transaction(record.error_code)) {
          Transaction& tx = s->unit.transactions[op.transaction];
          if (tx.is_explicit && s->savepoints.empty()) tx.aborted = true;
        }
      }
      break;
    }
    case RecordKind::kStatement:
    case RecordKind::kOther: break;
  }
  sessions_.heard(session);
}

void Trace::statement(Session& s, uint32_t file, std::string_view orm, const LogRecord& record, const PreparedStatement& prepared,
                      bool is_evaluated) {
  if (prepared.of->is_op) binder_.expect(*prepared.of);
  const std::string_view sql = prepared.sql;
  const StatementFacts& facts = prepared.of->facts;
  const TimePoint& when = time_of(record);
  if (facts.quality == Quality::kOpaque && facts.kind != StatementKind::kSet && facts.kind != StatementKind::kOther) ++counts_.unparsed;

  CommentTags comments;
  if (prepared.has_comment) comments = comment_tags(sql, templates_.dialect());
  // Nothing ends a unit inside a transaction, unless the source cannot show COMMIT and the transaction merely looks open.
  if (!s.in_transaction || record.tx_boundary != TxBoundary::kExplicit) {
    std::string request = request_of(record.tags, comments);
    const bool other_request = !request.empty() && !s.request.empty() && request != s.request;
    const bool gap = s.is_gap(when, options_.unit_gap_us);
    const uint32_t most = open_ops_ > options_.open_ops ? options_.crowded_unit_ops : options_.unit_ops;
    if (other_request || gap || s.unit.ops.size() >= most) {
      if (s.in_transaction) close_transaction(s, TxEnd::kLost, s.last_time);
      end_unit(s, other_request ? UnitEnd::kTag : gap ? UnitEnd::kGap : UnitEnd::kFull);
    }
    if (!request.empty()) s.request = std::move(request);
  } else if (s.unit.ops.size() >= size_t{options_.unit_ops} * 4) {
    // A transaction without end (a bulk load): what it did so far is judged now, and the rest goes on as a transaction whose head is lost.
    Transaction rest = s.unit.transactions.back();
    std::vector<Savepoint> savepoints = s.savepoints;
    close_transaction(s, TxEnd::kLost, s.last_time);
    end_unit(s, UnitEnd::kFull);
    open_transaction(s, true, record);
    rest.first = rest.last = 0;
    rest.head_lost = true;
    s.unit.transactions.back() = rest;
    for (Savepoint& savepoint : savepoints) savepoint.first_op = 0;
    s.savepoints = std::move(savepoints);
  }
  if (when.known()) s.last_time = record.end_time.known() ? record.end_time : when;
  s.last_was_statement_op = false;

  if (facts.kind == StatementKind::kDiscard) {
    pool_reset(s, when);
    return;
  }
  if (facts.kind == StatementKind::kSet && options_.engine == Engine::kMariaDb) {
    s.snapshot_isolation = sets_snapshot_isolation(sql, templates_.dialect()).value_or(s.snapshot_isolation);
  }
  if (facts.tx.action != TxAction::kNone) {
    control(s, record, prepared, is_evaluated);
    return;
  }
  if (facts.implicit_commit && is_mysql_family(options_.engine) && s.in_transaction) {
    close_transaction(s, TxEnd::kCommit, when);
    if (!s.autocommit) open_transaction(s, true, record);
  }
  if (!prepared.of->is_op) return;

  if (!s.in_transaction) {
    // A locking read in a log that shows no BEGIN: the ORM would have refused it outside a transaction (Django raises), so it stood in one.
    const bool inferred = record.tx_boundary != TxBoundary::kExplicit && prepared.of->locks_rows && options_.engine != Engine::kSqlite;
    open_transaction(s, inferred || (!s.autocommit && !options_.autocommit_only), record);
    if (inferred) {
      s.begun_by_savepoint = true;
      s.unit.transactions.back().boundary = Boundary::kInferred;
    }
  }
  s.unit.ops.emplace_back();
  Op& op = s.unit.ops.back();
  op.statement = binder_.bind(*prepared.of);
  op.values = is_evaluated ? copy_values(prepared.values, s.arena) : prepared.bind(record, templates_, s.arena);
  op.file = file;
  op.line = record.line;
  op.start = record.time;
  op.end = record.end_time;
  op.rows = record.rows;
  op.transaction = static_cast<uint32_t>(s.unit.transactions.size() - 1);
  op.savepoints = static_cast<uint32_t>(s.savepoints.size());
  op.truncated = record.truncated;
  op.in_order_received = record.in_order_received;
  s.unit.orm = orm;  // names of formats and ORMs live as long as the program
  if (record.has_error) {
    set_error(op, record, s.arena);
    ++counts_.failed;
  }
  if (!record.tags.empty() || !record.source_file.empty() || !comments.tags.empty() || !comments.directives.empty())
    set_source(op, record, comments, s.arena);
  Transaction& tx = s.unit.transactions.back();
  tx.last = static_cast<uint32_t>(s.unit.ops.size() - 1);
  if (op.failed && options_.engine == Engine::kPostgres && tx.is_explicit && s.savepoints.empty()) tx.aborted = true;
  ++open_ops_;
  remember(s);
  s.last_was_statement_op = true;
  if (!tx.is_explicit) close_transaction(s, TxEnd::kAutocommit, op.end.known() ? op.end : op.start);
}

void Trace::open_transaction(Session& s, bool is_explicit, const LogRecord& record) {
  Transaction tx;
  tx.first = static_cast<uint32_t>(s.unit.ops.size());
  tx.last = tx.first == 0 ? 0 : tx.first - 1;
  tx.is_explicit = is_explicit;
  tx.isolation = s.next_level != Isolation::kUnknown ? s.next_level : s.level != Isolation::kUnknown ? s.level : options_.default_isolation;
  switch (record.tx_boundary) {
    case TxBoundary::kExplicit: tx.boundary = Boundary::kExplicit; break;
    case TxBoundary::kInferred: tx.boundary = Boundary::kInferred; break;
    case TxBoundary::kUnknown: tx.boundary = Boundary::kUnknown; break;
  }
  tx.snapshot_isolation = s.snapshot_isolation;
  s.next_level = Isolation::kUnknown;
  s.unit.transactions.push_back(tx);
  s.in_transaction = is_explicit;
  s.savepoints.clear();
  ++counts_.transactions;
}

void Trace::close_transaction(Session& s, TxEnd end, const TimePoint& time) {
  Transaction& tx = s.unit.transactions.back();
  tx.end = tx.aborted && end == TxEnd::kCommit ? TxEnd::kRollback : end;
  tx.end_time = time;
  s.in_transaction = false;
  s.begun_by_savepoint = false;
  s.savepoints.clear();
  // A transaction of no ops is no transaction of this unit.
  if (tx.first == s.unit.ops.size()) {
    s.unit.transactions.pop_back();
    --counts_.transactions;
  }
}

// A program that borrows a connection for a request resets it after several transactions, sooner or later; one that borrows it for each statement
// (Tortoise ORM on asyncpg's pool) never does, and there a reset says nothing of where a request ends.
void Trace::pool_reset(Session& s, const TimePoint& time) {
  if (s.in_transaction) close_transaction(s, TxEnd::kRollback, time);
  std::optional<uint32_t> transaction;
  for (size_t i = s.first_op_after_reset; i < s.unit.ops.size() && !kept_over_transactions_; ++i) {
    const Op& op = s.unit.ops[i];
    if (op.statement->access.reads.empty() && op.statement->access.writes.empty()) continue;  // the reset's own pg_advisory_unlock_all()
    kept_over_transactions_ = transaction.value_or(op.transaction) != op.transaction;
    transaction = op.transaction;
  }
  if (kept_over_transactions_) end_unit(s, UnitEnd::kReset);
  s.first_op_after_reset = static_cast<uint32_t>(s.unit.ops.size());
}

void Trace::gather_unseen_transaction(Session& s, TxEnd end, const TimePoint& time) {
  const uint32_t first = s.first_op_after_end;
  const uint32_t index = s.unit.ops[first].transaction;
  Transaction tx;
  tx.first = first;
  tx.last = static_cast<uint32_t>(s.unit.ops.size() - 1);
  tx.is_explicit = true;
  tx.head_lost = true;
  tx.boundary = Boundary::kInferred;
  tx.isolation = s.unit.transactions[index].isolation;
  tx.end = end;
  tx.end_time = time;
  for (size_t i = first; i < s.unit.ops.size(); ++i) s.unit.ops[i].transaction = index;
  counts_.transactions -= s.unit.transactions.size() - index - 1;
  s.unit.transactions.resize(index);
  s.unit.transactions.push_back(tx);
}

void Trace::control(Session& s, const LogRecord& record, const PreparedStatement& prepared, bool is_evaluated) {
  const TransactionControl& c = prepared.of->facts.tx;
  // Facts are the template's, whose savepoints have all one name: this statement's own is asked for.
  const auto savepoint_name = [&] {
    std::string name(prepared.object_name);
    if (!is_evaluated) templates_.object_name(name);
    return name;
  };
  const TimePoint& when = time_of(record);
  switch (c.action) {
    case TxAction::kNone: break;
    case TxAction::kBegin:
      if (s.in_transaction) {
        if (options_.engine == Engine::kPostgres && !s.begun_by_savepoint) break;  // a warning there, nothing else
        close_transaction(s, TxEnd::kCommit, when);
      }
      if (c.isolation != Isolation::kUnknown) s.next_level = c.isolation;
      open_transaction(s, true, record);
      s.unit.transactions.back().boundary = Boundary::kExplicit;
      s.unit.transactions.back().mode = c.mode;
      s.unit.transactions.back().begun = true;
      s.unit.transactions.back().consistent_snapshot = c.consistent_snapshot;
      s.saw_begin = true;
      break;
    case TxAction::kCommit:
    case TxAction::kRollback:
    case TxAction::kPrepareTransaction: {
      const TxEnd end = c.action == TxAction::kRollback ? TxEnd::kRollback : TxEnd::kCommit;
      if (s.in_transaction) {
        close_transaction(s, end, when);
      } else if (s.first_op_after_end < s.unit.ops.size() && s.unit.sessions_told_apart) {
        // The first end in a session whose start we did not see, and every end in a source that never shows a BEGIN (p6spy).
        const bool head_lost = !s.saw_begin && !s.saw_connect && options_.engine != Engine::kSqlite;
        if (head_lost || record.tx_boundary == TxBoundary::kInferred) gather_unseen_transaction(s, end, when);
      }
      s.first_op_after_end = static_cast<uint32_t>(s.unit.ops.size());
      s.saw_begin = true;
      if (c.and_chain) open_transaction(s, true, record);
      break;
    }
    case TxAction::kSavepoint:
      if (!s.in_transaction) {
        if (options_.engine == Engine::kSqlite || record.tx_boundary == TxBoundary::kExplicit) {
          open_transaction(s, options_.engine == Engine::kSqlite || !s.autocommit, record);
          if (!s.in_transaction) {
            s.unit.transactions.pop_back();
            --counts_.transactions;
            break;
          }
        } else {
          open_transaction(s, true, record);
          s.unit.transactions.back().boundary = Boundary::kInferred;
          s.begun_by_savepoint = true;
        }
      }
      s.savepoints.push_back({savepoint_name(), static_cast<uint32_t>(s.unit.ops.size())});
      break;
    case TxAction::kRelease:
    case TxAction::kRollbackTo: {
      const std::string name = savepoint_name();
      size_t i = s.savepoints.size();
      while (i > 0 && s.savepoints[i - 1].name != name) --i;
      if (i == 0) break;
      if (c.action == TxAction::kRollbackTo) {
        for (size_t o = s.savepoints[i - 1].first_op; o < s.unit.ops.size(); ++o) s.unit.ops[o].rolled_back = true;
        s.savepoints.resize(i);  // the savepoint itself stays
        if (s.in_transaction) s.unit.transactions.back().aborted = false;
      } else {
        s.savepoints.resize(i - 1);
        // The source shows no COMMIT: what follows the outermost savepoint may or may not belong to the same atomic block.
      }
      break;
    }
    case TxAction::kSetTransaction:
      if (options_.engine == Engine::kPostgres && s.in_transaction) {
        if (c.isolation != Isolation::kUnknown) s.unit.transactions.back().isolation = c.isolation;
      } else if (c.isolation != Isolation::kUnknown) {
        s.next_level = c.isolation;
      }
      break;
    case TxAction::kSetSession:
      if (c.isolation != Isolation::kUnknown) s.level = c.isolation;
      break;
    case TxAction::kSetGlobal: break;  // for sessions that connect later
    case TxAction::kAutocommitOn:
    case TxAction::kAutocommitOff:
      s.autocommit = c.action == TxAction::kAutocommitOn;
      if (s.autocommit && s.in_transaction) close_transaction(s, TxEnd::kCommit, when);
      s.saw_begin = true;
      if (c.isolation != Isolation::kUnknown) s.level = c.isolation;  // SET autocommit = 0, tx_isolation = '…'
      break;
    case TxAction::kCommitPrepared: break;
  }
}

// A server does not write the lines of sessions that run side by side in the order of their times. What an op wrote is held against what stood there
// before, so it is looked at once nothing earlier is to be expected, and at the latest when its unit ends.
void Trace::remember(Session& s) {
  constexpr size_t kOutOfOrder = 1024;  // ops that may come too late
  const Op& op = s.unit.ops.back();
  const TimePoint& when = op.start.known() ? op.start : op.end;
  if (when.known()) s.last_remembered = std::max(s.last_remembered, when.micros);
  // Without a time: where it stands.
  const int64_t at = when.known() || unobserved_.empty() ? s.last_remembered : std::max(s.last_remembered, unobserved_.back().at);
  s.last_remembered = at;
  if (!WriteHistory::heeds(*op.statement)) return;
  auto place = unobserved_.end();
  while (place != unobserved_.begin() && std::prev(place)->at > at) --place;
  const uint64_t row = WriteHistory::row_of(op);
  unobserved_.insert(place, {at, row, history_.looked_up(op, row), &s, static_cast<uint32_t>(s.unit.ops.size() - 1)});
  ++s.unobserved;
  if (unobserved_.size() > kOutOfOrder) observe_first();
}

void Trace::observe_first() {
  const Unobserved first = unobserved_.front();
  unobserved_.pop_front();
  constexpr size_t kAhead = 4;
  const auto soon = [this](size_t i) { return i < unobserved_.size() ? &unobserved_[i] : nullptr; };
  if (is_wide()) {
    // The op was made a thousand writes ago.
    if (const Unobserved* const u = soon(5 * kAhead)) u->session->expect_ops();
    if (const Unobserved* const u = soon(4 * kAhead)) u->session->expect_change(u->op);
    if (const Unobserved* const u = soon(3 * kAhead)) WriteHistory::expect_op(u->session->unit.ops[u->op]);
    if (const Unobserved* const u = soon(kAhead)) WriteHistory::expect_values(u->session->unit.ops[u->op]);
  }
  if (const Unobserved* const u = soon(2 * kAhead)) history_.expect(u->looked_up);
  if (const Unobserved* const u = soon(kAhead)) history_.expect_cells(u->looked_up);
  Session& s = *first.session;
  --s.unobserved;
  history_.observe(s.unit.ops[first.op], first.row, s.number, s.arena);
}

void Trace::end_unit(Session& s, UnitEnd why, bool is_expected) {
  while (s.unobserved != 0) observe_first();
  if (!s.unit.ops.empty()) {
    if (!is_expected && is_wide()) {
      for (const Op& op : s.unit.ops) op.statement->expect();
      expect_(s.unit);
    }
    s.unit.end = why;
    locks_.find(s.unit);
    s.unit.locks = &locks_;
    writers_.clear();
    touched_.clear();
    for (uint32_t i = 0; i < s.unit.ops.size(); ++i) {
      const StatementAccess& access = s.unit.ops[i].statement->access;
      if (!access.writes.empty()) writers_.push_back(i);
      touched_.push_back(access.tables_read | access.tables_written);
    }
    s.unit.writers = writers_;
    s.unit.touched = touched_;
    visit_(s.unit);
  }
  open_ops_ -= s.unit.ops.size();
  s.clear_unit();
}

// Ends the units of sessions that have been silent for longer than the gap, so that memory follows what is open, not what has been.
void Trace::sweep(const TimePoint& now, uint64_t current) {
  const int64_t before = now.known() ? now.micros - options_.unit_gap_us : INT64_MIN;
  sessions_.rest_silent(before, current, expect_, [this](Session& s) { end_unit(s, UnitEnd::kGap, /*is_expected=*/true); });
}

void Trace::finish() {
  for (Session* const s : sessions_.all_open()) {
    if (s->in_transaction) close_transaction(*s, TxEnd::kLost, s->last_time);
    end_unit(*s, UnitEnd::kLogEnd);
  }
}

}  // namespace dbaudit
