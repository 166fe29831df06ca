// The log of MariaDB's server_audit plugin (server_audit_output_type = file or syslog), and of Aurora MySQL, which took it over:
//
//   20261120 14:29:03,db1,app,localhost,4,21,QUERY,shop,'INSERT INTO t VALUES (1,\'dup\')',1062
//   TIME,SERVERHOST,USER,HOST,CONNECTION,QUERY_ID,OPERATION,DATABASE,OBJECT,RETCODE
//   Nov 20 14:29:03 db1 mysql-server_auditing: db1,app,localhost,4,21,QUERY,…       through syslog: no TIME of its own, no year
//   1795185132000000,db1,app,…                                                       Aurora: microseconds since 1970
//
// A QUERY is written when it has ended, with its error; TIME has whole seconds. Its text stands in quotes with \' \\ \n \t \r escaped, passwords
// as ***** and no more than server_audit_query_log_limit (1024) bytes, counted escaped; a longer one is cut without a mark. The tables a
// statement reads and writes are rows of their own before it, with the same QUERY_ID. A binary-protocol or SQL-level EXECUTE is one
// QUERY with its values; PREPARE is a QUERY too, and runs nothing. With server_audit_events = QUERY_DML no BEGIN is shown.

#include <charconv>
#include <string>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/sql_text_scan.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kDefaultLimit = 1024;  // of server_audit_query_log_limit
constexpr size_t kEnoughQueries = 20;   // that many in the head without one BEGIN, SET or SHOW: those are filtered out
constexpr std::string_view kSyslogTag = "server_auditing: ";

enum class Operation : uint8_t { kQuery, kConnect, kFailedConnect, kDisconnect, kChangeUser, kTable, kUnknown };

struct OperationName {
  std::string_view name;
  Operation operation;
};
constexpr OperationName kOperations[] = {
    {"QUERY", Operation::kQuery},
    {"READ", Operation::kTable},
    {"WRITE", Operation::kTable},
    {"CONNECT", Operation::kConnect},
    {"DISCONNECT", Operation::kDisconnect},
    {"FAILED_CONNECT", Operation::kFailedConnect},
    {"CHANGEUSER", Operation::kChangeUser},
    {"CREATE", Operation::kTable},
    {"ALTER", Operation::kTable},
    {"DROP", Operation::kTable},
    {"RENAME", Operation::kTable},
    {"PROXY_CONNECT", Operation::kTable},
    {"QUERY_DDL", Operation::kQuery},
    {"QUERY_DML", Operation::kQuery},
    {"QUERY_DML_NO_SELECT", Operation::kQuery},
    {"QUERY_DCL", Operation::kQuery},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool has_digits(std::string_view s, size_t at, size_t n) {
  if (s.size() < at + n) return false;
  for (size_t i = at; i < at + n; ++i) {
    if (!is_digit(s[i])) return false;
  }
  return true;
}
int number(std::string_view s, size_t at, size_t n) {
  int value = 0;
  for (size_t i = at; i < at + n; ++i) value = value * 10 + (s[i] - '0');
  return value;
}

/// One line taken apart; everything as it stands in it.
struct Row {
  std::string_view time;  ///< empty through syslog
  std::string_view user, connection, query_id, database;
  Operation operation = Operation::kUnknown;
  std::string_view object;  ///< of a QUERY: what stands between its quotes
  std::string_view retcode;
  bool closed = true;  ///< the closing quote of the object and the code after it are there
};

/// The field up to the next comma, which is taken too.
bool take_field(std::string_view& rest, std::string_view* field) {
  const size_t comma = rest.find(',');
  if (comma == std::string_view::npos) return false;
  *field = rest.substr(0, comma);
  rest.remove_prefix(comma + 1);
  return true;
}

/// `20261120 14:29:03,`, `20261120  9:29:03,` or sixteen digits at the start.
size_t audit_time_size(std::string_view line) {
  if (has_digits(line, 0, 8) && line.size() > 17 && line[8] == ' ' && (is_digit(line[9]) || line[9] == ' ') && is_digit(line[10]) &&
      line[11] == ':' && has_digits(line, 12, 2) && line[14] == ':' && has_digits(line, 15, 2) && line[17] == ',') {
    return 17;
  }
  return has_digits(line, 0, 16) && line.size() > 16 && line[16] == ',' ? 16 : 0;
}

bool parse_row(std::string_view line, Row* row) {
  *row = Row{};
  if (const size_t size = audit_time_size(line); size != 0) {
    row->time = line.substr(0, size);
    line.remove_prefix(size + 1);
  } else {
    const size_t tag = line.substr(0, 256).find(kSyslogTag);
    if (tag == std::string_view::npos) return false;
    line.remove_prefix(tag + kSyslogTag.size());
    if (line.starts_with(' ')) line.remove_prefix(1);
  }
  std::string_view server, host, operation;
  if (!take_field(line, &server) || !take_field(line, &row->user) || !take_field(line, &host) || !take_field(line, &row->connection) ||
      !take_field(line, &row->query_id) || !take_field(line, &operation) || !take_field(line, &row->database)) {
    return false;
  }
  if (!all_digits(row->connection) || !all_digits(row->query_id)) return false;
  for (const OperationName& known : kOperations) {
    if (known.name == operation) row->operation = known.operation;
  }
  if (row->operation == Operation::kUnknown) return false;
  if (line.starts_with('\'')) {
    // To the quote that no backslash stands before.
    size_t at = 1;
    for (;;) {
      at = line.find_first_of("'\\", at);
      if (at == std::string_view::npos || line[at] == '\'') break;
      at += 2;
      if (at > line.size()) at = std::string_view::npos;
    }
    row->closed = at != std::string_view::npos;
    row->object = line.substr(1, row->closed ? at - 1 : std::string_view::npos);
    line = row->closed ? line.substr(at + 1) : std::string_view();
    if (line.starts_with(',')) line.remove_prefix(1);
  } else if (!take_field(line, &row->object)) {
    row->closed = row->operation != Operation::kQuery;
    row->object = line;
    line = {};
  }
  // Later versions add the TLS version and more behind the code.
  row->retcode = line.substr(0, line.find(','));
  if (!row->retcode.empty() && !all_digits(row->retcode)) row->retcode = {};
  if (row->operation == Operation::kQuery && row->retcode.empty()) row->closed = false;
  return true;
}

std::string_view unescape(std::string_view raw, std::string* buffer) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  buffer->clear();
  buffer->reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (i + 1 == raw.size() && raw[i] == '\\') break;  // half of something that was cut
    if (raw[i] != '\\') {
      buffer->push_back(raw[i]);
      continue;
    }
    switch (raw[++i]) {
      case 'n': buffer->push_back('\n'); break;
      case 't': buffer->push_back('\t'); break;
      case 'r': buffer->push_back('\r'); break;
      case 'b': buffer->push_back('\b'); break;
      case 'f': buffer->push_back('\f'); break;
      case 'v': buffer->push_back('\v'); break;
      default: buffer->push_back(raw[i]);
    }
  }
  return *buffer;
}

bool is_only_data(std::string_view sql) {
  for (std::string_view word : {"select", "insert", "update", "delete", "replace", "call", "load", "with", "do"}) {
    if (mysql_text::starts_with_word(sql, word)) return true;
  }
  return false;
}

class MariadbAuditReader final : public RecordReader {
 public:
  MariadbAuditReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_offset_minutes_(options.zone_offset_minutes) {
    // Does the log show BEGIN and COMMIT? Its head says what is filtered.
    std::string_view head = lines_->head();
    size_t queries = 0, others = 0;
    Row row;
    while (!head.empty()) {
      const size_t newline = head.find('\n');
      if (parse_row(head.substr(0, newline), &row) && row.operation == Operation::kQuery) {
        ++queries;
        if (!is_only_data(row.object)) ++others;
      }
      head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    }
    boundary_ = queries >= kEnoughQueries && others == 0 ? TxBoundary::kUnknown : TxBoundary::kExplicit;
  }

  bool next(LogRecord& record) override {
    while (const auto line = lines_->peek()) {
      lines_->mark();
      const uint64_t number = lines_->line_number();
      Row row;
      const bool is_row = parse_row(*line, &row);
      lines_->take();
      if (!is_row) {
        if (!line->empty()) ++counts_.unrecognised_lines;
        continue;
      }
      ++counts_.records;
      fill(record, row);
      record.line = number;
      return true;
    }
    if (counts_.statements > 0) {
      tell_incomplete({.time = without_time_ * 2 > counts_.statements, .boundaries = boundary_ == TxBoundary::kUnknown}, counts_);
    }
    return false;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  void fill(LogRecord& record, const Row& row) {
    record = LogRecord{};
    record.session = row.connection;
    record.user = row.user;
    record.database = row.database;
    record.tx_boundary = boundary_;
    record.end_time = read_time(row.time);
    const auto error = [&] {
      if (row.retcode.empty() || row.retcode == "0") return;
      record.has_error = true;
      record.error_code = row.retcode;
    };
    switch (row.operation) {
      case Operation::kQuery: {
        record.sql = unescape(row.object, &sql_);
        if (mysql_text::starts_with_word(record.sql, "prepare")) {
          record.sql = {};
          break;
        }
        record.kind = RecordKind::kStatement;
        error();
        record.truncated = !row.closed || lines_->record_was_cut() || is_cut(row.object, record.sql);
        ++counts_.statements;
        if (record.truncated) ++counts_.truncated_statements;
        if (!record.end_time.known()) ++without_time_;
        break;
      }
      case Operation::kConnect: record.kind = RecordKind::kConnect; break;
      case Operation::kFailedConnect:
        record.kind = RecordKind::kDisconnect;
        error();
        break;
      case Operation::kDisconnect:
      case Operation::kChangeUser: record.kind = RecordKind::kDisconnect; break;
      case Operation::kTable:
      case Operation::kUnknown: break;
    }
    if (record.kind == RecordKind::kConnect || record.kind == RecordKind::kDisconnect) record.time = record.end_time;
  }

  /// The plugin stops at its limit without a word: exactly as many bytes as the default, or a quote that is left open.
  static bool is_cut(std::string_view raw, std::string_view sql) {
    if (raw.size() >= kDefaultLimit - 1 && raw.size() <= kDefaultLimit + 1) return true;
    if (raw.size() < 64) return false;
    SqlTextScan scan(kMySqlTextRules);
    scan.feed(sql);
    return scan.in_quote();
  }

  [[nodiscard]] TimePoint read_time(std::string_view text) const {
    TimePoint time;
    if (text.size() == 16) {
      std::from_chars(text.data(), text.data() + text.size(), time.micros);
      time.zone_known = true;
      time.tick = 1;
    } else if (text.size() == 17) {
      const int month = number(text, 4, 2), day = number(text, 6, 2);
      if (month < 1 || month > 12 || day < 1 || day > 31) return time;
      const int hour = text[9] == ' ' ? text[10] - '0' : number(text, 9, 2);
      const int64_t days = days_from_civil(number(text, 0, 4), static_cast<unsigned>(month), static_cast<unsigned>(day));
      time.micros = (((days * 24 + hour) * 60 + number(text, 12, 2)) * 60 + number(text, 15, 2)) * 1'000'000;
      time.tick = 1'000'000;
      time = in_zone(time, zone_offset_minutes_);
    }
    return time;
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_offset_minutes_;
  TxBoundary boundary_ = TxBoundary::kExplicit;
  std::string sql_;
  uint64_t without_time_ = 0;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  int lines = 0, rows = 0;
  Row row;
  while (!head.empty() && lines < 2000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    ++lines;
    if (parse_row(line, &row)) ++rows;
  }
  return rows == 0 ? 0 : 990 * rows / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<MariadbAuditReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"20260302 09:15:04,db1,shop,app3,8,0,CONNECT,orders,,0\n"
     "20260302 09:15:04,db1,shop,app3,8,41,WRITE,orders,item,\n"
     "20260302 09:15:04,db1,shop,app3,8,41,QUERY,orders,'UPDATE item\\n   SET note = \\'it\\\\\\'s\\' WHERE id = 17',0\n"
     "20260302 09:15:04,db1,shop,app3,8,42,QUERY,orders,'INSERT INTO item (id) VALUES (17)',1062\n",
     2},
    {"Mar  2 09:15:04 db1 mysql-server_auditing: db1,shop,app3,8,43,QUERY,orders,'COMMIT',0\n", 1},
};

}  // namespace

extern const Format kFormat_mariadb_audit;
const Format kFormat_mariadb_audit{
    .name = "mariadb-audit",
    .summary = "log of MariaDB's server_audit plugin (file or syslog), and Aurora MySQL's",
    .enable =
        "INSTALL SONAME 'server_audit'; SET GLOBAL server_audit_events = 'CONNECT,QUERY', server_audit_query_log_limit = 1048576, "
        "server_audit_logging = ON",
    .engine = Engine::kMariaDb,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
