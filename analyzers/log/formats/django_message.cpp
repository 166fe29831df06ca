// Where one of Django's messages ends.
//
// The SQL is printed verbatim with its literals filled in, newlines and all, so neither the end of a line nor the text `; args=` ends it: a literal may
// hold both, even a whole line that looks like another entry. An entry therefore ends where, outside of every quote of the SQL, `; args=` is followed by
// one well-formed Python repr up to the end of the line. Backslashes are the one doubt (an escape in MySQL's quotes and PostgreSQL's E'…', a plain
// character elsewhere), so a text with a backslash inside quotes is read both ways.

#include "analyzers/log/formats/django_message.h"

#include <algorithm>

#include "analyzers/log/formats/python_repr.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kArgs = "; args=", kAlias = "; alias=";
constexpr int kMaxAttempts = 64;  ///< places in one entry where its arguments may begin

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

size_t django_duration_length(std::string_view s, size_t at) {
  if (at >= s.size() || s[at] != '(') return 0;
  size_t p = at + 1;
  while (p < s.size() && is_digit(s[p]) && p - at < 12) ++p;
  if (p == at + 1 || s.size() - p < 5 || s[p] != '.' || !is_digit(s[p + 1]) || !is_digit(s[p + 2]) || !is_digit(s[p + 3]) ||
      s[p + 4] != ')')
    return 0;
  p += 5;
  if (p == s.size() || s[p] == '\n' || s[p] == '\r') return p - at;
  return s[p] == ' ' ? p + 1 - at : 0;
}

size_t find_django_message(std::string_view line, size_t from) {
  for (size_t at = line.find('(', from); at != kNone; at = line.find('(', at + 1)) {
    if (django_duration_length(line, at) != 0) return at;
    if (at > 600) break;  // no formatter prints so much in front
  }
  return kNone;
}

int64_t django_duration_us(std::string_view s) {  // "(0.001)…"
  int64_t v = 0;
  for (size_t p = 1; p < s.size() && s[p] != ')'; ++p) {
    if (is_digit(s[p])) v = v * 10 + (s[p] - '0');
  }
  return v * 1000;
}

void DjangoMessageEnd::reset(Engine engine) {
  first_ = second_ = Reading{};
  first_.scan = SqlScanner({}, is_mysql_family(engine), !is_mysql_family(engine) && engine != Engine::kSqlite);
  both_ = false;
  attempts_ = 0;
}

bool DjangoMessageEnd::advance(Reading& r, std::string_view text, DjangoParts& parts) {
  // Arguments that were open at the end of a line: the repr of some object has newlines, or those were no arguments.
  if (r.cut) {
    r.cut = false;
    if (ends_here(r, text, r.candidate, parts)) return true;
    if (r.cut) return false;
  }
  while (r.at < text.size()) {
    r.at = static_cast<size_t>(r.scan.run(text.data() + r.at, text.data() + text.size(), kStopSemicolon) - text.data());
    if (r.scan.stopped()) {
      const size_t at = r.at - 1;
      if (text.substr(at, kArgs.size()) == kArgs && ends_here(r, text, at, parts)) return true;
    } else if (r.scan.stopped_at_backslash()) {
      second_ = r;
      second_.scan = r.scan.other_reading();
      both_ = true;
      r.scan.ignore_backslashes();
    }
  }
  return false;
}

/// `; args=` stands at `at`: does the message end with what follows?
bool DjangoMessageEnd::ends_here(Reading& r, std::string_view text, size_t at, DjangoParts& parts) {
  if (r.cut) return false;
  r.candidate = at;
  if (++attempts_ > kMaxAttempts) return false;
  const size_t begin = at + kArgs.size();
  const auto end = skip_python_repr(text, begin);
  if (!end) {
    r.cut = is_open_python_repr(text, begin);
    return false;
  }
  parts = DjangoParts{};
  parts.sql_size = at;
  parts.args_begin = begin;
  parts.args_end = *end;
  size_t p = *end;
  if (text.substr(p, kAlias.size()) == kAlias) {
    parts.alias_begin = p + kAlias.size();
    p = parts.alias_begin;
    while (p < text.size() && text[p] != ' ' && text[p] != '\x1b' && text[p] != '\n' && text[p] != '\r') ++p;
    parts.alias_end = p;
  } else if (kAlias.starts_with(text.substr(p))) {
    p = text.size();  // a file that ends in the middle of it
  }
  // Blanks and the end of a colour may follow.
  while (p < text.size()) {
    if (text[p] == ' ' || text[p] == '\r') {
      ++p;
    } else if (text[p] == '\x1b') {
      while (p < text.size() && text[p] != 'm') ++p;
      p += p < text.size() ? 1 : 0;
    } else {
      return false;
    }
  }
  return true;
}

bool loose_django_end(std::string_view text, size_t candidate, DjangoParts& parts) {
  const size_t at = candidate != kNone ? candidate : text.rfind(kArgs);
  if (at == kNone) return false;
  parts = DjangoParts{};
  parts.sql_size = at;
  parts.args_begin = parts.args_end = at + kArgs.size();  // not handed out
  size_t end = text.size();
  const size_t alias = text.rfind(kAlias);
  if (alias != kNone && alias >= parts.args_begin && text.find_first_of(" \n", alias + kAlias.size()) == kNone) {
    parts.alias_begin = alias + kAlias.size();
    parts.alias_end = text.size();
    end = alias;
  }
  return end > parts.args_end && std::string_view(")]}").find(text[end - 1]) != kNone;
}

bool is_django_executemany(std::string_view sql, std::string_view args) {
  if (args.size() < 2 || args[0] != '[') return false;
  if (sql.find("%s") == kNone && sql.find("%(") == kNone) return false;
  PythonElements elements(args);
  std::string_view element;
  size_t n = 0;
  while (elements.next(element)) {
    if (element.empty() || (element[0] != '(' && element[0] != '[' && element[0] != '{')) return false;
    if (++n == 16) return true;
  }
  return n > 0;
}

}  // namespace dbaudit
