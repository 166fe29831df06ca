// As sql/util.py prints them.
//
// What is cut is cut at fixed places: of a value longer than 300 characters the first and last 150 are printed, of more than 100 parameters the first
// and last 50, of more than 10 parameter sets the first 8 and last 2. So the end of a cut value is counted, not looked for: half a repr has no grammar.

#include "analyzers/log/formats/sqlalchemy_parameters.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kFewFields = 16;  ///< are searched, more are sorted
constexpr size_t kCutHalf = 150;   ///< characters kept on each side of a cut value
constexpr std::string_view kCutValue = " characters truncated) ... ";
constexpr uint64_t kMaxLeftOut = 100'000;  ///< executions believed of `displaying 10 of N`

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

/// ` ... N what ... ` at `at`, as the cut containers have it; `second` for `displaying N of M`. Moves behind it.
bool read_gap(std::string_view s, size_t& at, std::string_view before, std::string_view what, uint64_t& first, uint64_t* second) {
  size_t p = at;
  while (p < s.size() && s[p] == ' ') ++p;
  const auto literal = [&](std::string_view text) {
    if (s.substr(p, text.size()) != text) return false;
    p += text.size();
    return true;
  };
  const auto number = [&](uint64_t& out) {
    const auto [stop, error] = std::from_chars(s.data() + p, s.data() + s.size(), out);
    if (error != std::errc()) return false;
    p = static_cast<size_t>(stop - s.data());
    return true;
  };
  if (!literal("... ") || !literal(before) || !number(first)) return false;
  if (second != nullptr && (!literal(" of ") || !number(*second))) return false;
  if (!literal(what)) return false;
  while (p < s.size() && s[p] == ' ') ++p;
  at = p;
  return true;
}

/// Calls `named(text)` for `%(x)s` and `:x`, `positional(number)` for `?`, `%s` (0) and `$1`; quotes and comments are passed over.
template <typename Named, typename Positional>
void each_placeholder(std::string_view s, Named named, Positional positional) {
  for (size_t at = 0; at < s.size();) {
    const char c = s[at];
    if (is_word(c) || c == ' ') {
      ++at;
      continue;
    }
    const char next = at + 1 < s.size() ? s[at + 1] : '\0';
    if (c == '\'' || c == '"' || c == '`') {
      const size_t end = s.find(c, at + 1);
      if (end == kNone) return;
      at = end + 1;
    } else if (c == '-' && next == '-') {
      at = std::min(s.find('\n', at), s.size());
    } else if (c == '/' && next == '*') {
      const size_t end = s.find("*/", at + 2);
      if (end == kNone) return;
      at = end + 2;
    } else if (c == '%' && next == '(') {
      const size_t end = s.substr(at, 256).find(")s");
      if (end == kNone) {
        ++at;
      } else {
        named(s.substr(at + 2, end - 2));
        at += end + 2;
      }
    } else if (c == '%' && (next == 's' || next == '%')) {
      if (next == 's') positional(size_t{0});
      at += 2;
    } else if (c == '?') {
      positional(size_t{0});
      ++at;
    } else if (c == ':' && (next == ':' || next == '=')) {
      at += 2;
    } else if (c == ':' && is_word(next) && !is_digit(next) && (at == 0 || !is_word(s[at - 1]))) {
      size_t end = at + 1;
      while (end < s.size() && is_word(s[end])) ++end;
      named(s.substr(at + 1, end - at - 1));
      at = end;
    } else if (c == '$' && is_digit(next) && (at == 0 || !is_word(s[at - 1]))) {
      size_t number = 0;
      const auto [stop, error] = std::from_chars(s.data() + at + 1, s.data() + s.size(), number);
      if (error == std::errc()) positional(number);
      at = static_cast<size_t>(stop - s.data());
    } else {
      ++at;
    }
  }
}

}  // namespace

void SqlalchemyParameters::open(std::string_view sql, std::string_view repr) {
  text_ = repr;
  at_ = 0;
  executions_ = 1;
  left_out_ = 0;
  truncated_ = many_ = is_read_ = one_of_many_ = false;
  has_cuts_ = repr.find(kCutValue) != kNone;
  names_.clear();
  positions_ = 0;
  const char first = repr.empty() ? '\0' : repr[0];
  const char second = repr.size() > 1 ? repr[1] : '\0';
  const bool in_list = first == '[' || first == '(';  // 1.x hands on a tuple of sets
  named_ = first == '{' || (in_list && second == '{');
  size_t numbered = 0;
  each_placeholder(
      sql,
      [this](std::string_view name) {
        // Statements of thousands of names are not printed with all their parameters: a search among few is enough.
        if (names_.size() < 512 && std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
      },
      [&](size_t number) {
        if (number == 0) {
          ++positions_;
        } else {
          numbered = std::max(numbered, std::min<size_t>(number, 65'535));
        }
      });
  positions_ += numbered;
  if (in_list && (second == '{' || second == '(' || second == '[')) {
    const size_t end = read_set(1);
    many_ = end != kNone && (named_ || fields_.size() == positions_);
    if (many_) {
      fits_ = check_fit();
      uint64_t shown = 0, left_out = 0;
      for (size_t at = 1; at != kNone && at < text_.size() && text_[at] != ']' && text_[at] != ')';) {
        at = read_set(at);
        if (at == kNone) break;
        ++shown;
        at = behind_set(at);
        left_out += std::exchange(left_out_, 0);
      }
      // Rows come back from several sets only where the driver makes one statement of them (1.x with psycopg2): whose other rows the SQL does not show.
      one_of_many_ = icontains(sql, " RETURNING ");
      executions_ = one_of_many_ ? 1 : std::max<uint64_t>(1, shown + left_out);
      at_ = 1;
      truncated_ = false;
      return;
    }
  }
  named_ = first == '{';
  const bool is_set = first == '{' || first == '(' || first == '[';
  is_read_ = is_set;
  if (is_set) read_set(0);
  fits_ = is_set && check_fit();
  truncated_ = false;
}

/// Moves from the end of a set to the next one, or to the list's end. Counts what was left out between them.
size_t SqlalchemyParameters::behind_set(size_t at) {
  uint64_t displayed = 0, total = 0;
  if (read_gap(text_, at, "displaying ", " total bound parameter sets ...", displayed, &total)) {
    left_out_ = std::min(total > displayed ? total - displayed : 0, kMaxLeftOut);
    return at;
  }
  while (at < text_.size() && (text_[at] == ',' || text_[at] == ' ')) ++at;
  return at;
}

/// Offset behind the value at `at`, or npos.
size_t SqlalchemyParameters::read_value(size_t at, bool& cut) const {
  cut = false;
  const auto characters = [this](size_t from, size_t count) {
    while (count > 0 && from < text_.size()) {
      ++from;
      while (from < text_.size() && (static_cast<unsigned char>(text_[from]) & 0xC0) == 0x80) ++from;
      --count;
    }
    return count == 0 ? from : kNone;
  };
  if (has_cuts_) {
    size_t p = characters(at, kCutHalf);
    if (p != kNone && text_.substr(p, 6) == " ... (") {
      size_t digits = p + 6;
      while (digits < text_.size() && is_digit(text_[digits])) ++digits;
      if (digits > p + 6 && text_.substr(digits, kCutValue.size()) == kCutValue) {
        cut = true;
        return characters(digits + kCutValue.size(), kCutHalf);
      }
    }
  }
  const auto end = skip_python_repr(text_, at);
  if (end) return *end;
  // psycopg cuts a Binary's repr and closes it without its quote: `Binary(b'\x00\xff ... (3203 byteschars))`.
  const size_t mark = text_.find("chars))", at);
  const size_t open = mark == kNone ? kNone : text_.rfind(" ... (", mark);
  if (open == kNone || open < at || !is_word(text_[at])) return kNone;
  cut = true;
  return mark + 7;
}

/// Reads the set at `at` into fields_; the offset behind it, or npos where it stops making sense.
size_t SqlalchemyParameters::read_set(size_t at) {
  fields_.clear();
  if (at >= text_.size()) return kNone;
  const char opener = text_[at];
  const char closer = opener == '{' ? '}' : opener == '(' ? ')' : opener == '[' ? ']' : '\0';
  if (closer == '\0') return kNone;
  const auto blanks = [this](size_t p) {
    while (p < text_.size() && text_[p] == ' ') ++p;
    return p;
  };
  bool ended = false;
  for (at = blanks(at + 1); at < text_.size();) {
    if (text_[at] == closer) {
      ended = true;
      ++at;
      break;
    }
    Field f{{}, {}, false, false};
    if (opener == '{') {
      const auto key = skip_python_repr(text_, at);
      if (!key || *key >= text_.size() || text_[*key] != ':') break;
      f.key = text_.substr(at, *key - at);
      if (f.key.size() >= 2 && (f.key[0] == '\'' || f.key[0] == '"')) f.key = f.key.substr(1, f.key.size() - 2);
      at = blanks(*key + 1);
    }
    const size_t end = read_value(at, f.cut);
    if (end == kNone) break;
    f.value = text_.substr(at, end - at);
    fields_.push_back(f);
    at = blanks(end);
    uint64_t count = 0;
    if (at < text_.size() && text_[at] == ',') {
      at = blanks(at + 1);
    } else if (read_gap(text_, at, "", " parameters truncated ...", count, nullptr)) {
      fields_.push_back({{}, {}, true, true});
    } else if (at < text_.size() && text_[at] != closer) {
      break;
    }
  }
  is_whole_ = ended;
  if (!ended) {
    truncated_ = true;
    fields_.push_back({{}, {}, true, true});
  }
  sorted_ = opener == '{' && fields_.size() > kFewFields;
  if (sorted_) std::stable_sort(fields_.begin(), fields_.end(), [](const Field& a, const Field& b) { return a.key < b.key; });
  return ended ? at : kNone;
}

const SqlalchemyParameters::Field* SqlalchemyParameters::find(std::string_view name) const {
  const auto f = sorted_
                     ? std::lower_bound(fields_.begin(), fields_.end(), name, [](const Field& a, std::string_view n) { return a.key < n; })
                     : std::find_if(fields_.begin(), fields_.end(), [name](const Field& a) { return a.key == name; });
  return f != fields_.end() && f->key == name && !f->gap ? &*f : nullptr;
}

bool SqlalchemyParameters::check_fit() const {
  const bool gap = std::any_of(fields_.begin(), fields_.end(), [](const Field& f) { return f.gap; });
  if (!named_) return names_.empty() && (gap ? fields_.size() <= positions_ + 1 : fields_.size() == positions_);
  if (!gap && fields_.size() != names_.size()) return false;
  return gap || std::all_of(names_.begin(), names_.end(), [this](std::string_view n) { return find(n) != nullptr; });
}

void SqlalchemyParameters::bind(std::vector<BindValue>& out) {
  const auto push = [&](const Field& f) {
    if (!f.cut) {
      out.push_back(decoder_.value(f.value));
      return;
    }
    truncated_ = true;
    std::string_view text = f.value;
    if (text.size() > 1 && (text[0] == '\'' || text[0] == '"')) text.remove_prefix(1);
    if (!text.empty() && (text.back() == '\'' || text.back() == '"')) text.remove_suffix(1);
    BindValue v;
    v.text = text;
    out.push_back(v);
  };
  decoder_.reset(text_.size());
  if (named_ && !names_.empty()) {
    for (const std::string_view name : names_) {
      const Field* f = find(name);
      if (f == nullptr) {  // what follows would be taken for it
        truncated_ = true;
        return;
      }
      push(*f);
    }
    return;
  }
  for (const Field& f : fields_) {
    if (f.gap) {
      truncated_ = true;
      return;
    }
    push(f);
  }
}

bool SqlalchemyParameters::next(std::vector<BindValue>& out) {
  truncated_ = false;
  if (executions_ == 0) return false;
  --executions_;
  if (!many_) {
    if (text_.empty() || (text_[0] != '{' && text_[0] != '(' && text_[0] != '[')) return false;
    if (!is_read_) read_set(0);
    truncated_ = !fields_.empty() && fields_.back().gap && !is_whole_;
    bind(out);
    return true;
  }
  if (left_out_ > 0) {
    --left_out_;
    truncated_ = true;
    return false;
  }
  const size_t end = read_set(at_);
  if (end == kNone) {
    executions_ = 0;
    truncated_ = true;
    return false;
  }
  bind(out);
  truncated_ |= one_of_many_;
  at_ = behind_set(end);
  return true;
}

}  // namespace dbaudit
