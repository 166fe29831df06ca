// Dumps of performance_schema.events_statements_history_long (and _history, _current), of both servers; events_transactions_* beside them in the
// same file, or alone. The only source inside a MySQL server that tells rows, errors and the transaction of every statement:
//
//   EVENT_NAME           statement/sql/select, …   an execution; statement/com/Execute one of the binary protocol; statement/sp/stmt one
//                        inside a stored program. prepare_sql and com/Prepare run nothing; other com/… are commands of the protocol
//   NESTING_EVENT_ID     with NESTING_EVENT_TYPE = TRANSACTION: the transaction, by EVENT_ID of its row within the same THREAD_ID
//   TIMER_START, _END    picoseconds since the server started: a clock of its own, given here as a time without zone that begins in 1970
//   SQL_TEXT             with `?` for the values of a prepared statement, never the values. MariaDB leaves it NULL for com/Execute: a
//                        statement was run and its text is not known. Cut at performance_schema_max_sql_text_length, it ends in `...`
//
// MariaDB gives each statement of a packet the text of the packet from there on, which is cut back to the statement when the next one
// follows. A table has no order (history_long is a ring that begins anywhere): the rows are put in the order they began. From the row of
// a transaction its statements get tags: `isolation_level`, `autocommit`, and `transaction` (COMMITTED, ROLLED BACK: also the deadlock
// victim whose later COMMIT looks like any other).

#include <algorithm>
#include <deque>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/table_dump.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxBytes = size_t{128} << 20;  // of rows kept for sorting; a table larger than that is sorted in pieces

enum class Act : uint8_t { kOther, kStatement, kUnknownStatement, kDisconnect };

struct Row {
  uint64_t thread = 0, event = 0, end_event = 0, line = 0;
  uint64_t start_ps = 0, end_ps = 0;
  uint64_t nesting = 0;
  int64_t rows = -1;
  Act act = Act::kOther;
  Protocol protocol = Protocol::kUnknown;
  bool in_transaction = false, in_statement = false, truncated = false, has_start = false, has_end = false, is_transaction = false;
  std::string sql, database, error_code, error_message;
  [[nodiscard]] size_t bytes() const { return sizeof(Row) + sql.capacity() + database.capacity() + error_message.capacity(); }
};

struct TransactionFacts {
  std::string state, isolation, autocommit;
};

struct Columns {
  explicit Columns(const TableHeader& h)
      : thread(h.find("THREAD_ID")),
        event(h.find("EVENT_ID")),
        end_event(h.find("END_EVENT_ID")),
        name(h.find("EVENT_NAME")),
        start(h.find("TIMER_START")),
        end(h.find("TIMER_END")),
        wait(h.find("TIMER_WAIT")),
        sql(h.find("SQL_TEXT")),
        schema(h.find("CURRENT_SCHEMA")),
        error(h.find("MYSQL_ERRNO")),
        message(h.find("MESSAGE_TEXT")),
        affected(h.find("ROWS_AFFECTED")),
        sent(h.find("ROWS_SENT")),
        nesting(h.find("NESTING_EVENT_ID")),
        nesting_type(h.find("NESTING_EVENT_TYPE")),
        state(h.find("STATE")),
        isolation(h.find("ISOLATION_LEVEL")),
        autocommit(h.find("AUTOCOMMIT")) {}
  int thread, event, end_event, name, start, end, wait, sql, schema, error, message, affected, sent, nesting, nesting_type;
  int state, isolation, autocommit;
  [[nodiscard]] bool are_statements() const { return thread >= 0 && sql >= 0; }
  [[nodiscard]] bool are_transactions() const { return !are_statements() && thread >= 0 && event >= 0 && state >= 0 && isolation >= 0; }
};

Act act_of(std::string_view name, std::string_view sql, bool is_null, Protocol* protocol) {
  *protocol = Protocol::kUnknown;
  if (name.empty()) return is_null ? Act::kOther : Act::kStatement;
  if (name.starts_with("statement/sql/")) {
    name.remove_prefix(14);
    if (name == "prepare_sql" || mysql_text::starts_with_word(sql, "prepare")) return Act::kOther;
    if (name != "execute_sql") *protocol = Protocol::kSimple;
    return is_null ? Act::kUnknownStatement : Act::kStatement;
  }
  if (name.starts_with("statement/com/")) {
    name.remove_prefix(14);
    if (name == "Execute" || name == "Query") {
      *protocol = name == "Query" ? Protocol::kSimple : Protocol::kExtended;
      return is_null ? Act::kUnknownStatement : Act::kStatement;
    }
    if (name == "Quit" || iequals(name, "Change user") || iequals(name, "Reset Connection")) return Act::kDisconnect;
    return Act::kOther;
  }
  if (name == "statement/sp/stmt" && !is_null) return Act::kStatement;
  return Act::kOther;
}

/// Key of a transaction: thread and event, both below 2^32 in any server's life that fits a ring.
std::string transaction_key(uint64_t thread, uint64_t event) { return std::to_string(thread) + ":" + std::to_string(event); }

class PerfSchemaReader final : public RecordReader {
 public:
  explicit PerfSchemaReader(std::unique_ptr<Lines> lines) : lines_(std::move(lines)), rows_(*lines_, {}) {}

  bool next(LogRecord& record) override {
    if (at_ == batch_.size() && !read_batch()) {
      tell_incomplete({.time = without_time_ * 2 > counts_.statements, .parameters = has_unknown_parameters_}, counts_);
      return false;
    }
    fill(record, batch_[at_++]);
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  bool read_batch() {
    batch_.clear();
    at_ = 0;
    size_t bytes = 0;
    while (bytes < kMaxBytes && rows_.next()) {
      if (rows_.is_new_table()) columns_ = Columns(rows_.header());
      Row row;
      if (!read(row)) {
        ++foreign_rows_;
        continue;
      }
      bytes += row.bytes();
      batch_.push_back(std::move(row));
    }
    counts_.unrecognised_lines = rows_.unrecognised_lines() + foreign_rows_;
    std::stable_sort(batch_.begin(), batch_.end(), [](const Row& a, const Row& b) {
      if (a.has_start != b.has_start) return b.has_start;
      if (a.has_start && a.start_ps != b.start_ps) return a.start_ps < b.start_ps;
      return a.thread == b.thread && a.event < b.event;
    });
    split_packets();
    return !batch_.empty();
  }

  bool read(Row& row) {
    if (!columns_.are_statements() && !columns_.are_transactions()) return false;
    const auto thread = rows_.number(columns_.thread);
    if (!thread) return false;
    row.thread = *thread;
    row.event = rows_.number(columns_.event).value_or(0);
    row.end_event = rows_.number(columns_.end_event).value_or(0);
    row.line = rows_.line();
    if (const auto start = rows_.number(columns_.start)) {
      row.has_start = true;
      row.start_ps = *start;
      const auto wait = rows_.number(columns_.wait);
      const auto end = rows_.number(columns_.end);
      row.has_end = end || wait;
      row.end_ps = end ? *end : *start + wait.value_or(0);
    }
    if (columns_.are_transactions()) {
      row.is_transaction = true;
      if (transactions_.size() < kMaxTransactions) {
        TransactionFacts& facts = transactions_[transaction_key(row.thread, row.event)];
        facts.state = rows_.get(columns_.state);
        facts.isolation = rows_.get(columns_.isolation);
        facts.autocommit = rows_.get(columns_.autocommit);
      }
      return true;
    }
    row.sql = rows_.get(columns_.sql);
    row.act = act_of(rows_.get(columns_.name), row.sql, rows_.is_null(columns_.sql), &row.protocol);
    row.truncated = rows_.was_cut() || row.sql.ends_with("...");
    row.database = rows_.get(columns_.schema);
    if (const auto error = rows_.number(columns_.error); error && *error != 0) {
      row.error_code = std::to_string(*error);
      row.error_message = rows_.get(columns_.message);
    }
    if (iequals(rows_.get(columns_.nesting_type), "TRANSACTION")) {
      if (const auto nesting = rows_.number(columns_.nesting)) {
        row.in_transaction = knows_transactions_ = true;
        row.nesting = *nesting;
      }
    }
    // Inside a stored program the caller's row would have to say it.
    row.in_statement = iequals(rows_.get(columns_.nesting_type), "STATEMENT");
    const auto count = rows_.number(mysql_text::answers_with_rows(row.sql) ? columns_.sent : columns_.affected);
    if (count && row.act != Act::kUnknownStatement) row.rows = static_cast<int64_t>(*count);
    if (row.act == Act::kUnknownStatement) {
      const auto affected = rows_.number(columns_.affected), sent = rows_.number(columns_.sent);
      if (affected && sent) row.rows = static_cast<int64_t>(std::max(*affected, *sent));
    }
    return true;
  }

  /// In a packet of several statements each has the text of all that follow, too.
  void split_packets() {
    std::unordered_map<uint64_t, Row*> last;
    for (Row& row : batch_) {
      if (row.is_transaction) continue;
      Row*& before = last[row.thread];
      if (before != nullptr && before->act == Act::kStatement && row.act == Act::kStatement && !row.sql.empty() &&
          row.sql.size() < before->sql.size() && before->end_event != 0 && row.event == before->end_event + 1 &&
          before->sql.ends_with(row.sql)) {
        std::string_view first = trim(std::string_view(before->sql).substr(0, before->sql.size() - row.sql.size()));
        if (first.ends_with(';')) before->sql = std::string(trim(first.substr(0, first.size() - 1)));
      }
      before = &row;
    }
  }

  void fill(LogRecord& record, const Row& row) {
    record = LogRecord{};
    ++counts_.records;
    record.line = row.line;
    session_ = std::to_string(row.thread);
    record.session = session_;
    record.database = row.database;
    record.tx_boundary = TxBoundary::kExplicit;
    if (row.has_start) {
      record.time.micros = static_cast<int64_t>(row.start_ps / 1'000'000);
      record.time.tick = 1;
    }
    if (row.has_end) {
      record.end_time.micros = static_cast<int64_t>(row.end_ps / 1'000'000);
      record.end_time.tick = 1;
      record.duration_us = static_cast<int64_t>((row.end_ps - std::min(row.start_ps, row.end_ps)) / 1'000'000);
    }
    tags_.clear();
    if (row.is_transaction || row.in_transaction) {
      txid_ = transaction_key(row.thread, row.is_transaction ? row.event : row.nesting);
      record.txid = txid_;
      if (const auto found = transactions_.find(txid_); found != transactions_.end()) {
        const TransactionFacts& facts = found->second;
        if (!facts.isolation.empty()) tags_.push_back({"isolation_level", facts.isolation});
        if (!facts.autocommit.empty()) tags_.push_back({"autocommit", facts.autocommit});
        if (!facts.state.empty()) tags_.push_back({"transaction", facts.state});
        record.tags = tags_;
      }
    }
    if (row.is_transaction) return;
    switch (row.act) {
      case Act::kDisconnect: record.kind = RecordKind::kDisconnect; return;
      case Act::kOther: return;
      case Act::kUnknownStatement: record.sql_unknown = true; break;
      case Act::kStatement: record.sql = row.sql; break;
    }
    record.kind = RecordKind::kStatement;
    record.protocol = row.protocol;
    if (knows_transactions_ && !row.in_statement) record.tx_state = row.in_transaction ? TxState::kInTransaction : TxState::kIdle;
    record.truncated = row.truncated;
    record.rows = row.rows;
    if (!row.error_code.empty()) {
      record.has_error = true;
      record.error_code = row.error_code;
      record.error_message = row.error_message;
    }
    ++counts_.statements;
    if (row.truncated) ++counts_.truncated_statements;
    if (!row.has_start) ++without_time_;
    // A prepared statement keeps its question marks, whoever prepared it.
    if (row.protocol != Protocol::kSimple) has_unknown_parameters_ = true;
  }

  static constexpr size_t kMaxTransactions = 1'000'000;

  std::unique_ptr<Lines> lines_;
  TableRows rows_;
  Columns columns_{TableHeader{}};
  std::vector<Row> batch_;
  size_t at_ = 0;
  std::unordered_map<std::string, TransactionFacts> transactions_;
  std::string session_, txid_;
  std::vector<Tag> tags_;
  bool knows_transactions_ = false, has_unknown_parameters_ = false;
  uint64_t without_time_ = 0, foreign_rows_ = 0;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto header = parse_table_header(line);
  if (!header) return 0;
  const Columns columns(*header);
  const bool are_statements = columns.are_statements() && (columns.event >= 0 || columns.name >= 0 || columns.start >= 0);
  return are_statements || columns.are_transactions() ? 970 : 0;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions&) {
  return std::make_unique<PerfSchemaReader>(std::move(lines));
}

constexpr FormatSample kSamples[] = {
    {"THREAD_ID\tEVENT_ID\tEND_EVENT_ID\tEVENT_NAME\tTIMER_START\tTIMER_END\tSQL_TEXT\tCURRENT_SCHEMA\tMYSQL_ERRNO\tROWS_AFFECTED\t"
     "ROWS_SENT\tNESTING_EVENT_ID\tNESTING_EVENT_TYPE\n"
     "47\t12\t13\tstatement/sql/begin\t9000000\t9500000\tSTART TRANSACTION\torders\t0\t0\t0\tNULL\tNULL\n"
     "47\t14\t14\tstatement/com/Prepare\t9600000\t9700000\tUPDATE item SET stock = ? WHERE id = ?\torders\t0\t0\t0\t13\tTRANSACTION\n"
     "47\t15\t15\tstatement/com/Execute\t9800000\t9900000\tUPDATE item SET stock = ? WHERE id = ?\torders\t0\t1\t0\t13\tTRANSACTION\n",
     2},
    {"THREAD_ID\tEVENT_ID\tSTATE\tTIMER_START\tISOLATION_LEVEL\tAUTOCOMMIT\n47\t13\tROLLED BACK\t9400000\tREPEATABLE READ\tNO\n", 0},
};

}  // namespace

extern const Format kFormat_mysql_perf_schema;
const Format kFormat_mysql_perf_schema{
    .name = "mysql-perf-schema",
    .summary = "dump of performance_schema.events_statements_history_long, with or without events_transactions_history_long",
    .enable =
        "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME LIKE 'events_%_history_long'; UPDATE "
        "performance_schema.setup_instruments SET ENABLED = 'YES', TIMED = 'YES' WHERE NAME = 'transaction'; then mysql --batch",
    .engine = Engine::kMySql,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
