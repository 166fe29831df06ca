// Tags that frameworks write into comments.
//
//   sqlcommenter  /*action='index',route='%2Fpolls'*/        quoted, URL-encoded, a quote inside as \'
//   marginalia    /*application:Shop,controller:orders*/     the older form of Rails, bare
//
// Both stand before or behind a statement; a comment in its middle is its author's own. A comment counts only when all of it reads as tags, so that prose
// in a comment stays prose. `dbaudit:` comments may stand anywhere, as a block or to the end of a line.

#include <cstdint>

#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

namespace {

using Tags = std::vector<std::pair<std::string, std::string>>;

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Percent-decoding; `\'` is a quote. A `%` that no two digits follow is itself.
std::string decode(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2])));
      i += 2;
    } else if (s[i] == '\\' && i + 1 < s.size() && s[i + 1] == '\'') {
      out.push_back('\'');
      ++i;
    } else {
      out.push_back(s[i]);
    }
  }
  return out;
}

/// Length of the key at `i`, with `=` or `:` behind it; 0 when there is none.
size_t key_length(std::string_view s, size_t i) {
  size_t n = 0;
  while (i + n < s.size() && ((is_name_byte(s[i + n]) && s[i + n] != '$') || s[i + n] == '.' || s[i + n] == '-' || s[i + n] == '%')) ++n;
  const bool separated = i + n < s.size() && (s[i + n] == '=' || s[i + n] == ':');
  return separated ? n : 0;
}

size_t skip_blanks(std::string_view s, size_t i) {
  while (i < s.size() && is_space(s[i])) ++i;
  return i;
}

/// Appends the tags of a comment's content; all or nothing.
void append_tags(std::string_view s, Tags& tags) {
  const size_t before = tags.size();
  s = trim(s);
  size_t i = 0;
  while (i < s.size()) {
    const size_t key = key_length(s, i);
    if (key == 0) return tags.resize(before);
    const std::string_view name = s.substr(i, key);
    i += key + 1;
    size_t end = i;
    std::string_view value;
    if (s[i - 1] == '=' && i < s.size() && s[i] == '\'') {
      for (end = i + 1; end < s.size() && s[end] != '\''; ++end) {
        if (s[end] == '\\') ++end;
      }
      if (end >= s.size()) return tags.resize(before);
      value = s.substr(i + 1, end - i - 1);
      end = skip_blanks(s, end + 1);
      if (end < s.size() && s[end] != ',') return tags.resize(before);
    } else {
      // Bare values may hold commas (`line:a.rb:5:in 'f', g`): only one that a key follows ends them.
      if (i < s.size() && is_space(s[i])) return tags.resize(before);
      while (end < s.size() && !(s[end] == ',' && key_length(s, skip_blanks(s, end + 1)) > 0)) ++end;
      value = trim(s.substr(i, end - i));
    }
    tags.emplace_back(decode(name), decode(value));
    i = skip_blanks(s, end + 1);
  }
}

}  // namespace

CommentTags comment_tags(std::string_view sql, const Dialect& dialect) {
  CommentTags out;
  Lexer lexer(sql, dialect, /*keep_comments=*/true);
  Tags since_token;  // of comments behind the last token
  bool statement_begun = false;
  const auto flush = [&] {
    for (auto& tag : since_token) out.tags.push_back(std::move(tag));
    since_token.clear();
  };
  for (;;) {
    const Token t = lexer.next();
    if (t.kind == TokenKind::kComment) {
      std::string_view content = t.text;
      const bool block = content.starts_with("/*");
      content.remove_prefix(content[0] == '#' ? 1 : 2);
      if (block && !t.unterminated) content.remove_suffix(2);
      if (const std::string_view directive = trim(content); directive.starts_with("dbaudit:")) {
        out.directives.emplace_back(trim(directive.substr(std::string_view("dbaudit:").size())));
      } else if (block && !t.unterminated && !content.starts_with('+')) {
        append_tags(content, since_token);
      }
      continue;
    }
    const bool ends_statement = t.kind == TokenKind::kEnd || t.text == ";";
    if (ends_statement || !statement_begun) {
      flush();
    } else {
      since_token.clear();
    }
    if (t.kind == TokenKind::kEnd) return out;
    statement_begun = !ends_statement;
  }
}

}  // namespace dbaudit
