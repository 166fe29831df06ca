#pragma once
// What the text logs of MySQL and MariaDB have in common: two clocks, the banner of a server that starts, and statements written as they
// came, so that only the quote a line stands in tells a header from a literal that looks like one.
//
// But a statement can really be cut in a literal (the server died, the disk was full), and a server with NO_BACKSLASH_ESCAPES writes '\'
// for one backslash, which reads as an open quote. So the quote is believed only for so long: when it has not closed after 64 header-shaped
// lines or 64 KiB, the statement ends before the first of those lines and they are read again as entries. After eight such disappointments
// headers are always believed. At the end of the log an open quote is believed: better a statement marked as cut than one nobody sent.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "analyzers/base/engine.h"
#include "analyzers/base/time.h"
#include "analyzers/log/formats/mysql_quotes.h"
#include "analyzers/log/formats/sql_lines.h"
#include "analyzers/log/lines.h"

namespace dbaudit::mysql_text {

/// Bytes of `2026-11-20T14:32:11.727446Z` or `161106  1:33:11` at the start of a line; 0 when there is none.
[[nodiscard]] size_t time_size(std::string_view line);
/// The time such a text says. The short form names no zone: `zone_offset_minutes` (INT32_MIN: unknown) is its zone.
[[nodiscard]] std::optional<TimePoint> read_time(std::string_view text, int32_t zone_offset_minutes);

/// `/usr/sbin/mysqld, Version: 8.0.36 (…). started with:` and the two lines after it.
[[nodiscard]] bool is_banner(std::string_view line);
[[nodiscard]] bool is_banner_rest(std::string_view line);
[[nodiscard]] Engine engine_of_banner(std::string_view line);

/// The lower-case `word` and white space (or a backtick) behind blanks at the start of a statement.
[[nodiscard]] bool starts_with_word(std::string_view sql, std::string_view word);
/// The name in `USE db`, `use `db`;`; empty when it is none to believe.
[[nodiscard]] std::string_view used_database(std::string_view sql);
/// The account in `app[app] @ localhost [127.0.0.1]`, as User@Host of a slow log and user_host of the log tables say it.
[[nodiscard]] std::string_view user_of(std::string_view user_host);
/// Does the statement answer with rows (SELECT, SHOW, WITH, …), so that its "rows sent" are its rows?
[[nodiscard]] bool answers_with_rows(std::string_view sql);

enum class LineKind : uint8_t {
  kText,    ///< nothing of its own
  kHeader,  ///< shaped like the first line of an entry
  kBanner,  ///< a server started here: whatever was open is cut
};

/// Takes the lines that belong to a statement already begun.
class StatementLines {
 public:
  struct Taken {
    bool is_cut = false;       ///< the statement ends in an open quote
    bool was_rewound = false;  ///< the next line is not the one `classify` saw last
  };

  /// `text_at`: where in lines.since_mark() the statement's text begins. `classify(line)` says what a line looks like.
  template <class Classify>
  Taken take(Lines& lines, size_t text_at, Classify&& classify) {
    Statement<Classify> statement{lines, text_at, classify, disappointments_ < kMaxDisappointments};
    const GatheredLines gathered = gather_lines(lines, statement, {.bytes = size_t{64} << 10});
    if (gathered.given_back) ++disappointments_;
    const bool at_banner = statement.kind == LineKind::kBanner;
    return {at_banner ? !lines.record_was_cut() && statement.in_quote() : gathered.cut && gathered.starts > 0, gathered.given_back};
  }

 private:
  template <class Classify>
  struct Statement {
    Lines& lines;
    size_t text_at;
    Classify& classify;
    bool tracks_quotes;
    OpenQuote quote = {};
    LineKind kind = LineKind::kText;  // of the line peeked

    bool complete() {
      const auto line = lines.peek();
      kind = line ? classify(*line) : LineKind::kText;
      return kind == LineKind::kBanner;
    }
    bool in_quote() {
      if (!tracks_quotes) return false;
      const std::string_view all = lines.since_mark();
      quote.advance(all.substr(std::min(text_at, all.size())));
      return quote.is_open();
    }
    std::string_view plain(std::string_view line) { return line; }
    bool goes_on(std::string_view) { return true; }
    bool starts(std::string_view) { return kind == LineKind::kHeader; }
    void add(std::string_view) {}
    void swallows() {}
    void give_back() {}
  };

  static constexpr int kMaxDisappointments = 8;
  int disappointments_ = 0;
};

}  // namespace dbaudit::mysql_text
