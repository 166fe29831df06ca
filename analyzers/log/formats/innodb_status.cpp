// InnoDB's reports of deadlocks: SHOW ENGINE INNODB STATUS (as `mysql -E`, as `mysql --batch` with the text in one escaped field, or pasted), and the
// error log with innodb_print_all_deadlocks. In all of them a transaction that took part looks like this:
//
//   TRANSACTION 47, ACTIVE 0 sec starting index read           the id of the transaction; 5.1 has two numbers
//   mysql tables in use 1, locked 1
//   MariaDB thread id 14, OS thread handle 1402, query id 109 localhost 127.0.0.1 app Updating      `MySQL thread id` in MySQL
//   UPDATE acct SET bal=2                                      what it was doing when it had to wait, as it came, over as many lines
//     WHERE id=1                                               as it has, up to 3000 bytes
//   *** WAITING FOR THIS LOCK TO BE GRANTED:                   or RECORD LOCKS, TABLE LOCK, the next line of the error log
//   *** WE ROLL BACK TRANSACTION (1)                           which one lost, counted from the top
//
// Each is a statement known from the report alone, and the loser's has error 1213. MySQL 8 and later write the lines of `***` at a verbosity
// that is often filtered out: then nothing says who lost, and the error of each thread attaches to nothing. The list of transactions
// further down in the status (`---TRANSACTION`) is of those who did not deadlock, and is passed over.

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/completeness.h"
#include "analyzers/log/formats/mysql_log_text.h"
#include "analyzers/log/formats/table_dump.h"
#include "analyzers/log/formats/zone.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxText = 3000;         // max_query_len of lock0lock.cc: a statement longer than that is cut
constexpr size_t kMaxTransactions = 256;  // of one deadlock
constexpr std::string_view kVictim = "*** WE ROLL BACK TRANSACTION (";
constexpr std::string_view kMessage = "Deadlock found when trying to get lock; try restarting transaction";
constexpr std::string_view kUnknownVictim =
    "this transaction was part of a deadlock; the report does not say which of its transactions was rolled back";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits at the start; empty when there are none.
std::string_view digits(std::string_view s) {
  size_t n = 0;
  while (n < s.size() && is_digit(s[n])) ++n;
  return s.substr(0, n);
}

/// `TRANSACTION 47, ACTIVE`: the id.
std::string_view transaction_id(std::string_view line) {
  static constexpr std::string_view kWord = "TRANSACTION ";
  if (!line.starts_with(kWord)) return {};
  line.remove_prefix(kWord.size());
  std::string_view id = digits(line);
  if (id.empty()) return {};
  if (line.substr(id.size()).starts_with(" ")) {
    const std::string_view low = digits(line.substr(id.size() + 1));
    if (!low.empty()) id = line.substr(0, id.size() + 1 + low.size());
  }
  return line.substr(id.size()).starts_with(", ACTIVE") ? id : std::string_view();
}

/// `MySQL thread id 10, OS thread handle …`: the part from the number.
std::string_view thread_part(std::string_view line) {
  for (std::string_view word : {"MySQL thread id ", "MariaDB thread id "}) {
    if (line.starts_with(word) && line.find(", OS thread handle ") != std::string_view::npos) return line.substr(word.size());
  }
  return {};
}

/// The clock at the start of a line of the error log: `2026-11-20T14:32:02.997970Z 0 [`, `2026-11-21  8:12:08 6 [`, `261121  8:12:08 [`.
std::optional<TimePoint> log_time(std::string_view line, int32_t zone_offset_minutes, size_t* size) {
  if (line.size() < 16 || !is_digit(line[0])) return std::nullopt;
  if (const size_t n = mysql_text::time_size(line); n != 0) {
    *size = n;
    return mysql_text::read_time(line.substr(0, n), zone_offset_minutes);
  }
  std::string padded(line.substr(0, 19));
  if (padded.size() == 19 && padded[11] == ' ') padded[11] = '0';
  size_t n = 0;
  auto time = parse_time(padded, &n);
  if (!time || n < 19) return std::nullopt;
  *size = n;
  *time = in_zone(*time, zone_offset_minutes);
  time->tick = 1'000'000;
  return time;
}

/// A line of the server's error log, whose text may be ours: `… 6 [Note] InnoDB: *** WE ROLL BACK TRANSACTION (2)`.
bool is_log_line(std::string_view line, std::string_view* text, TimePoint* time, int32_t zone_offset_minutes, bool* is_innodb = nullptr) {
  size_t size = 0;
  const auto at = log_time(line, zone_offset_minutes, &size);
  if (!at) return false;
  std::string_view rest = line.substr(size);
  const size_t open = rest.find('[');
  if (open == std::string_view::npos || open > 24) return false;
  // `[Note] InnoDB: text`, `[Note] [MY-012468] [InnoDB] text`
  static constexpr std::string_view kEngine[] = {"InnoDB: ", "[InnoDB] "};
  *text = {};
  if (is_innodb != nullptr) *is_innodb = rest.substr(0, 96).find("InnoDB:") != std::string_view::npos;
  for (std::string_view word : kEngine) {
    const size_t found = rest.substr(0, 96).find(word);
    if (found != std::string_view::npos) {
      *text = rest.substr(found + word.size());
      if (is_innodb != nullptr) *is_innodb = true;
      break;
    }
  }
  *time = *at;
  return true;
}

/// Ends the statement of a transaction.
bool ends_statement(std::string_view line) {
  if (line.empty()) return false;
  switch (line[0]) {
    case '*': return line.starts_with("*** ");
    case 'R': return line.starts_with("RECORD LOCKS space id ");
    case 'T': return line.starts_with("TABLE LOCK table ") || !transaction_id(line).empty();
    case '-': return line.starts_with("---TRANSACTION ") || line.starts_with("------------");
    case 'M': return !thread_part(line).empty();
    default: {
      std::string_view text;
      TimePoint time;
      return is_digit(line[0]) && is_log_line(line, &text, &time, INT32_MIN);
    }
  }
}

struct Participant {
  std::string trx, thread, user, sql;
  uint64_t line = 0, sql_line = 0;
  bool truncated = false;
};

struct Event {
  RecordKind kind;
  Participant who;
  uint64_t line = 0;
  bool attaches = false, is_known_victim = false;
  TimePoint time;
};

/// `query id 109 localhost 127.0.0.1 app Updating`, `query id 49 localhost shop Updating`.
std::string_view user_in(std::string_view thread_line) {
  const size_t at = thread_line.find(", query id ");
  if (at == std::string_view::npos) return {};
  std::string_view rest = thread_line.substr(at + 11);
  const auto word = [&] {
    rest = trim(rest);
    const std::string_view w = rest.substr(0, rest.find(' '));
    rest.remove_prefix(w.size());
    return w;
  };
  word();  // the number
  word();  // the host
  std::string_view user = word();
  const bool is_address = user.find_first_not_of("0123456789abcdef.:") == std::string_view::npos &&
                          (user.find('.') != std::string_view::npos || user.find(':') != std::string_view::npos);
  return is_address ? word() : user;
}

/// `mysql --batch -e 'SHOW ENGINE INNODB STATUS'`: one row, the text escaped.
bool is_batch(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  return head.starts_with("Type\tName\tStatus") && head.find("\nInnoDB\t") != std::string_view::npos;
}

class InnodbStatusReader final : public RecordReader {
 public:
  InnodbStatusReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : file_(std::move(lines)), lines_(file_.get()), zone_offset_minutes_(options.zone_offset_minutes) {
    counts_.sampled = true;
    if (!is_batch(file_->head())) return;
    // The lines are those of the text in the field; the file itself stays with us, who opened it asks it for errors.
    std::string text;
    TableRows rows(*file_, {});
    uint64_t line = 1;
    while (rows.next()) {
      const std::string_view status = rows.get(rows.header().find("Status"));
      row_lines_.emplace_back(line, rows.line());
      line += 1 + static_cast<uint64_t>(std::count(status.begin(), status.end(), '\n'));
      text.append(status).push_back('\n');
    }
    text_ = std::make_unique<Lines>(memory_source(std::move(text)));
    lines_ = text_.get();
  }

  bool next(LogRecord& record) override {
    while (events_.empty()) {
      if (!read_line()) {
        tell_incomplete({.boundaries = true}, counts_);
        return false;
      }
    }
    current_ = std::move(events_.front());
    events_.pop_front();
    fill(record);
    return true;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// Takes one line, or the statement that begins at it; false when nothing is left.
  bool read_line() {
    const auto peeked = lines_->peek();
    if (!peeked) {
      if (participants_.empty()) return false;
      close(0, lines_->line_number());
      return !events_.empty();
    }
    std::string_view line = *peeked;
    const uint64_t number = lines_->line_number();
    std::string_view text;
    TimePoint time;
    bool is_innodb = false;
    if (is_log_line(line, &text, &time, zone_offset_minutes_, &is_innodb)) {
      // Between the parts of one report the error log writes nothing else; and what it wrote before one says nothing of its time.
      const bool is_report = is_innodb && (text.empty() || text.starts_with("***"));
      if (!is_report) close(0, number);
      time_ = is_report || icontains(text, "deadlock detected") ? time : TimePoint();
      line = text;
    } else if (expects_time_) {
      size_t size = 0;
      if (const auto at = log_time(line, zone_offset_minutes_, &size)) time_ = *at;
    }
    expects_time_ = line == "LATEST DETECTED DEADLOCK" || (expects_time_ && line.starts_with("---"));
    if (line == "LATEST DETECTED DEADLOCK" || line == "*** (1) TRANSACTION:") close(0, number);
    if (line.starts_with(kVictim)) {
      const std::string_view which = digits(line.substr(kVictim.size()));
      size_t victim = 0;
      for (char c : which.substr(0, 4)) victim = victim * 10 + static_cast<size_t>(c - '0');
      close(victim, number);
    } else if (const std::string_view id = transaction_id(line); !id.empty()) {
      lines_->take();
      in_transaction_ = participants_.size() < kMaxTransactions;
      if (in_transaction_) {
        Participant p;
        p.trx = id;
        p.line = number;
        participants_.push_back(std::move(p));
      }
      return true;
    } else if (const std::string_view thread = thread_part(line); !thread.empty() && in_transaction_) {
      read_thread(thread);
      return true;
    } else if (line.starts_with("---TRANSACTION ") || line == "TRANSACTIONS") {
      close(0, number);
      in_transaction_ = false;
    }
    lines_->take();
    return true;
  }

  /// The line of the thread, and the statement after it.
  void read_thread(std::string_view thread) {
    in_transaction_ = false;
    Participant now = std::move(participants_.back());
    participants_.pop_back();
    now.thread = digits(thread);
    now.user = user_in(thread);
    // A thread waits once: seen again, it is in another deadlock.
    for (const Participant& p : participants_) {
      if (p.thread == now.thread) {
        close(0, now.line);
        break;
      }
    }
    lines_->take();
    lines_->mark();
    now.sql_line = lines_->line_number();
    const size_t text_at = lines_->offset();
    const auto first = lines_->peek();
    bool is_cut = false;
    if (first && !ends_statement(*first)) {
      const auto taken = statement_lines_.take(*lines_, text_at, [&](std::string_view line) {
        if (!ends_statement(line)) return mysql_text::LineKind::kText;
        // A text of full length may end in an open quote, and then the report goes on all the same.
        return lines_->offset() - text_at >= kMaxText ? mysql_text::LineKind::kBanner : mysql_text::LineKind::kHeader;
      });
      is_cut = taken.is_cut;
      now.sql = trim(lines_->since_mark().substr(std::min(text_at, lines_->since_mark().size())));
    }
    now.truncated = is_cut || now.sql.size() >= kMaxText - 1;
    participants_.push_back(std::move(now));
  }

  /// The deadlock is told; `victim` counts from 1, 0 when nothing says.
  void close(size_t victim, uint64_t line) {
    const bool is_deadlock = participants_.size() > 1 || victim != 0;
    for (size_t i = 0; is_deadlock && i < participants_.size(); ++i) {
      const Participant& p = participants_[i];
      if (p.thread.empty()) continue;
      if (victim == 0) events_.push_back({RecordKind::kError, p, p.line, false, false, time_});
      if (!p.sql.empty()) events_.push_back({RecordKind::kStatement, p, p.sql_line, false, false, time_});
    }
    if (victim != 0 && victim <= participants_.size() && !participants_[victim - 1].thread.empty()) {
      const Participant& p = participants_[victim - 1];
      events_.push_back({RecordKind::kError, p, line, !p.sql.empty(), true, time_});
    }
    participants_.clear();
    in_transaction_ = false;
  }

  /// Lines of a text that was unescaped out of a row are all at that row.
  [[nodiscard]] uint64_t line_of_file(uint64_t line) const {
    if (text_ == nullptr) return line;
    uint64_t of_row = 1;
    for (const auto& [first, row] : row_lines_) {
      if (first <= line) of_row = row;
    }
    return of_row;
  }

  void fill(LogRecord& record) {
    record = LogRecord{};
    ++counts_.records;
    const Participant& p = current_.who;
    record.kind = current_.kind;
    record.line = line_of_file(current_.line);
    record.session = p.thread;
    record.user = p.user;
    record.txid = p.trx;
    record.end_time = current_.time;
    if (current_.kind == RecordKind::kStatement) {
      record.sql = p.sql;
      record.truncated = p.truncated;
      ++counts_.statements;
      if (p.truncated) ++counts_.truncated_statements;
      return;
    }
    record.attaches = current_.attaches;
    if (record.attaches) record.about_line = line_of_file(p.sql_line);
    record.has_error = true;
    record.error_code = "1213";
    record.error_message = current_.is_known_victim ? kMessage : kUnknownVictim;
    if (!record.attaches) record.sql = p.sql;
  }

  std::unique_ptr<Lines> file_, text_;
  Lines* lines_;                                          // one of them
  std::vector<std::pair<uint64_t, uint64_t>> row_lines_;  // where each row's text begins in text_, and the row in the file
  int32_t zone_offset_minutes_;
  mysql_text::StatementLines statement_lines_;
  std::vector<Participant> participants_;
  std::deque<Event> events_;
  Event current_{};
  TimePoint time_;
  bool in_transaction_ = false, expects_time_ = false;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  if (is_batch(head)) return 970;
  int lines = 0, blocks = 0, ours = 0;
  bool in_transaction = false, has_title = false;
  while (!head.empty() && lines < 4000) {
    const size_t newline = head.find('\n');
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    ++lines;
    std::string_view text;
    TimePoint time;
    if (line.ends_with(" INNODB MONITOR OUTPUT")) has_title = true;
    if (!transaction_id(line).empty()) {
      in_transaction = true;
      ++ours;
    } else if (in_transaction && !thread_part(line).empty()) {
      in_transaction = false;
      ++blocks;
      ++ours;
    } else if (blocks > 0 || has_title || ends_statement(line) || is_log_line(line, &text, &time, INT32_MIN)) {
      ++ours;
    }
  }
  if (blocks == 0) return has_title ? 700 : 0;
  return 900 * ours / lines;
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<InnodbStatusReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"LATEST DETECTED DEADLOCK\n------------------------\n2026-03-02 09:15:04 0x7f01\n*** (1) TRANSACTION:\n"
     "TRANSACTION 91, ACTIVE 0 sec starting index read\nmysql tables in use 1, locked 1\n"
     "MySQL thread id 8, OS thread handle 13911, query id 41 app3 10.0.3.9 shop updating\nUPDATE item SET stock = 2 WHERE id = 17\n"
     "*** (2) TRANSACTION:\nTRANSACTION 90, ACTIVE 1 sec starting index read\n"
     "MySQL thread id 9, OS thread handle 13912, query id 40 app3 10.0.3.9 shop updating\nUPDATE item SET stock = 2\n WHERE id = 18\n"
     "*** WE ROLL BACK TRANSACTION (2)\n",
     2},
};

}  // namespace

extern const Format kFormat_innodb_status;
const Format kFormat_innodb_status{
    .name = "innodb-status",
    .summary = "InnoDB's deadlock reports: SHOW ENGINE INNODB STATUS, or the error log of MySQL or MariaDB",
    .enable = "SET GLOBAL innodb_print_all_deadlocks = ON (MySQL 8 and later: log_error_verbosity = 3 names the victim)",
    .engine = Engine::kMySql,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
