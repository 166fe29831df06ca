// The general query log of MySQL and MariaDB. An entry is `TIME <TAB> ID COMMAND <TAB> ARGUMENT`; MariaDB and MySQL up to 5.6 print the time
// only when its second changed. The argument is written as it came, so a statement's own lines stand at column 0 with no mark, and a literal
// may hold a line that looks exactly like an entry. What tells them apart is the quote the literal stands in: a header-shaped line inside an
// open quote or comment of the statement before it belongs to that statement.
//
// But a statement can really be cut in a literal (the server died, the disk was full), and a server with NO_BACKSLASH_ESCAPES writes '\'
// for one backslash, which reads as an open quote. So the quote is believed only for so long: when it has not closed after 64 header-shaped
// lines or 64 KiB, the statement ends before the first of those lines and they are read again as entries. After eight such disappointments
// headers are always believed. At the end of the log an open quote is believed: better a statement marked as cut than one nobody sent.

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr int kMaxSwallowedHeaders = 64;
constexpr size_t kMaxSwallowedBytes = size_t{64} << 10;
constexpr int kMaxDisappointments = 8;
constexpr size_t kMaxSessions = 16384;  // in each of the two generations

bool is_digit(char c) { return c >= '0' && c <= '9'; }
int two(const char* p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

enum class Command : uint8_t { kQuery, kExecute, kPrepare, kConnect, kQuit, kInitDb, kChangeUser, kResetConnection, kOther };

struct CommandName {
  std::string_view name;
  Command command;
};
/// command_name[] of sql_parse.cc, both servers, all versions since 5.0. Longer names before their own beginnings.
constexpr CommandName kCommands[] = {
    {"Query", Command::kQuery},
    {"Execute", Command::kExecute},
    {"Prepare", Command::kPrepare},
    {"Connect Out", Command::kOther},
    {"Connect", Command::kConnect},
    {"Quit", Command::kQuit},
    {"Close stmt", Command::kOther},
    {"Reset stmt", Command::kOther},
    {"Init DB", Command::kInitDb},
    {"Ping", Command::kOther},
    {"Statistics", Command::kOther},
    {"Field List", Command::kOther},
    {"Change user", Command::kChangeUser},
    {"Reset Connection", Command::kResetConnection},
    {"Reset connection", Command::kResetConnection},
    {"Bulk_execute", Command::kExecute},
    {"Long Data", Command::kOther},
    {"Fetch", Command::kOther},
    {"Set option", Command::kOther},
    {"Kill", Command::kOther},
    {"Processlist", Command::kOther},
    {"Process info", Command::kOther},
    {"Refresh", Command::kOther},
    {"Shutdown", Command::kOther},
    {"Create DB", Command::kOther},
    {"Drop DB", Command::kOther},
    {"Debug", Command::kOther},
    {"Sleep", Command::kOther},
    {"Time", Command::kOther},
    {"Delayed insert", Command::kOther},
    {"Binlog Dump GTID", Command::kOther},
    {"Binlog Dump", Command::kOther},
    {"Table Dump", Command::kOther},
    {"Register Slave", Command::kOther},
    {"Register Replica", Command::kOther},
    {"Daemon", Command::kOther},
    {"Slave_worker", Command::kOther},
    {"Slave_IO", Command::kOther},
    {"Slave_SQL", Command::kOther},
    {"Com_multi", Command::kOther},
    {"Unimpl get tid", Command::kOther},
    {"Clone", Command::kOther},
    {"clone", Command::kOther},
    {"Group Replication Data Stream subscription", Command::kOther},
    {"Subscribe Group Replication Stream", Command::kOther},
    {"Error", Command::kOther},
};

/// A line taken apart as the first of an entry.
struct Header {
  std::string_view time;  ///< empty: as before
  std::string_view id;
  std::string_view command_name;
  Command command = Command::kOther;
  size_t argument_at = 0;
};

/// Bytes of `2026-11-20T14:32:11.727446Z` or `161106  1:33:11` at the start of a line; 0 when there is none.
size_t time_size(std::string_view s) {
  static constexpr std::string_view kIso = "dddd-dd-ddTdd:dd:dd";
  static constexpr std::string_view kOld = "dddddd bd:dd:dd";
  const auto has_shape = [&](std::string_view shape) {
    if (s.size() < shape.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 'd' ? !is_digit(s[i]) : shape[i] == 'b' ? !is_digit(s[i]) && s[i] != ' ' : s[i] != shape[i]) return false;
    }
    return true;
  };
  if (s.size() > 6 && s[6] == ' ') return has_shape(kOld) ? kOld.size() : 0;
  if (!has_shape(kIso)) return 0;
  size_t at = kIso.size();
  if (at < s.size() && s[at] == '.') {
    for (++at; at < s.size() && is_digit(s[at]) && at < kIso.size() + 10; ++at) {
    }
  }
  if (at < s.size() && s[at] == 'Z') return at + 1;
  if (at + 6 <= s.size() && (s[at] == '+' || s[at] == '-') && is_digit(s[at + 1]) && is_digit(s[at + 2]) && s[at + 3] == ':' &&
      is_digit(s[at + 4]) && is_digit(s[at + 5])) {
    return at + 6;
  }
  return 0;
}

bool parse_header(std::string_view line, Header* header) {
  if (line.size() < 8) return false;
  size_t at = 0;
  if (line[0] == '\t') {
    if (line[1] != '\t') return false;
    at = 2;
    header->time = {};
  } else if (is_digit(line[0])) {
    at = time_size(line);
    if (at == 0 || at >= line.size() || line[at] != '\t') return false;
    header->time = line.substr(0, at);
    ++at;
  } else {
    return false;
  }
  while (at < line.size() && line[at] == ' ') ++at;
  const size_t id_at = at;
  while (at < line.size() && is_digit(line[at])) ++at;
  if (at == id_at || at - id_at > 20 || at >= line.size() || line[at] != ' ') return false;
  header->id = line.substr(id_at, at - id_at);
  const std::string_view rest = line.substr(at + 1);
  for (const CommandName& candidate : kCommands) {
    if (rest.empty() || rest[0] != candidate.name[0] || !rest.starts_with(candidate.name)) continue;
    if (rest.size() > candidate.name.size() && rest[candidate.name.size()] != '\t') continue;
    header->command = candidate.command;
    header->command_name = candidate.name;
    header->argument_at = std::min(line.size(), at + 1 + candidate.name.size() + 1);
    return true;
  }
  return false;
}

bool is_banner(std::string_view line) { return line.ends_with("started with:") && line.find(", Version: ") != std::string_view::npos; }
bool is_banner_rest(std::string_view line) {
  return line.starts_with("Tcp port: ") || line.starts_with("TCP Port: ") ||
         (line.starts_with("Time") && line.find("Id Command") != std::string_view::npos && line.ends_with("Argument"));
}

/// Is a quote or a comment of an SQL text open at its end? Fed in pieces.
class QuoteState {
 public:
  void reset() { open_ = 0; }
  [[nodiscard]] bool is_open() const { return open_ != 0 && open_ != '\n'; }
  void feed(std::string_view s) {
    const char* p = s.data();
    const char* const end = p + s.size();
    while (p < end) {
      switch (open_) {
        case 0:
          while (p < end && !kSpecial[static_cast<unsigned char>(*p)]) ++p;
          if (p == end) return;
          switch (*p) {
            case '#': open_ = '\n'; break;
            case '-':
              if (end - p > 1 && p[1] == '-' && (end - p == 2 || static_cast<unsigned char>(p[2]) <= ' ')) open_ = '\n';
              break;
            case '/':
              if (end - p > 1 && p[1] == '*') {
                open_ = '*';
                ++p;
              }
              break;
            default: open_ = *p;
          }
          ++p;
          break;
        case '\n': {
          const void* newline = std::memchr(p, '\n', static_cast<size_t>(end - p));
          if (newline == nullptr) return;
          p = static_cast<const char*>(newline) + 1;
          open_ = 0;
          break;
        }
        case '*': {
          const void* star = std::memchr(p, '*', static_cast<size_t>(end - p));
          if (star == nullptr) return;
          p = static_cast<const char*>(star) + 1;
          if (p < end && *p == '/') {
            ++p;
            open_ = 0;
          }
          break;
        }
        case '`': {
          const void* quote = std::memchr(p, '`', static_cast<size_t>(end - p));
          if (quote == nullptr) return;
          p = static_cast<const char*>(quote) + 1;
          open_ = 0;
          break;
        }
        default:
          // A doubled quote closes and opens again: the same in the end.
          while (p < end && *p != open_ && *p != '\\') ++p;
          if (p == end) return;
          if (*p == '\\') {
            p += end - p > 1 ? 2 : 1;
          } else {
            ++p;
            open_ = 0;
          }
      }
    }
  }

 private:
  static constexpr std::array<bool, 256> kSpecial = [] {
    std::array<bool, 256> special{};
    for (char c : {'\'', '"', '`', '#', '-', '/'}) special[static_cast<unsigned char>(c)] = true;
    return special;
  }();
  char open_ = 0;  // the closing quote, '*' of a block comment, '\n' of a line comment
};

/// The word behind white space at the start of a statement.
bool starts_with_word(std::string_view sql, std::string_view word) {
  while (!sql.empty() && (sql[0] == ' ' || sql[0] == '\t' || sql[0] == '\n' || sql[0] == '\r')) sql.remove_prefix(1);
  return sql.size() > word.size() && ascii_lower(sql[0]) == word[0] && istarts_with(sql, word) &&
         std::string_view(" \t\r\n`").find(sql[word.size()]) != std::string_view::npos;
}

class MysqlGeneralReader final : public RecordReader {
 public:
  MysqlGeneralReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), zone_offset_minutes_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    for (;;) {
      if (!look()) {
        finish();
        return false;
      }
      if (is_header_) break;
      if (is_banner(line_)) {
        note_banner(line_);
      } else if (!line_.empty() && !is_banner_rest(line_)) {
        ++counts_.unrecognised_lines;
      }
      take();
    }
    lines_->mark();
    const Header header = header_;
    const uint64_t line_number = lines_->line_number();
    take();
    const bool has_sql = header.command == Command::kQuery || header.command == Command::kExecute || header.command == Command::kPrepare;
    const bool was_given_up = take_continuations(header.argument_at, has_sql);

    ++counts_.records;
    const std::string_view whole = lines_->since_mark();
    record = LogRecord{};
    record.line = line_number;
    record.session = header.id;
    record.tx_boundary = TxBoundary::kExplicit;
    read_time(header.time);
    record.time = time_;
    record.truncated = lines_->record_was_cut() || was_given_up;
    fill(record, header, whole.substr(std::min(header.argument_at, whole.size())));
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  struct Session {
    std::string user, database;
  };

  bool look() {
    if (has_line_) return true;
    const auto line = lines_->peek();
    if (!line) return false;
    line_ = *line;
    is_header_ = parse_header(line_, &header_);
    has_line_ = true;
    return true;
  }
  void take() {
    lines_->take();
    has_line_ = false;
  }

  /// Takes the lines that belong to the entry; true when the statement ends in an open quote: it is cut.
  bool take_continuations(size_t argument_at, bool has_sql) {
    QuoteState quotes;
    size_t fed = argument_at;
    size_t first_at = 0;  // of the header-shaped lines swallowed; 0: none
    uint64_t first_line = 0;
    int swallowed = 0;
    const auto is_quote_open = [&] {
      const std::string_view whole = lines_->since_mark();
      if (whole.size() > fed) {
        quotes.feed(whole.substr(fed));
        quotes.feed("\n");
        fed = std::min(whole.size() + 1, lines_->offset());
      }
      return quotes.is_open();
    };
    const auto give_up = [&] {
      lines_->rewind(first_at, first_line);
      has_line_ = false;
      ++disappointments_;
      return true;
    };
    const bool tracks_quotes = has_sql && disappointments_ < kMaxDisappointments;
    while (look()) {
      if (is_header_) {
        if (!tracks_quotes || lines_->record_was_cut() || !is_quote_open()) return false;
        if (first_at == 0) {
          first_at = lines_->offset();
          first_line = lines_->line_number();
        }
        if (++swallowed > kMaxSwallowedHeaders) return give_up();
      } else if (is_banner(line_)) {
        return tracks_quotes && !lines_->record_was_cut() && is_quote_open();
      } else if (!has_sql && !line_.empty()) {
        ++counts_.unrecognised_lines;
      }
      if (first_at != 0) {
        if (lines_->offset() - first_at > kMaxSwallowedBytes && !lines_->record_was_cut()) {
          if (is_quote_open()) return give_up();
          first_at = 0;
          swallowed = 0;
        }
      }
      take();
    }
    return first_at != 0 && (lines_->record_was_cut() || is_quote_open());
  }

  void read_time(std::string_view text) {
    if (text.empty()) return;
    if (text.size() > 15) {
      if (const auto time = parse_time(text)) {
        time_ = *time;
        time_.tick = text.find('.') == std::string_view::npos ? 1'000'000 : 1;
      }
      return;
    }
    const char* p = text.data();
    const int year = two(p) + (two(p) < 70 ? 2000 : 1900);
    const int month = two(p + 2), day = two(p + 4);
    const int hour = p[7] == ' ' ? p[8] - '0' : two(p + 7);
    if (month < 1 || month > 12 || day < 1 || day > 31) return;
    const int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
    time_.micros = (((days * 24 + hour) * 60 + two(p + 10)) * 60 + two(p + 13)) * 1'000'000;
    time_.tick = 1'000'000;
    time_.zone_known = zone_offset_minutes_ != INT32_MIN;
    if (time_.zone_known) time_.micros -= int64_t{zone_offset_minutes_} * 60'000'000;
  }

  void fill(LogRecord& record, const Header& header, std::string_view argument) {
    Session& session = session_of(header.id);
    record.user = session.user;
    record.database = session.database;
    switch (header.command) {
      case Command::kQuery:
        // SQL-level PREPARE and EXECUTE are followed by entries of their own, `Prepare` and `Execute`, with the text that counts.
        if (starts_with_word(argument, "prepare") || starts_with_word(argument, "execute")) break;
        statement(record, argument, Protocol::kSimple);
        if (starts_with_word(argument, "use")) {
          previous_database_ = session.database;  // the record's view of it must outlive the change
          record.database = previous_database_;
          use(session, argument);
        }
        break;
      case Command::kExecute: statement(record, argument, Protocol::kExtended); break;
      case Command::kConnect:
      case Command::kChangeUser: connect(record, session, argument, header.command == Command::kConnect); break;
      case Command::kQuit: record.kind = RecordKind::kDisconnect; break;
      case Command::kResetConnection: record.kind = RecordKind::kDisconnect; break;
      case Command::kInitDb:
        session.database = argument;
        record.database = session.database;
        break;
      case Command::kPrepare:
      case Command::kOther: break;
    }
  }

  void statement(LogRecord& record, std::string_view sql, Protocol protocol) {
    record.kind = RecordKind::kStatement;
    record.sql = sql;
    record.protocol = protocol;
    ++counts_.statements;
    if (record.truncated) ++counts_.truncated_statements;
    if (!record.time.known()) ++without_time_;
  }

  /// `USE db`, `use `db`;`: of the statements that follow.
  static void use(Session& session, std::string_view sql) {
    std::string_view name = trim(sql);
    name = trim(name.substr(3));
    while (name.ends_with(";")) name = trim(name.substr(0, name.size() - 1));
    if (name.size() >= 2 && name.front() == '`' && name.back() == '`') name = name.substr(1, name.size() - 2);
    if (name.size() <= 256 && name.find('\n') == std::string_view::npos) session.database = name;
  }

  /// `app@localhost on shop using TCP/IP`, `root@localhost as anonymous on shop`, `app@localhost on  using Socket`,
  /// `Access denied for user 'app'@'localhost' (using password: YES)`.
  void connect(LogRecord& record, Session& session, std::string_view argument, bool is_new) {
    if (argument.starts_with("Access denied")) {
      record.kind = RecordKind::kDisconnect;
      record.has_error = true;
      record.error_code = "1045";
      record.error_message = argument;
      return;
    }
    const size_t newline = argument.find('\n');
    std::string_view rest = argument.substr(0, newline);
    const size_t on = rest.find(" on ");
    const std::string_view who = rest.substr(0, std::min(on, rest.find(" as ")));
    session.user = who.substr(0, std::min<size_t>(who.rfind('@'), 256));
    session.database.clear();
    if (on != std::string_view::npos) {
      std::string_view name = rest.substr(on + 4);
      const size_t transport = name.rfind(" using ");
      if (transport != std::string_view::npos) name = name.substr(0, transport);
      session.database = trim(name).substr(0, 256);
    }
    // COM_CHANGE_USER rolls back and forgets the session: what came before was somebody else's.
    record.kind = is_new ? RecordKind::kConnect : RecordKind::kDisconnect;
    record.user = session.user;
    record.database = session.database;
  }

  Session& session_of(std::string_view id) {
    if (last_session_ != nullptr && id == key_) return *last_session_;
    key_ = id;
    auto found = young_.find(key_);
    if (found == young_.end()) {
      if (young_.size() >= kMaxSessions) {
        old_ = std::move(young_);
        young_.clear();
      }
      auto node = old_.extract(key_);
      found = node.empty() ? young_.try_emplace(key_).first : young_.insert(std::move(node)).position;
    }
    last_session_ = &found->second;
    return *last_session_;
  }

  void note_banner(std::string_view line) { counts_.engine = icontains(line, "mariadb") ? Engine::kMariaDb : Engine::kMySql; }

  void finish() {
    counts_.incomplete.clear();
    if (counts_.statements > 0 && without_time_ * 2 > counts_.statements) counts_.incomplete.emplace_back("no-time");
    if (counts_.truncated_statements > 0) counts_.incomplete.emplace_back("truncated");
  }

  std::unique_ptr<Lines> lines_;
  int32_t zone_offset_minutes_;
  std::string_view line_;  // what peek() shows, taken apart once
  Header header_;
  bool is_header_ = false, has_line_ = false;
  int disappointments_ = 0;
  TimePoint time_;
  std::unordered_map<std::string, Session> young_, old_;
  std::string key_;
  Session* last_session_ = nullptr;
  std::string previous_database_;
  uint64_t without_time_ = 0;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  int lines = 0, before = 0, headers = 0;
  bool has_banner = false;
  Header header;
  while (!head.empty() && lines < 2000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (is_banner(line) || is_banner_rest(line)) {
      has_banner = has_banner || is_banner(line);
      continue;
    }
    ++lines;
    if (parse_header(line, &header)) {
      ++headers;
    } else if (headers == 0) {
      ++before;
    }
  }
  // The slow log opens with the same banner. A banner alone is a server that was started and never asked.
  if (headers == 0) return has_banner && lines == 0 ? 600 : 0;
  return 960 * (lines - before) / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<MysqlGeneralReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-03-02T09:15:04.118227Z\t    8 Connect\tshop@10.0.3.9 on orders using SSL/TLS\n"
     "2026-03-02T09:15:04.119002Z\t    8 Query\tSTART TRANSACTION\n"
     "2026-03-02T09:15:04.120411Z\t    8 Prepare\tSELECT stock FROM item WHERE id = ?\n"
     "2026-03-02T09:15:04.120733Z\t    8 Execute\tSELECT stock FROM item WHERE id = 17\n"
     "2026-03-02T09:15:04.131975Z\t    8 Quit\t\n",
     2},
    {"260302  9:15:04\t   12 Query\tUPDATE item\n   SET stock = stock - 1\n WHERE id = 17\n\t\t   12 Query\tCOMMIT\n", 2},
};

}  // namespace

extern const Format kFormat_mysql_general;
const Format kFormat_mysql_general{
    .name = "mysql-general",
    .summary = "general query log of MySQL and MariaDB",
    .enable = "SET GLOBAL general_log = ON, log_output = 'FILE'",
    .engine = Engine::kMySql,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
