// The server writes what it is doing, not what was done: a statement's text at its start (log_statement) or at its end
// (log_min_duration_statement), its failure as an entry of its own, and in the extended protocol each of parse, bind and execute. Put
// together here: one record per execution; a failure is attached to the execution it ended when that was logged, and stands for it when
// it was not.
//
//   log_statement=all            LOG statement: S            [ERROR + STATEMENT: S]          the error attaches
//   log_min_duration_statement   [LOG duration: 1 ms  S]  or  ERROR + STATEMENT: S            the error stands for S
//   both                         LOG statement: S             LOG duration: 1 ms              the duration attaches
//
// With both, parse and bind write bare durations as well, before the text they led to: only the first bare duration behind a text is its own.
//
// Two extensions write about statements as well. pgaudit's AUDIT line comes when a statement ends (with pgaudit.log_rows) or when its rights are
// checked (without), never for one that fails before that, once for each statement of a packet with the whole packet as its text, and with a
// substatement number above 1 for what runs inside functions, triggers and foreign keys. It is the statement where log_statement did not
// write it already; the number of rows is taken from it where it did. auto_explain's plan adds the number of rows to a statement that is
// logged, and is none by itself: it has no values, and neither BEGIN nor COMMIT has a plan.

#include "analyzers/log/formats/postgres_entry.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>
#include <utility>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/postgres_audit.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxOpenWithoutSession = 64;
constexpr size_t kMaxKeptParameters = 4096;

using header_text::has_at;
using header_text::is_digit;

/// `1234.567` milliseconds as microseconds; 0 bytes when there is no number.
size_t parse_milliseconds(std::string_view s, int64_t* micros) {
  size_t at = 0;
  int64_t value = 0;
  while (at < s.size() && is_digit(s[at]) && at < 15) value = value * 10 + (s[at++] - '0');
  if (at == 0) return 0;
  value *= 1000;
  if (at < s.size() && s[at] == '.') {
    int64_t unit = 100;
    for (++at; at < s.size() && is_digit(s[at]); ++at, unit /= 10) value += unit * (s[at] - '0');
  }
  *micros = value;
  return at;
}

/// `40001: ` of log_error_verbosity=verbose; 0 when there is none. A SQLSTATE has a digit (`AUDIT: ` is not one).
std::string_view leading_sqlstate(std::string_view message) {
  if (message.size() < 7 || message[5] != ':' || message[6] != ' ') return {};
  bool has_digit = false;
  for (char c : message.substr(0, 5)) {
    if (is_digit(c))
      has_digit = true;
    else if (c < 'A' || c > 'Z')
      return {};
  }
  return has_digit ? message.substr(0, 5) : std::string_view();
}

/// First word of a statement, behind white space and comments.
std::string_view first_word(std::string_view sql) {
  const auto is_letter = [](char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; };
  while (!sql.empty() && !is_letter(sql[0])) {
    while (!sql.empty() && (sql[0] == ' ' || sql[0] == '\t' || sql[0] == '\n' || sql[0] == '\r' || sql[0] == ';')) sql.remove_prefix(1);
    if (sql.starts_with("/*")) {
      const size_t end = sql.find("*/", 2);
      if (end == std::string_view::npos) return {};
      sql.remove_prefix(end + 2);
    } else if (sql.starts_with("--")) {
      const size_t end = sql.find('\n');
      if (end == std::string_view::npos) return {};
      sql.remove_prefix(end + 1);
    } else {
      break;
    }
  }
  size_t n = 0;
  while (n < sql.size() && is_letter(sql[n])) ++n;
  return sql.substr(0, n);
}

/// Tells texts of one length apart. Every statement gets one and hardly any is ever compared, so it costs as little as can be.
uint64_t text_key(std::string_view text) {
  constexpr uint64_t kMultiplier = 0x9ddfea08eb382d69ULL;
  constexpr size_t kWord = sizeof(uint64_t), kBlock = 4 * kWord;
  const auto word_at = [text](size_t at) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, kWord);
    return word;
  };
  if (text.size() < kBlock) return hash_bytes(text);
  uint64_t a = 1, b = 2;  // two, because a multiplication takes its time
  size_t at = 0;
  for (; at + kBlock <= text.size(); at += kBlock) {
    a = (a ^ word_at(at)) * kMultiplier + word_at(at + kWord);
    b = (b ^ word_at(at + 2 * kWord)) * kMultiplier + word_at(at + 3 * kWord);
  }
  for (; at + kWord <= text.size(); at += kWord) a = (a ^ word_at(at)) * kMultiplier;
  return hash_combine(a, b ^ word_at(text.size() - kWord));
}

/// `it''s` as `it's`, in `scratch`, which must have room for it.
std::string_view with_single_quotes(std::string_view value, std::string& scratch) {
  const size_t start = scratch.size();
  assert(scratch.capacity() - start >= value.size());
  for (size_t from = 0; from < value.size();) {
    const size_t quote = value.find('\'', from);
    if (quote == std::string_view::npos) {
      scratch.append(value, from);
      break;
    }
    scratch.append(value, from, quote + 1 - from);
    from = quote + 2;
  }
  return std::string_view(scratch).substr(start);
}

/// The words that begin and end transactions.
enum class Verb : uint8_t { kOther, kBegin, kStart, kEnd, kRollback, kPrepare };
Verb verb_of(std::string_view word) {
  const auto is = [word](std::string_view name) { return iequals(word, name); };
  switch (word.empty() ? '\0' : word[0] | 0x20) {
    case 'a': return is("abort") ? Verb::kEnd : Verb::kOther;
    case 'b': return is("begin") ? Verb::kBegin : Verb::kOther;
    case 'c': return is("commit") ? Verb::kEnd : Verb::kOther;
    case 'e': return is("end") ? Verb::kEnd : Verb::kOther;
    case 'p': return is("prepare") ? Verb::kPrepare : Verb::kOther;
    case 'r': return is("rollback") ? Verb::kRollback : Verb::kOther;
    case 's': return is("start") ? Verb::kStart : Verb::kOther;
    default: return Verb::kOther;
  }
}

/// `parameters: ` (`Parameters: ` since PostgreSQL 16) at the start of a DETAIL.
bool is_parameters(std::string_view detail) { return has_at(detail, 1, "arameters: ") && (detail[0] | 0x20) == 'p'; }

/// What the process title said when the statement came (`%i`, command_tag, `ps`); a verb once it runs.
TxState state_of_tag(std::string_view tag) {
  if (tag == "idle") return TxState::kIdle;
  if (tag == "idle in transaction") return TxState::kInTransaction;
  if (tag == "idle in transaction (aborted)") return TxState::kAborted;
  return TxState::kUnknown;
}

struct KnownMessage {
  std::string_view start;
  std::string_view part;  // somewhere behind it; may be empty
  std::string_view sqlstate;
};
/// English texts of errors that matter to an audit, from the server's sources (elog.c calls of nbtinsert.c, execMain.c, xact.c, lock.c,
/// predicate.c, ri_triggers.c, postgres.c, scan.l, parse_relation.c). Order matters where one is the start of another.
constexpr KnownMessage kKnownMessages[] = {
    {"duplicate key value violates unique constraint", "", "23505"},
    {"could not create unique index", "", "23505"},
    {"conflicting key value violates exclusion constraint", "", "23P01"},
    {"could not create exclusion constraint", "", "23P01"},
    {"insert or update on table", "violates foreign key constraint", "23503"},
    {"update or delete on table", "violates foreign key constraint", "23503"},
    {"null value in column", "violates not-null constraint", "23502"},
    {"new row for relation", "violates check constraint", "23514"},
    {"new row violates row-level security", "", "42501"},
    {"could not serialize access", "", "40001"},
    {"deadlock detected", "", "40P01"},
    {"could not obtain lock on", "", "55P03"},
    {"canceling statement due to lock timeout", "", "55P03"},
    {"canceling statement due to conflict with recovery", "", "40001"},
    {"canceling statement due to", "", "57014"},
    {"terminating connection due to administrator command", "", "57P01"},
    {"terminating connection due to idle-in-transaction timeout", "", "25P03"},
    {"terminating connection due to conflict with recovery", "", "40001"},
    {"the database system is", "", "57P03"},
    {"current transaction is aborted", "", "25P02"},
    {"cannot execute", "in a read-only transaction", "25006"},
    {"cannot execute", "during recovery", "25006"},
    {"", "can only be used in transaction blocks", "25P01"},
    {"", "cannot run inside a transaction block", "25001"},
    {"savepoint \"", "does not exist", "3B001"},
    {"no such savepoint", "", "3B001"},
    {"syntax error", "", "42601"},
    {"unterminated", "", "42601"},
    {"relation \"", "does not exist", "42P01"},
    {"missing FROM-clause entry", "", "42P01"},
    {"relation \"", "already exists", "42P07"},
    {"column \"", "does not exist", "42703"},
    {"column ", "does not exist", "42703"},
    {"column reference", "is ambiguous", "42702"},
    {"function ", "does not exist", "42883"},
    {"operator does not exist", "", "42883"},
    {"type \"", "does not exist", "42704"},
    {"schema \"", "does not exist", "3F000"},
    {"database \"", "does not exist", "3D000"},
    {"database \"", "already exists", "42P04"},
    {"role \"", "does not exist", "42704"},
    {"unrecognized configuration parameter", "", "42704"},
    {"permission denied", "", "42501"},
    {"must be owner of", "", "42501"},
    {"there is no unique or exclusion constraint matching the ON CONFLICT", "", "42P10"},
    {"ON CONFLICT DO UPDATE command cannot affect row a second time", "", "21000"},
    {"invalid input syntax", "", "22P02"},
    {"invalid input value for enum", "", "22P02"},
    {"value too long for type", "", "22001"},
    {"division by zero", "", "22012"},
    {"integer out of range", "", "22003"},
    {"bigint out of range", "", "22003"},
    {"numeric field overflow", "", "22003"},
    {"prepared statement \"", "already exists", "42P05"},
    {"prepared statement \"", "does not exist", "26000"},
    {"password authentication failed", "", "28P01"},
    {"no pg_hba.conf entry", "", "28000"},
    {"remaining connection slots are reserved", "", "53300"},
    {"sorry, too many clients already", "", "53300"},
    {"out of shared memory", "", "53200"},
    {"out of memory", "", "53200"},
    {"snapshot too old", "", "72000"},
};

}  // namespace

std::string_view sqlstate_of_message(std::string_view message) {
  for (const KnownMessage& known : kKnownMessages) {
    if (!message.starts_with(known.start)) continue;
    if (known.part.empty() || message.find(known.part, known.start.size()) != std::string_view::npos) return known.sqlstate;
  }
  return {};
}

PostgresMessage parse_postgres_message(std::string_view m) {
  using Phase = PostgresMessage::Phase;
  PostgresMessage result;
  bool is_timed = false;
  if (m.starts_with("duration: ")) {
    const size_t n = parse_milliseconds(m.substr(10), &result.duration_us);
    if (n == 0 || m.substr(10 + n, 3) != " ms") return PostgresMessage{};
    m.remove_prefix(10 + n + 3);
    if (trim(m).empty()) {
      result.phase = Phase::kDurationOnly;
      return result;
    }
    if (!m.starts_with("  ")) return PostgresMessage{};
    m.remove_prefix(2);
    is_timed = true;
  }
  const auto named = [&](std::string_view keyword, Phase phase) {
    if (!m.starts_with(keyword)) return false;
    const size_t colon = m.find(": ", keyword.size());
    if (colon == std::string_view::npos) return false;
    result.phase = phase;
    result.name = m.substr(keyword.size(), colon - keyword.size());
    result.sql = m.substr(colon + 2);
    return true;
  };
  switch (m.empty() ? '\0' : m[0]) {
    case 's':
      if (!has_at(m, 0, "statement: ")) break;
      result.phase = Phase::kStatement;
      result.sql = m.substr(11);
      return result;
    case 'e':
      if (named("execute fetch from ", Phase::kFetch) || named("execute ", Phase::kExecute)) return result;
      break;
    case 'f':
      if (!m.starts_with("fastpath function call: ")) break;
      result.phase = Phase::kFastpath;
      return result;
    case 'p':
      if (is_timed && named("parse ", Phase::kParse)) return result;
      if (!is_timed || !m.starts_with("plan:")) break;
      result.phase = Phase::kPlan;
      return result;
    case 'b':
      if (is_timed && named("bind ", Phase::kBind)) return result;
      break;
    default: break;
  }
  return PostgresMessage{};
}

bool parse_postgres_parameters(std::string_view text, std::string& scratch, std::vector<BindValue>& values) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto find_quote = [end](const char* from) {
    return from == end ? nullptr : static_cast<const char*>(std::memchr(from, '\'', static_cast<size_t>(end - from)));
  };
  bool is_whole = true;
  for (size_t expected = values.size() + 1; p < end; ++expected) {
    // `$n` count from 1 and come in order; a hole would be a log we do not understand.
    if (*p != '$') return false;
    size_t index = 0;
    for (++p; p < end && is_digit(*p) && index < 100'000; ++p) index = index * 10 + static_cast<size_t>(*p - '0');
    if (index != expected || end - p < 4 || std::memcmp(p, " = ", 3) != 0) return false;
    p += 3;
    if (*p == '\'') {
      const char* const from = ++p;
      bool has_doubled = false;
      for (;;) {
        const char* const quote = find_quote(p);
        if (quote == nullptr) {
          values.push_back(BindValue{.text = {from, static_cast<size_t>(end - from)}, .is_unknown = true});
          return false;
        }
        p = quote + 1;
        if (p == end || *p != '\'') break;
        has_doubled = true;
        ++p;
      }
      std::string_view value(from, static_cast<size_t>(p - 1 - from));
      // log_parameter_max_length appends three dots inside the quotes. A value that really ends so is told apart by nothing.
      const bool is_cut = value.size() >= 3 && has_at(value, value.size() - 3, "...");
      if (is_cut) is_whole = false;
      if (has_doubled) value = with_single_quotes(value, scratch);
      values.push_back(BindValue{.text = value, .is_unknown = is_cut});
    } else if (end - p >= 4 && std::memcmp(p, "NULL", 4) == 0) {
      values.push_back(BindValue{.text = {}, .is_null = true});
      p += 4;
    } else {
      return false;
    }
    if (end - p < 2 || p[0] != ',' || p[1] != ' ') return is_whole && trim({p, static_cast<size_t>(end - p)}).empty();
    p += 2;
  }
  return is_whole;
}

std::string_view PostgresSessions::session_of(const PrefixFields& prefix) {
  // %c is unique; a pid comes again, but only behind a new connection entry. host(port) is as good as a pid.
  if (!prefix.session_id.empty()) return prefix.session_id;
  if (!prefix.pid.empty()) return prefix.pid;
  return prefix.remote.ends_with(")") ? prefix.remote : std::string_view();
}

void PostgresSessions::convert(const PostgresEntry& entry, LogRecord& record, ReaderCounts& counts) {
  using Phase = PostgresMessage::Phase;
  ++counts.records;
  const PrefixFields& prefix = entry.prefix;
  record.line = entry.line;
  record.truncated = entry.was_cut;
  record.tx_boundary = TxBoundary::kExplicit;
  record.time = prefix.time;
  record.txid = prefix.vxid;
  record.session = session_of(prefix);

  std::string_view text = entry.message;
  const std::string_view verbose_state = leading_sqlstate(text);
  if (!verbose_state.empty()) text.remove_prefix(7);
  record.error_code = !verbose_state.empty() ? verbose_state : prefix.sqlstate;

  Session& session = sessions_.of(record.session);
  record.app = !prefix.app.empty() ? prefix.app : std::string_view(session.connection->app);
  record.user = !prefix.user.empty() ? prefix.user : std::string_view(session.connection->user);
  record.database = !prefix.database.empty() ? prefix.database : std::string_view(session.connection->database);

  const std::string_view backend = entry.backend_type;
  const bool is_client = backend.empty() || backend == "client backend" || backend == "not initialized" || backend == "walsender";
  if (!is_client) {
    // Autovacuum, checkpointer, the workers of a parallel query (the errors of which their leader reports again) are nobody's session. A
    // background worker that has a statement to report is one.
    const bool is_worker = backend == "parallel worker";
    if (is_worker || (!entry.has_statement && parse_postgres_message(text).phase == PostgresMessage::Phase::kNone)) {
      record.session = record.error_code = {};
      return;
    }
  }

  PostgresMessage message;
  switch (entry.severity) {
    case PostgresSeverity::kError:
    case PostgresSeverity::kFatal:
    case PostgresSeverity::kPanic: error(entry, text, session, record, counts); return;
    case PostgresSeverity::kLog: message = parse_postgres_message(text); break;
    case PostgresSeverity::kWarning:
      if (text.starts_with("there is no transaction in progress")) session.has_stray_end = false;
      break;
    default: break;
  }
  record.error_code = {};

  // What a session should have logged can be told only where sessions can be told apart.
  if (!record.session.empty()) {
    if (session.has_stray_end) ++stray_ends_;
    if (session.has_pending_bind && message.phase != Phase::kNone && message.phase != Phase::kExecute && message.phase != Phase::kPlan) {
      ++lost_executes_;
    }
  }
  session.has_stray_end = false;
  if (message.phase != Phase::kNone) session.has_pending_bind = false;

  switch (message.phase) {
    case Phase::kStatement:
    case Phase::kExecute: statement(entry, message, session, record, counts); break;
    case Phase::kDurationOnly:
      record.kind = RecordKind::kCompletion;
      record.duration_us = message.duration_us;
      record.end_time = prefix.time;
      record.time = TimePoint{};
      if (session.is_open && !session.has_failed && !record.session.empty()) {
        record.attaches = true;
        record.about_line = session.line;
        session.is_open = false;
      } else {
        ++stray_durations_;
      }
      break;
    case Phase::kBind: {
      // Should the execution fail, this may be all that tells its values (log_parameter_max_length_on_error is 0 by default).
      session.has_pending_bind = true;
      Bound& bound = session.bound.edit();
      bound.hash = text_key(message.sql);
      bound.parameters.clear();
      if (is_parameters(entry.detail) && entry.detail.size() <= kMaxKeptParameters && !record.session.empty()) {
        bound.parameters = entry.detail.substr(12);
      }
      break;
    }
    case Phase::kPlan: plan(text, session, record); break;
    case Phase::kNone:
      if (text.starts_with("AUDIT: ")) {
        audit(entry, text, session, record, counts);
      } else {
        connection(text, session, record);
      }
      break;
    default: break;
  }
}

void PostgresSessions::remember(const PostgresEntry& entry, std::string_view sql, Session& session) {
  track_transaction(sql, session);
  session.line = entry.line;
  session.text_size = static_cast<uint32_t>(sql.size());
  session.text_hash = text_key(sql);
  session.has_failed = false;
  session.is_audited = false;
}

void PostgresSessions::audit(const PostgresEntry& entry, std::string_view text, Session& session, LogRecord& record, ReaderCounts& counts) {
  PostgresAudit audit;
  if (!parse_postgres_audit(text, audit_scratch_, audit)) return;
  if (audit.command == "BEGIN" || audit.command == "COMMIT" || audit.command == "ROLLBACK") has_audited_boundaries_ = true;
  std::string_view sql = audit.statement;
  if (sql.empty() || record.session.empty() || entry.severity != PostgresSeverity::kLog) return;
  const bool is_execute = audit.command == "EXECUTE";
  if (audit.substatement_id > 1 && !is_execute) return;
  // EXECUTE of a prepared statement shows as the PREPARE, with the command that ran, and perhaps as itself (class MISC) after it.
  bool is_prepared = false;
  if (audit.command != "PREPARE" && iequals(first_word(sql), "prepare") && !iequals(audit.command.substr(0, 7), "prepare")) {
    const std::string_view query = prepared_query(sql);
    is_prepared = !query.empty();
    if (is_prepared) sql = query;
  }
  Audited& last = session.audited.edit();
  const bool is_same_id = audit.statement_id == last.id && last.id != 0;
  if (is_execute && is_same_id) return;

  const uint64_t hash = text_key(sql);
  const bool is_same_text = session.line != 0 && session.text_size == sql.size() && session.text_hash == hash;
  if (is_same_text && (is_same_id || (last.repeats > 0 && audit.statement_id == last.id + 1))) {
    // One line for each relation (pgaudit.log_relation, OBJECT), or for each statement of the packet.
    if (!is_same_id) --last.repeats;
    last.id = audit.statement_id;
    return;
  }
  // Everything else is printed with 0 rows, and a packet's lines are of one statement each.
  bool has_rows = false;
  for (std::string_view command : {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"})
    has_rows = has_rows || audit.command.starts_with(command);
  last.id = audit.statement_id;
  last.repeats = 0;
  if (is_same_text || sql.find(';') != std::string_view::npos) last.repeats = static_cast<uint32_t>(count_packet_statements(sql) - 1);
  if (session.is_open && !session.is_audited && !session.has_failed && (is_same_text || is_prepared || is_execute)) {
    record.kind = RecordKind::kCompletion;
    record.attaches = true;
    record.about_line = session.line;
    if (has_rows && last.repeats == 0) record.rows = audit.rows;
    record.time = TimePoint{};
    return;
  }

  record.kind = RecordKind::kStatement;
  record.sql = sql;
  record.tx_boundary = has_audited_boundaries_ ? TxBoundary::kExplicit : TxBoundary::kUnknown;
  ++counts.statements;
  ++audited_;
  if (!record.time.known()) ++without_time_;
  // With the number of rows the line is written at the end; COMMIT is not over by then, its constraint checks may still fail.
  const bool is_end = audit.rows >= 0 && audit.command != "COMMIT";
  if (is_end) record.end_time = std::exchange(record.time, TimePoint{});
  if (has_rows && last.repeats == 0) record.rows = audit.rows;
  if (audit.has_parameters) {
    params_.clear();
    scratch_.clear();
    if (scratch_.capacity() < audit.parameters.size()) scratch_.reserve(audit.parameters.size());
    if (!parse_audit_parameters(audit.parameters, scratch_, params_)) record.params_cut = true;
    record.params = params_;
    record.has_params = true;
    record.protocol = is_prepared ? Protocol::kSimple : Protocol::kExtended;
    ++bound_;
  } else if (sql.find("$1") != std::string_view::npos) {
    ++unbound_;
  }
  if (record.truncated || record.params_cut) ++counts.truncated_statements;
  tag_ = Tag{"audit", audit.audit_class};
  record.tags = {&tag_, 1};
  remember(entry, sql, session);
  session.is_open = !is_end;
  session.is_audited = true;
}

/// `plan:\nQuery Text: …\n` and the plan, of the statement that runs.
void PostgresSessions::plan(std::string_view text, Session& session, LogRecord& record) {
  ++plans_;
  static constexpr std::string_view kQueryText = "Query Text: ";
  const size_t query = text.find(kQueryText);
  if (query == std::string_view::npos || record.session.empty() || !session.is_open || session.has_failed) return;
  const std::string_view rest = text.substr(query + kQueryText.size());
  if (rest.size() <= session.text_size || rest[session.text_size] != '\n') return;
  const std::string_view sql = rest.substr(0, session.text_size);
  if (text_key(sql) != session.text_hash) return;
  const int64_t rows = rows_of_plan(rest.substr(session.text_size));
  if (rows < 0 || (sql.find(';') != std::string_view::npos && count_packet_statements(sql) > 1)) return;
  record.kind = RecordKind::kCompletion;
  record.attaches = true;
  record.about_line = session.line;
  record.rows = rows;
  record.time = TimePoint{};
}

void PostgresSessions::statement(const PostgresEntry& entry, const PostgresMessage& message, Session& session, LogRecord& record,
                                 ReaderCounts& counts) {
  const bool is_extended = message.phase == PostgresMessage::Phase::kExecute;
  if (session.is_audited && message.duration_us >= 0 && !record.session.empty() && session.text_size == message.sql.size() &&
      session.text_hash == text_key(message.sql)) {
    // log_min_duration_statement, of what pgaudit told at its end.
    session.is_audited = session.is_open = false;
    record.kind = RecordKind::kCompletion;
    record.attaches = true;
    record.about_line = session.line;
    record.duration_us = message.duration_us;
    record.end_time = std::exchange(record.time, TimePoint{});
    return;
  }
  record.kind = RecordKind::kStatement;
  record.protocol = is_extended ? Protocol::kExtended : Protocol::kSimple;
  record.sql = message.sql;
  ++counts.statements;
  ++executions_;
  if (record.session.empty()) ++without_session_;
  if (!record.time.known()) ++without_time_;

  record.tx_state = state_of_tag(entry.prefix.command_tag);

  const bool is_timed = message.duration_us >= 0;
  if (is_timed) {
    record.duration_us = message.duration_us;
    record.end_time = record.time;
    if (record.time.known()) record.time.micros -= message.duration_us;
    ++timed_texts_;
    if (message.duration_us >= 1000) ++slow_texts_;
  } else {
    ++start_texts_;
    if (start_reads_ == 0) {
      const std::string_view word = first_word(message.sql);
      for (std::string_view read : {"select", "begin", "commit", "set", "show", "start", "rollback"}) start_reads_ += iequals(word, read);
    }
  }

  if (entry.has_detail && is_parameters(entry.detail)) {
    bind_parameters(entry, entry.detail.substr(12), record);
  } else if (entry.has_detail && entry.detail.starts_with("prepare: ")) {
    // SQL-level EXECUTE: the text it runs.
    tag_ = Tag{"prepare", entry.detail.substr(9)};
    record.tags = {&tag_, 1};
  }
  if (is_extended) {
    if (record.has_params)
      ++bound_;
    else if (message.sql.find("$1") != std::string_view::npos)
      ++unbound_;
  }
  if (record.truncated || record.params_cut) ++counts.truncated_statements;

  remember(entry, message.sql, session);
  session.is_open = !is_timed;
  if (record.session.empty() && !is_timed) {
    if (open_without_session_.size() >= kMaxOpenWithoutSession) open_without_session_.erase(open_without_session_.begin());
    const uint64_t parameters = record.has_params ? hash_bytes(entry.detail.substr(12)) : 0;
    open_without_session_.push_back({session.line, session.text_hash, session.text_size, parameters});
  }
}

void PostgresSessions::bind_parameters(const PostgresEntry& entry, std::string_view list, LogRecord& record) {
  params_.clear();
  scratch_.clear();
  if (scratch_.capacity() < list.size()) scratch_.reserve(list.size());
  const bool is_whole = parse_postgres_parameters(list, scratch_, params_);
  record.params = params_;
  record.has_params = true;
  record.params_cut = !is_whole;
  if (entry.was_cut) record.truncated = true;
}

/// Follows BEGIN and COMMIT as far as it takes to notice that some were not logged.
void PostgresSessions::track_transaction(std::string_view sql, Session& session) {
  const std::string_view word = first_word(sql);
  if (word.size() < 3 || word.size() > 8) return;
  // Not worth a look for what most statements are.
  const char c = ascii_lower(word[0]);
  if (c != 'b' && c != 's' && c != 'c' && c != 'r' && c != 'e' && c != 'a' && c != 'p') return;
  const Verb verb = verb_of(word);
  if (verb == Verb::kOther && session.in_tx == InTx::kUnknown) return;
  const std::string_view rest = sql.substr(static_cast<size_t>(word.data() + word.size() - sql.data()));
  const size_t semicolon = rest.find(';');
  const bool is_packet = semicolon != std::string_view::npos && !first_word(rest.substr(semicolon)).empty();
  const auto goes_on_with = [&](size_t within, std::string_view what) { return icontains(rest.substr(0, within), what); };
  if (verb == Verb::kBegin || (verb == Verb::kStart && goes_on_with(40, "transaction"))) {
    session.in_tx = is_packet ? InTx::kUnknown : InTx::kYes;
  } else if (verb == Verb::kEnd || (verb == Verb::kRollback && !goes_on_with(40, " to "))) {
    ++ends_;
    if (session.in_tx == InTx::kNo && !goes_on_with(40, "prepared")) session.has_stray_end = true;
    session.in_tx = is_packet || goes_on_with(60, "chain") ? InTx::kUnknown : InTx::kNo;
  } else if (is_packet || (verb == Verb::kPrepare && goes_on_with(40, "transaction"))) {
    session.in_tx = InTx::kUnknown;
  }
}

void PostgresSessions::error(const PostgresEntry& entry, std::string_view text, Session& session, LogRecord& record, ReaderCounts& counts) {
  const bool was_bound = std::exchange(session.has_pending_bind, false);
  session.has_stray_end = false;
  record.has_error = true;
  record.error_message = text;
  // Most logs do not print the code. Derived from the text: only what sqlstate_of_message() is sure of.
  if (record.error_code.empty() || record.error_code == "00000") record.error_code = sqlstate_of_message(text);
  record.end_time = entry.prefix.time;
  record.kind = RecordKind::kError;

  const std::string_view sql = entry.statement;
  const uint64_t hash = entry.has_statement ? text_key(sql) : 0;
  // `unnamed portal with parameters: …`, `portal "c1" with parameters: …`: the last line of the context.
  static constexpr std::string_view kPhrase = " with parameters: ";
  const size_t phrase = entry.has_context ? entry.context.find(kPhrase) : std::string_view::npos;
  const bool has_parameters = phrase != std::string_view::npos;
  const std::string_view parameters = has_parameters ? entry.context.substr(phrase + kPhrase.size()) : std::string_view();
  if (record.session.empty()) {
    const uint64_t parameters_hash = has_parameters ? hash_bytes(parameters) : 0;
    for (auto open = open_without_session_.rbegin(); entry.has_statement && open != open_without_session_.rend(); ++open) {
      if (open->text_size != sql.size() || open->text_hash != hash) continue;
      if (has_parameters && open->parameters_hash != 0 && open->parameters_hash != parameters_hash) continue;
      record.attaches = true;
      record.about_line = open->line;
      open_without_session_.erase(std::next(open).base());
      return;
    }
  } else if (session.is_open && !session.has_failed) {
    // Without a STATEMENT (log_min_error_statement) an error of parsing or planning may be of a statement that was never logged.
    const bool is_its =
        entry.has_statement ? session.text_size == sql.size() && session.text_hash == hash : !record.error_code.starts_with("42");
    if (is_its) {
      record.attaches = true;
      record.about_line = session.line;
      session.has_failed = true;
      session.is_open = false;
      return;
    }
  }
  if (!entry.has_statement) return;

  record.kind = RecordKind::kStatement;
  record.sql = sql;
  record.tx_state = state_of_tag(entry.prefix.command_tag);
  ++counts.statements;
  ++synthesised_;
  if (record.session.empty()) ++without_session_;
  if (!record.time.known()) ++without_time_;
  if (has_parameters) {
    record.protocol = Protocol::kExtended;
    bind_parameters(entry, parameters, record);
  } else if (was_bound && session.bound->hash == hash && !session.bound->parameters.empty()) {
    record.protocol = Protocol::kExtended;
    bind_parameters(entry, session.bound->parameters, record);
  }
  if (record.truncated || record.params_cut) ++counts.truncated_statements;
  remember(entry, sql, session);
  session.has_stray_end = false;
  session.is_open = false;
  session.has_failed = true;
}

void PostgresSessions::connection(std::string_view message, Session& session, LogRecord& record) {
  if (message.starts_with("connection authorized: ") || message.starts_with("replication connection authorized: ")) {
    // user=U [database=D] [application_name=A] [SSL enabled (…)] [GSS (…)]; names may hold spaces.
    std::string_view rest = message.substr(message.find(": ") + 2);
    for (std::string_view end : {" SSL enabled (", " SSL (", " GSS ("}) rest = rest.substr(0, rest.find(end));
    const auto value = [&](std::string_view key) {
      size_t at = rest.starts_with(key) ? 0 : rest.find(std::string(" ").append(key));
      if (at == std::string_view::npos) return std::string_view();
      at += key.size() + (at == 0 && rest.starts_with(key) ? 0 : 1);
      size_t end = rest.size();
      for (std::string_view next : {" database=", " application_name="}) end = std::min(end, rest.find(next, at));
      return rest.substr(at, end - at);
    };
    record.kind = RecordKind::kConnect;
    record.user = value("user=");
    record.database = value("database=");
    record.app = value("application_name=");
    session = Session{};
    if (record.session.empty()) return;
    session.in_tx = InTx::kNo;
    Connection& told = session.connection.edit();
    told.user = record.user;
    told.database = record.database;
    told.app = record.app;
  } else if (message.starts_with("connection received: ")) {
    session = Session{};
    record.app = record.user = record.database = {};
  } else if (message.starts_with("disconnection: ")) {
    record.kind = RecordKind::kDisconnect;
    session.is_open = false;
    session.in_tx = InTx::kUnknown;
  }
}

void PostgresSessions::finish(ReaderCounts& counts) const {
  const uint64_t seen = executions_ + synthesised_ + audited_;
  // Signs that the server logged only some statements: executions missing behind their bind; transactions that end without having begun;
  // only slow ones; only writes (log_statement=mod); nothing but failures; durations of statements that are not there; statements known by
  // their audit alone (pgaudit.log chooses classes, and what failed is not audited); plans of statements that are not there.
  const bool is_sampled = lost_executes_ > 0 || (stray_ends_ >= 2 && stray_ends_ * 50 >= ends_) ||
                          (timed_texts_ >= 10 && slow_texts_ == timed_texts_ && start_texts_ == 0) ||
                          (start_texts_ >= 20 && start_reads_ == 0) || (synthesised_ > 0 && executions_ == 0) ||
                          stray_durations_ > 2 * (executions_ + audited_) + 10 || audited_ > 0 || (plans_ > 0 && executions_ == 0);
  if (is_sampled) counts.sampled = true;
  tell_incomplete({.session = seen > 0 && without_session_ * 2 > seen,
                   .time = seen > 0 && without_time_ * 2 > seen,
                   .parameters = unbound_ > 0 && bound_ == 0,
                   .boundaries = audited_ > 0 && !has_audited_boundaries_},
                  counts);
}

}  // namespace dbaudit
