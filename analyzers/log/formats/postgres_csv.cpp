// The server's csvlog (csvlog.c, write_csvlog). One row an entry, rows end with LF, columns in this order:
//
//   log_time, user_name, database_name, process_id, connection_from, session_id, session_line_num, command_tag, session_start_time,
//   virtual_transaction_id, transaction_id, error_severity, sql_state_code, message, detail, hint, internal_query, internal_query_pos,
//   context, query, query_pos, location, application_name[, backend_type[, leader_pid, query_id]]
//
// 9.0 to 12 write 23 columns, 13 writes 24, since 14 there are 26; more are let pass. Columns the server fills with text are always quoted when
// they are there at all, `"` is doubled and line ends stand as they are; other writers (psql's COPY, spreadsheets, managed servers' exports) quote
// everything or only where they must. So a row is found by the state of its quotes and never by its lines.
//
// Where a quote stands is checked as it is met: it opens at the start of a column, it closes before a comma or at the end of a line. A row cut
// by a crash or a rotation therefore shows itself in the very line where the next row begins, and reading goes on there. Looking for that place a
// row counts only if its message is quoted: inside a quoted text of somebody's making, a quote would be two.
//
// `command_tag` is the state of the session before a simple statement (`idle`, `idle in transaction`), and its verb otherwise.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/postgres_entry.h"
#include "analyzers/log/reader.h"

namespace dbaudit {
namespace {

using namespace header_text;

enum Column : size_t {
  kLogTime,
  kUser,
  kDatabase,
  kPid,
  kConnectionFrom,
  kSessionId,
  kSessionLine,
  kCommandTag,
  kSessionStart,
  kVirtualTransaction,
  kTransaction,
  kSeverity,
  kSqlState,
  kMessage,
  kDetail,
  kHint,
  kInternalQuery,
  kInternalQueryPos,
  kContext,
  kQuery,
  kQueryPos,
  kLocation,
  kApplication,
  kBackendType,
  kLeaderPid,
  kQueryId,
  kKeptColumns,
  kFewestColumns = kBackendType,
  kMostColumns = 64,
};

/// The columns of one row, fed line by line.
class CsvRow {
 public:
  struct Field {
    size_t begin = 0, end = 0;            // offsets from the start of the row
    size_t text_begin = 0, text_end = 0;  // of a quoted one instead: in texts_
    bool is_quoted = false;
  };
  enum class State : uint8_t { kWhole, kOpen, kBroken };

  void clear() {
    count_ = texts_size_ = end_ = 0;
    is_open_ = false;
  }
  /// `line` starts at offset `base` of the row. kOpen: a quoted text goes on in the next line.
  State add(std::string_view line, size_t base);

  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] const Field& operator[](size_t i) const { return fields_[i]; }
  /// A column's bytes. Of a quoted one, with `""` as `"`: good until the next clear(). `row`: the row's bytes as they stand in the log.
  [[nodiscard]] std::string_view text(size_t i, std::string_view row) const {
    if (i >= count_) return {};
    const Field& field = fields_[i];
    if (field.is_quoted) return {texts_.get() + field.text_begin, field.text_end - field.text_begin};
    const size_t end = std::min(field.end, row.size());
    return {row.data() + std::min(field.begin, end), end - std::min(field.begin, end)};
  }

 private:
  bool add_quoted(const char*& p, const char* end);
  void make_room(size_t size);

  std::array<Field, kKeptColumns + 1> fields_;  // the last one for those that are let pass
  size_t count_ = 0;
  bool is_open_ = false;
  std::unique_ptr<char[]> texts_;  // one behind the other
  size_t texts_size_ = 0, texts_capacity_ = 0;
  size_t end_ = 0;  // of the line added last, by offset
};

/// The first comma or quote in [p, end).
const char* find_comma_or_quote(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(',')), _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
    if (const auto bits = static_cast<unsigned>(_mm_movemask_epi8(found)); bits != 0) return p + std::countr_zero(bits);
  }
#endif
  while (p < end && *p != ',' && *p != '"') ++p;
  return p;
}

/// Room for `size` more bytes of text, and a register's worth behind them.
void CsvRow::make_room(size_t size) {
  constexpr size_t kRegister = 16;
  if (texts_capacity_ >= texts_size_ + size + kRegister) return;
  texts_capacity_ = 2 * (texts_size_ + size) + 4096;
  std::unique_ptr<char[]> larger(new char[texts_capacity_]);
  if (texts_size_ != 0) std::memcpy(larger.get(), texts_.get(), texts_size_);
  texts_ = std::move(larger);
}

/// Copies a quoted text to its closing quote, `""` as `"`. True when it was found: `p` is behind it. ORMs quote every name, so a pair stands every few
/// bytes: too near for a search from one to the next to pay.
bool CsvRow::add_quoted(const char*& p, const char* end) {
  char* out = texts_.get() + texts_size_;
  bool is_closed = false;
#if defined(__SSE2__)
  const __m128i quotes = _mm_set1_epi8('"');
  for (const char* const last = end - std::min<ptrdiff_t>(end - p, 17); p < last;) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), x);
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, quotes)));
    if (found == 0) {
      p += 16;
      out += 16;
      continue;
    }
    const auto before = static_cast<size_t>(std::countr_zero(found));
    is_closed = p[before + 1] != '"';
    if (is_closed) {
      p += before + 1;
      out += before;
      break;
    }
    p += before + 2;
    out += before + 1;  // one of the two was copied with what came before
  }
#endif
  while (!is_closed && p < end) {
    if (*p != '"') {
      *out++ = *p++;
    } else if (++p < end && *p == '"') {
      *out++ = *p++;
    } else {
      is_closed = true;
    }
  }
  texts_size_ = static_cast<size_t>(out - texts_.get());
  return is_closed;
}

CsvRow::State CsvRow::add(std::string_view line, size_t base) {
  const char* p = line.data();
  const char* const end = p + line.size();
  const auto offset = [start = line.data(), base](const char* at) { return base + static_cast<size_t>(at - start); };
  make_room(line.size() + 2);
  if (is_open_ && base > end_) {  // the line's end is the text's: LF or CR LF
    if (base - end_ == 2) texts_[texts_size_++] = '\r';
    texts_[texts_size_++] = '\n';
  }
  end_ = base + line.size();
  size_t count = count_;
  const auto leave = [&](State state) {
    count_ = count;
    is_open_ = state == State::kOpen;
    return state;
  };
  for (bool is_open = is_open_;; is_open = false) {
    if (!is_open) {
      if (count >= kMostColumns) return leave(State::kBroken);
      Field& field = fields_[std::min<size_t>(count++, kKeptColumns)];
      field.is_quoted = p < end && *p == '"';
      if (!field.is_quoted) {
        field.begin = offset(p);
        if (p == end || *p != ',') p = find_comma_or_quote(p, end);  // most columns are empty
        field.end = offset(p);
        if (p == end) return leave(State::kWhole);
        if (*p == '"') return leave(State::kBroken);
        ++p;
        continue;
      }
      ++p;
      field.text_begin = texts_size_;
    }
    const bool is_closed = add_quoted(p, end);
    fields_[std::min<size_t>(count - 1, kKeptColumns)].text_end = texts_size_;
    if (!is_closed) return leave(State::kOpen);
    if (p == end) return leave(State::kWhole);
    if (*p != ',') return leave(State::kBroken);
    ++p;
  }
}

bool is_time_text(std::string_view s) {
  static constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  if (s.size() < kShape.size() + 1) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !is_digit(s[i]) : s[i] != kShape[i]) return false;
  }
  return true;
}

/// `6b005874.6904`
bool is_session_id(std::string_view s) {
  const size_t high = hex_at(s, 0);
  return high >= 4 && high + 1 < s.size() && s[high] == '.' && high + 1 + hex_at(s, high + 1) == s.size();
}

/// Could a row begin here? Decided by its first bytes alone.
bool may_begin_row(std::string_view line) {
  if (!line.empty() && line[0] == '"') line.remove_prefix(1);
  return !line.empty() && is_digit(line[0]) && is_time_text(line);
}

/// Is this the beginning of a csvlog row, as far as it goes? At least up to the message. `bytes`: as CsvRow::text() wants them.
bool is_row(const CsvRow& row, std::string_view bytes, const PrefixClock& clock) {
  if (row.count() <= kMessage) return false;
  const std::string_view time = row.text(kLogTime, bytes), pid = row.text(kPid, bytes);
  return (clock.is_same_second(time) || is_time_text(time)) && !pid.empty() && digits_at(pid, 0) == pid.size() &&
         is_session_id(row.text(kSessionId, bytes)) && severity_of_name(row.text(kSeverity, bytes)).has_value() &&
         row.text(kSqlState, bytes).size() == 5;
}

class PostgresCsvReader final : public RecordReader {
 public:
  PostgresCsvReader(std::unique_ptr<Lines> lines, const ReaderOptions& options)
      : lines_(std::move(lines)), clock_(options.zone_offset_minutes) {}

  bool next(LogRecord& record) override {
    while (find_row()) {
      record = LogRecord{};
      sessions_.convert(entry_, record, counts_);
      return true;
    }
    sessions_.finish(counts_);
    return false;
  }

  [[nodiscard]] const ReaderCounts& counts() const override { return counts_; }

 private:
  /// Reads rows until one is an entry, and makes it entry_; false at the end.
  bool find_row() {
    while (const auto first = lines_->peek()) {
      if (!clock_.is_same_second(*first) && !may_begin_row(*first)) {
        // The names of the columns, written by COPY … HEADER, are no entry and no surprise.
        if (!first->empty() && !first->starts_with("log_time,")) {
          ++counts_.unrecognised_lines;
          is_lost_ = true;
        }
        lines_->take();
        continue;
      }
      lines_->mark();
      const uint64_t line_number = lines_->line_number();
      row_.clear();
      std::string_view line = *first;
      size_t base = 0;
      CsvRow::State state = CsvRow::State::kOpen;
      for (;;) {
        state = row_.add(line, base);
        if (state == CsvRow::State::kBroken && base != 0 && may_begin_row(line)) break;  // not taken: the next row
        lines_->take();
        last_size_ = line.size();
        last_base_ = base;
        if (state != CsvRow::State::kOpen) break;
        const auto more = lines_->peek();
        if (!more) break;
        line = *more;
        base = lines_->offset();
        if (lines_->record_was_cut()) break;
      }
      const bool was_cut = lines_->record_was_cut();
      const std::string_view bytes = lines_->since_mark();
      if (was_cut) {  // the row has more than there is
        row_.clear();
        row_.add(bytes, 0);
      }
      bool is_good = (state == CsvRow::State::kWhole && row_.count() >= kFewestColumns) || (was_cut && row_.count() > kMessage);
      is_good = is_good && is_row(row_, bytes, clock_) && (!is_lost_ || row_[kMessage].is_quoted || !has_quoted_message_);
      if (!is_good) {
        counts_.unrecognised_lines += std::max<uint64_t>(1, lines_->line_number() - line_number);
        is_lost_ = true;
        continue;
      }
      is_lost_ = was_cut;
      has_quoted_message_ = has_quoted_message_ || row_[kMessage].is_quoted;
      fill(bytes, line_number, was_cut);
      return true;
    }
    return false;
  }

  void fill(std::string_view bytes, uint64_t line_number, bool was_cut) {
    // A log in DOS clothes: every LF of it, those inside texts too, got a CR.
    const bool is_dos = !was_cut && row_has_lines() && lines_->offset() == last_base_ + last_size_ + 2;
    text_.clear();
    if (is_dos && text_.capacity() < bytes.size()) text_.reserve(bytes.size());
    const auto text = [&](size_t i) {
      const std::string_view plain = row_.text(i, bytes);
      return is_dos && plain.find('\r') != std::string_view::npos ? with_plain_newlines(plain) : plain;
    };
    entry_.line = line_number;
    entry_.was_cut = was_cut;
    entry_.severity = *severity_of_name(text(kSeverity));
    PrefixFields& p = entry_.prefix;
    p.time = TimePoint{};
    clock_.read(text(kLogTime), &p.time);
    p.user = known(text(kUser));
    p.database = known(text(kDatabase));
    p.pid = text(kPid);
    p.remote = text(kConnectionFrom);
    p.session_id = text(kSessionId);
    p.command_tag = text(kCommandTag);
    p.vxid = text(kVirtualTransaction);
    p.sqlstate = text(kSqlState);
    p.app = known(text(kApplication));
    entry_.message = text(kMessage);
    entry_.detail = text(kDetail);
    entry_.context = text(kContext);
    entry_.statement = text(kQuery);
    entry_.has_detail = !entry_.detail.empty();
    entry_.has_context = !entry_.context.empty();
    entry_.has_statement = !entry_.statement.empty();
    entry_.backend_type = text(kBackendType);
  }

  [[nodiscard]] bool row_has_lines() const { return last_base_ != 0; }

  /// CRLF as LF. text_ has room for the whole row.
  std::string_view with_plain_newlines(std::string_view text) {
    const size_t start = text_.size();
    for (size_t from = 0; from < text.size();) {
      const size_t cr = std::min(text.find('\r', from), text.size());
      text_.append(text.substr(from, cr - from));
      if (cr < text.size() && (cr + 1 == text.size() || text[cr + 1] != '\n')) text_ += '\r';
      from = cr + 1;
    }
    return std::string_view(text_).substr(start);
  }

  std::unique_ptr<Lines> lines_;
  PrefixClock clock_;
  CsvRow row_;
  size_t last_base_ = 0, last_size_ = 0;  // of the row's last line
  bool is_lost_ = false;                  // what came before was no row: the next one must be beyond doubt
  bool has_quoted_message_ = false;
  std::string text_;
  PostgresEntry entry_;
  PostgresSessions sessions_;
  ReaderCounts counts_;
};

int score(std::string_view head, const ReaderOptions&) {
  const bool is_whole = head.size() < (size_t{64} << 10);
  size_t rows = 0, other = 0;
  CsvRow row;
  for (size_t at = 0; at < head.size();) {
    size_t base = 0;
    const size_t start = at;
    row.clear();
    CsvRow::State state = CsvRow::State::kOpen;
    bool is_first = true, is_at_end = false;
    while (state == CsvRow::State::kOpen) {
      if (at >= head.size()) {
        is_at_end = true;
        break;
      }
      const size_t stop = std::min(head.find('\n', at), head.size());
      std::string_view line = head.substr(at, stop - at);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (is_first && !may_begin_row(line)) {
        if (!line.empty()) ++other;
        at = stop + 1;
        break;
      }
      state = row.add(line, base);
      if (state == CsvRow::State::kBroken && !is_first && may_begin_row(line)) break;
      is_first = false;
      base += std::min(stop + 1, head.size()) - at;
      at = stop + 1;
    }
    if (is_first && state == CsvRow::State::kOpen) continue;
    if (is_row(row, head.substr(start), PrefixClock()) && (state == CsvRow::State::kWhole ? row.count() >= kFewestColumns : is_at_end)) {
      ++rows;
    } else if (!is_at_end || is_whole) {
      ++other;
    }
  }
  if (rows == 0) return 0;
  // Lines that are none are mostly the rest of a text whose beginning was rotated away: they cost less than rows count.
  return static_cast<int>(980 * rows / (rows + other / 4));
}

std::unique_ptr<RecordReader> open(std::unique_ptr<Lines> lines, const ReaderOptions& options) {
  return std::make_unique<PostgresCsvReader>(std::move(lines), options);
}

constexpr FormatSample kSamples[] = {
    {"2026-03-02 09:15:04.118 CET,\"shop\",\"orders\",4471,\"10.0.3.9:40122\",69a54808.1177,3,\"idle\",2026-03-02 09:15:04 "
     "CET,5/12,0,LOG,00000,"
     "\"statement: BEGIN\",,,,,,,,,\"till 1\",\"client backend\",,0\n"
     "2026-03-02 09:15:04.120 CET,\"shop\",\"orders\",4471,\"10.0.3.9:40122\",69a54808.1177,4,\"SELECT\",2026-03-02 09:15:04 "
     "CET,5/12,0,LOG,00000,"
     "\"execute <unnamed>: SELECT \"\"stock\"\" FROM item\n"
     "WHERE id = $1 FOR UPDATE\",\"parameters: $1 = '17'\",,,,,,,,\"till 1\",\"client backend\",,0\n",
     2},
    {"2026-03-02 09:15:04.118 UTC,\"shop\",\"orders\",4471,\"10.0.3.9:40122\",54f5c808.1177,9,\"INSERT\",2026-03-02 09:15:00 "
     "UTC,5/13,771,ERROR,"
     "23505,\"duplicate key value violates unique constraint \"\"item_pkey\"\"\",\"Key (id)=(17) already exists.\",,,,,"
     "\"INSERT INTO item VALUES (17)\",,,\"\"\n",
     1},
};

}  // namespace

extern const Format kFormat_postgres_csv;
const Format kFormat_postgres_csv{
    .name = "postgres-csv",
    .summary = "PostgreSQL's csvlog",
    .enable = "logging_collector = on; log_destination = 'csvlog'; log_statement = 'all'",
    .engine = Engine::kPostgres,
    .orm = "",
    .samples = kSamples,
    .score = score,
    .open = open,
};

}  // namespace dbaudit
