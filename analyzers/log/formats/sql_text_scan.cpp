#include "analyzers/log/formats/sql_text_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr uint8_t kOwn = 1, kBlank = 32, kWord = 64, kDigit = 128;

constexpr std::array<uint8_t, 256> kBytes = [] {
  std::array<uint8_t, 256> t{};
  for (const char c : {'\'', '"', '`', '-', '/', '$', '(', ')', '#'}) t[static_cast<unsigned char>(c)] = kOwn;
  t[';'] = kStopSemicolon;
  t['['] = kStopBracket;
  t['{'] = kStopBrace;
  t['\x1b'] = kStopColour;
  for (const char c : {' ', '\t', '\n', '\r', '\v', '\f'}) t[static_cast<unsigned char>(c)] = kBlank;
  for (int c = 'a'; c <= 'z'; ++c) t[static_cast<size_t>(c)] = t[static_cast<size_t>(c - 32)] = kWord;
  for (int c = 0x80; c < 0x100; ++c) t[static_cast<size_t>(c)] = kWord;
  t['_'] = kWord;
  for (int c = '0'; c <= '9'; ++c) t[static_cast<size_t>(c)] = kDigit;
  return t;
}();

bool is(char c, uint8_t classes) { return (kBytes[static_cast<unsigned char>(c)] & classes) != 0; }

const char* search(const char* p, const char* end, char c) {
  const void* found = p == end ? nullptr : std::memchr(p, c, static_cast<size_t>(end - p));
  return found == nullptr ? end : static_cast<const char*>(found);
}

}  // namespace

SqlScanner SqlScanner::other_reading() const {
  SqlScanner other = *this;
  other.escapes_ = other.quote_escapes_ = true;
  other.watches_ = other.at_backslash_ = false;
  return other;
}

/// What stands between code_ and `p` is code.
void SqlScanner::end_code(const char* p) {
  const char* begin = code_;
  while (begin < p && is(*begin, kBlank)) ++begin;
  const bool blank_before = begin != code_ || blank_behind_tail_;
  if (begin == p) {
    blank_behind_tail_ = blank_before;
    return;
  }
  const char* end = p;
  while (is(end[-1], kBlank)) --end;
  blank_behind_tail_ = end != p;
  size_t size = static_cast<size_t>(end - begin);
  if (size >= kTailSize) {
    std::memcpy(tail_, end - kTailSize, kTailSize);
    tail_size_ = kTailSize;
    return;
  }
  if (blank_before && tail_size_ > 0) ++size;
  const size_t kept = std::min<size_t>(tail_size_, kTailSize - size);
  std::memmove(tail_, tail_ + tail_size_ - kept, kept);
  char* to = tail_ + kept;
  if (size != static_cast<size_t>(end - begin)) *to++ = ' ';
  std::memcpy(to, begin, static_cast<size_t>(end - begin));
  tail_size_ = static_cast<uint8_t>(kept + size);
}

void SqlScanner::begin_line_comment(const char* mark) {
  state_ = State::kLineComment;
  comment_ = read_ + static_cast<size_t>(mark - piece_);
}

/// The piece before ended where only this byte tells what its last one meant.
const char* SqlScanner::resume(const char* p) {
  const char last = pending_;
  pending_ = '\0';
  switch (state_) {
    case State::kQuote:  // behind a backslash
      return p + 1;
    case State::kBlockComment:
      if (last == '*' && *p == '/') {
        if (--comment_depth_ == 0) state_ = State::kCode;
        return p + 1;
      }
      if (last == '/' && *p == '*') {
        ++comment_depth_;
        return p + 1;
      }
      return p;
    default: break;
  }
  if (*p != (last == '-' ? '-' : '*')) return p;
  if (tail_size_ > 0) --tail_size_;  // the mark was taken for code
  while (tail_size_ > 0 && is(tail_[tail_size_ - 1], kBlank)) {
    --tail_size_;
    blank_behind_tail_ = true;
  }
  if (last == '/') {
    state_ = State::kBlockComment;
    comment_depth_ = 1;
  } else if (rules_.dashes_want_blank) {
    state_ = State::kDashes;
  } else {
    state_ = State::kLineComment;
    comment_ = read_ - 1;
  }
  return p + 1;
}

const char* SqlScanner::in_code(const char* p, const char* end, uint8_t stops) {
  const uint8_t marks = static_cast<uint8_t>(stops | kOwn);
  for (;;) {
    while (p < end && !is(*p, marks)) ++p;
    if (p == end) return p;
    if (*p != '`' || is(*p, stops)) break;
    // Nothing is escaped between backticks, and MySQL's ORMs put every name between them: over it at once.
    const char* close = search(p + 1, end, '`');
    if (close == end) break;
    code_ = close;
    p = close + 1;
  }
  if (is(*p, stops)) {
    stopped_ = true;
    return p + 1;
  }
  const char c = *p;
  switch (c) {
    case '\'':
    case '"':
    case '`': {
      const char previous = p > piece_ ? p[-1] : before_[1];
      const char before = p - piece_ > 1 ? p[-2] : p - piece_ == 1 ? before_[1] : before_[0];
      state_ = State::kQuote;
      quote_ = c;
      const bool is_e = c == '\'' && (previous == 'e' || previous == 'E') && !is(before, kWord | kDigit);
      quote_escapes_ = c != '`' && (escapes_ || is_e);
      return p + 1;
    }
    case '(': ++depth_; return p + 1;
    case ')': depth_ -= depth_ > 0 ? 1 : 0; return p + 1;
    case '#':
      if (!rules_.hash_comments) return p + 1;
      end_code(p);
      begin_line_comment(p);
      return p + 1;
    case '-':
    case '/':
      if (p + 1 == end) {
        pending_ = c;
        return end;
      }
      if (c == '/' && p[1] == '*') {
        end_code(p);
        state_ = State::kBlockComment;
        comment_depth_ = 1;
        return p + 2;
      }
      if (c == '/' || p[1] != '-') return p + 1;
      if (!rules_.dashes_want_blank) {
        end_code(p);
        begin_line_comment(p);
      } else {
        state_ = State::kDashes;
      }
      return p + 2;
    default: break;
  }
  // `$`
  const char previous = p > piece_ ? p[-1] : before_[1];
  if (rules_.dollar_quotes && !is(previous, kWord | kDigit)) {
    state_ = State::kTag;
    tag_[0] = '$';
    tag_size_ = 1;
  }
  return p + 1;
}

const char* SqlScanner::in_quotes(const char* p, const char* end) {
  const char* close = search(p, end, quote_);
  if (quote_escapes_ || (watches_ && quote_ != '`')) {
    // Each byte is looked at twice at most: for the quote, for the backslash.
    while (true) {
      const char* backslash = search(p, close, '\\');
      if (backslash == close) break;
      if (!quote_escapes_) {
        at_backslash_ = true;
        return backslash;
      }
      if (backslash + 1 == end) {
        pending_ = '\\';
        return end;
      }
      p = backslash + 2;
      if (p > close) close = search(p, end, quote_);
    }
  }
  if (close == end) return end;
  state_ = State::kCode;  // a doubled quote opens it again at once
  code_ = close;
  return close + 1;
}

const char* SqlScanner::in_block_comment(const char* p, const char* end) {
  while (p < end) {
    if (rules_.nested_comments) {
      while (p < end && *p != '*' && *p != '/') ++p;
    } else {
      p = search(p, end, '*');
    }
    if (p == end) break;
    if (p + 1 == end) {
      pending_ = *p;
      return end;
    }
    if (*p == '*' && p[1] == '/') {
      p += 2;
      if (--comment_depth_ > 0) continue;
      state_ = State::kCode;
      code_ = p;
      blank_behind_tail_ = true;
      return p;
    }
    if (*p == '/' && p[1] == '*') {
      ++comment_depth_;
      ++p;
    }
    ++p;
  }
  return p;
}

const char* SqlScanner::in_dollar_quote(const char* p, const char* end) {
  while (p < end) {
    if (matched_ == 0) {
      p = search(p, end, '$');
      if (p == end) break;
      matched_ = 1;
      ++p;
    } else if (*p != tag_[matched_]) {
      matched_ = 0;  // the tag has no other `$` inside, so only this byte can begin it anew
    } else {
      ++p;
      if (++matched_ < tag_size_) continue;
      matched_ = 0;
      state_ = State::kCode;
      code_ = p - 1;
      return p;
    }
  }
  return p;
}

/// Behind `--`, where white space must follow.
void SqlScanner::in_dashes(const char* p) {
  if (static_cast<unsigned char>(*p) > ' ') {
    state_ = State::kCode;
    return;
  }
  if (p - piece_ >= 2) end_code(p - 2);
  state_ = State::kLineComment;
  comment_ = read_ + static_cast<size_t>(p - piece_) - 2;
}

const char* SqlScanner::in_line_comment(const char* p, const char* end, uint8_t stops) {
  if (stops == 0) {
    p = search(p, end, '\n');
  } else {
    while (p < end && *p != '\n' && !is(*p, stops)) ++p;
  }
  if (p == end) return p;
  // The comment may be the last of the SQL: what the logger put behind it then stands on its line.
  if (*p != '\n') {
    stopped_ = true;
    return p + 1;
  }
  state_ = State::kCode;
  code_ = p;
  return p;
}

const char* SqlScanner::in_tag(const char* p) {
  const bool is_name = is(*p, kWord) || (tag_size_ > 1 && is(*p, kDigit));
  if ((!is_name && *p != '$') || tag_size_ + 1U == sizeof tag_) {
    state_ = State::kCode;
    return p;
  }
  tag_[tag_size_++] = *p;
  if (*p == '$') state_ = State::kDollarQuote;
  return p + 1;
}

const char* SqlScanner::run(const char* p, const char* end, uint8_t stops) {
  stopped_ = false;
  if (p == end) return end;
  piece_ = code_ = p;
  if (pending_ != '\0') code_ = p = resume(p);
  while (p < end && !stopped_ && !at_backslash_) {
    switch (state_) {
      case State::kCode: p = in_code(p, end, stops); break;
      case State::kDashes: in_dashes(p); break;
      case State::kQuote: p = in_quotes(p, end); break;
      case State::kLineComment: p = in_line_comment(p, end, stops); break;
      case State::kBlockComment: p = in_block_comment(p, end); break;
      case State::kTag: p = in_tag(p); break;
      case State::kDollarQuote: p = in_dollar_quote(p, end); break;
    }
  }
  if (state_ == State::kCode || state_ == State::kTag) end_code(p);
  if (state_ == State::kDashes && p - code_ >= 2) end_code(p - 2);
  const size_t size = static_cast<size_t>(p - piece_);
  before_[0] = size > 1 ? p[-2] : size == 1 ? before_[1] : before_[0];
  if (size > 0) before_[1] = p[-1];
  read_ += size;
  return p;
}

void SqlTextScan::reset(const SqlTextRules& rules) {
  using Backslash = SqlTextRules::Backslash;
  first_ = SqlScanner(rules, rules.backslash == Backslash::kEscape, rules.backslash == Backslash::kDoubtful);
  both_ = false;
  read_ = second_read_ = 0;
}

const char* SqlTextScan::run(const char* p, const char* end, uint8_t stops) {
  while (p < end) {
    p = first_.run(p, end, stops);
    if (!first_.stopped_at_backslash()) break;
    second_ = first_.other_reading();
    first_.ignore_backslashes();
    both_ = true;
    (void)second_.run(p, end, 0);
  }
  return p;
}

void SqlTextScan::feed(std::string_view piece) {
  if (piece.empty()) return;
  const char* end = piece.data() + piece.size();
  if (both_) (void)second_.run(piece.data(), end, 0);
  (void)run(piece.data(), end, 0);
  read_ += piece.size();
  second_read_ = read_;
}

size_t SqlTextScan::find(std::string_view text, uint8_t stops) {
  if (text.size() <= read_) return kNone;
  const char* end = text.data() + text.size();
  if (both_ && second_read_ < text.size()) (void)second_.run(text.data() + second_read_, end, 0);
  second_read_ = text.size();
  read_ = static_cast<size_t>(run(text.data() + read_, end, stops) - text.data());
  return first_.stopped() ? read_ - 1 : kNone;
}

bool has_placeholder(std::string_view sql) {
  char quote = '\0';
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    const char next = i + 1 < sql.size() ? sql[i + 1] : '\0';
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '?' || (c == '$' && next >= '1' && next <= '9') || (c == '%' && next == 's') || (c == '@' && next == 'p')) {
      return true;
    } else if (c == ':' && ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') && (i == 0 || sql[i - 1] != ':')) {
      return true;
    }
  }
  return false;
}

}  // namespace dbaudit
