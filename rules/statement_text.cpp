#include "rules/statement_text.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

constexpr std::string_view kKeywords[] = {
    "all",     "and",    "as",    "asc",      "begin",  "between",   "by",     "case",  "coalesce", "commit",    "conflict", "cross",
    "default", "delete", "desc",  "distinct", "do",     "duplicate", "else",   "end",   "excluded", "exists",    "false",    "for",
    "from",    "full",   "group", "having",   "in",     "inner",     "insert", "into",  "is",       "join",      "left",     "like",
    "limit",   "not",    "null",  "offset",   "on",     "or",        "order",  "outer", "replace",  "returning", "right",    "select",
    "set",     "then",   "true",  "union",    "update", "using",     "values", "when",  "where",    "with"};

// Words that are keywords only behind another: anywhere else they are as likely a column (`key`, `mode`).
constexpr std::pair<std::string_view, std::string_view> kBehind[] = {
    {"duplicate", "key"}, {"update", "skip"}, {"share", "skip"}, {"skip", "locked"}, {"update", "nowait"},
    {"share", "nowait"},  {"for", "share"},   {"in", "share"},   {"share", "mode"},  {"do", "nothing"},
    {"insert", "ignore"}, {"for", "no"},      {"no", "key"},     {"key", "update"}};

bool is_keyword(std::string_view word, std::string_view previous, std::string_view rest) {
  if (std::find(std::begin(kKeywords), std::end(kKeywords), word) != std::end(kKeywords)) return true;
  if (word == "lock" && rest.starts_with(" in share mode")) return true;
  return std::find(std::begin(kBehind), std::end(kBehind), std::pair(previous, word)) != std::end(kBehind);
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string display_sql(std::string_view t) {
  std::string out;
  out.reserve(t.size());
  std::string_view previous;  // the word before, when nothing but a blank is between
  bool into = false;          // behind INTO: a parenthesis here opens a column list, not a call
  for (size_t i = 0; i < t.size();) {
    const char c = t[i];
    if (c == '"' || c == '`' || c == '\'') {
      const size_t end = std::min(t.find(c, i + 1), t.size() - 1);
      out.append(t.substr(i, end + 1 - i));
      i = end + 1;
    } else if (is_word(c)) {
      size_t end = i;
      while (end < t.size() && is_word(t[end])) ++end;
      const std::string_view word = t.substr(i, end - i);
      // A name after or before a dot is a column or table, whatever it spells.
      const bool dotted = (i > 0 && t[i - 1] == '.') || (end < t.size() && t[end] == '.');
      if (!dotted && is_keyword(word, previous, t.substr(end))) {
        for (const char w : word) out.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(w))));
      } else {
        out.append(word);
      }
      i = end;
      into = word == "into" || (into && (dotted || previous == "into"));
      previous = word;
    } else {
      if (into && c == '(' && i > 0 && t[i - 1] != ' ') out.push_back(' ');
      if (c == '(') into = false;
      out.push_back(c);
      if (c != ' ') previous = {};
      ++i;
    }
  }
  return out;
}

std::string short_sql(std::string_view s) {
  std::string out(s);
  if (s.starts_with("SELECT ")) {
    const size_t from = s.find(" FROM ");
    if (from != std::string_view::npos && from > 24) out = "SELECT …" + std::string(s.substr(from));
  } else if (s.starts_with("UPDATE ")) {
    // A full-row save names every column; the first and the WHERE are enough.
    const size_t set = s.find(" SET ");
    const size_t where = s.rfind(" WHERE ");
    if (set != std::string_view::npos && where != std::string_view::npos && where > set && where - set > 60) {
      const size_t comma = s.find(", ", set);
      if (comma != std::string_view::npos && comma < where) out = std::string(s.substr(0, comma)) + ", …" + std::string(s.substr(where));
    }
  }
  return out;
}

std::string sql_with_values(const Op& op) {
  const std::string shown = display_sql(op.statement->source->text.str());
  std::string out;
  size_t slot = 0;
  for (const char c : shown) {
    if (c != '?' || slot >= op.values.slots.size()) {
      out.push_back(c);
      continue;
    }
    const auto spell = [&](const Value& v) {
      if (!v.known()) return std::string("?");
      if (v.is_null()) return std::string("NULL");
      if (v.kind == ValueKind::kNumber || v.kind == ValueKind::kBool) return std::string(v.text);
      std::string quoted = "'";
      for (const char q : v.text) {
        if (q == '\'') quoted.push_back('\'');
        quoted.push_back(q);
      }
      return quoted + "'";
    };
    const auto& list = op.values.lists().size() > slot ? op.values.lists()[slot] : std::span<const Value>();
    if (list.empty()) {
      out += spell(op.values.slots[slot]);
    } else {
      for (size_t i = 0; i < list.size(); ++i) out += (i == 0 ? "" : ", ") + spell(list[i]);
    }
    ++slot;
  }
  return out;
}

}  // namespace dbaudit
