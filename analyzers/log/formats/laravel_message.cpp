#include "analyzers/log/formats/laravel_message.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit::laravel {
namespace {

using header_text::is_alpha;
using header_text::is_digit;
using header_text::is_word;

constexpr size_t kNone = std::string_view::npos;

}  // namespace

size_t header_length(std::string_view line, TimePoint* time) {
  if (line.size() < 22 || line[0] != '[' || !is_digit(line[1])) return 0;
  size_t size = 0;
  const auto t = parse_time(line.substr(1), &size);
  if (!t || line.substr(1 + size, 2) != "] ") return 0;
  size_t at = size + 3;
  const size_t channel = at;
  while (at < line.size() && (is_word(line[at]) || line[at] == '-')) ++at;
  if (at == channel || at >= line.size() || line[at] != '.') return 0;
  const size_t level = ++at;
  while (at < line.size() && line[at] >= 'A' && line[at] <= 'Z') ++at;
  if (at == level || line.substr(at, 1) != ":") return 0;
  if (time != nullptr) *time = *t;
  return std::min(at + 2, line.size());
}

bool is_certainly_sql(std::string_view text) {
  if (!starts_like_sql(text)) return false;
  text = trim(text);
  while (text.starts_with("/*")) {
    const size_t end = text.find("*/");
    if (end == kNone) return false;
    text = trim(text.substr(end + 2));
  }
  const std::string_view head = text.substr(0, 4096);
  if (head.starts_with("(")) return istarts_with(trim(head.substr(1)), "select ");
  if (istarts_with(head, "select ")) return head.find_first_of("*\"`'(0123456789@") != kNone || icontains(head, " from ");
  if (istarts_with(head, "insert ") || istarts_with(head, "replace ")) return icontains(head.substr(0, 64), " into ");
  if (istarts_with(head, "update ")) return icontains(head, " set ");
  if (istarts_with(head, "delete ")) return icontains(head.substr(0, 256), " from ") || istarts_with(head, "delete from");
  if (istarts_with(head, "with ")) return icontains(head, " as (");
  for (const std::string_view start :
       {"create table ",      "create index ",    "create unique ", "create or replace ", "create view ",
        "create temporary ",  "create database ", "create type ",   "create schema ",     "create extension ",
        "alter table ",       "alter database ",  "drop table ",    "drop index ",        "drop view ",
        "drop database ",     "truncate ",        "pragma ",        "savepoint ",         "rollback to ",
        "release savepoint ", "set session ",     "set names ",     "set transaction ",   "set foreign_key_checks",
        "start transaction",  "lock tables ",     "show ",          "describe "}) {
    if (istarts_with(head, start)) return true;
  }
  return iequals(head, "begin") || iequals(head, "commit") || iequals(head, "rollback") || iequals(head, "begin transaction");
}

size_t label_length(std::string_view message, bool& colon) {
  size_t at = 0;
  colon = false;
  for (int words = 0; words < 4 && at < message.size(); ++words) {
    if (words > 0 && starts_like_sql(message.substr(at))) return at;
    const size_t begin = at;
    while (at < message.size() && (is_word(message[at]) || std::string_view("[]()#.-").find(message[at]) != kNone)) ++at;
    if (at == begin || at - begin > 24) return kNone;
    if (at < message.size() && message[at] == ':') {
      colon = true;
      ++at;
    }
    const size_t blanks = at;
    while (at < message.size() && message[at] == ' ') ++at;
    if (at == blanks) return kNone;
  }
  return starts_like_sql(message.substr(std::min(at, message.size()))) ? at : kNone;
}

bool names_a_query(std::string_view label) {
  for (const std::string_view word : {"sql", "query", "queries", "statement", "execut", "database"}) {
    if (icontains(label, word)) return true;
  }
  return false;
}

TransactionEvent transaction_event(std::string_view message) {
  message = trim(message);
  if (const size_t slash = message.rfind('\\'); slash != kNone && message.starts_with("Illuminate\\")) message.remove_prefix(slash + 1);
  char name[24];
  size_t n = 0;
  for (const char c : message) {
    if (is_alpha(c)) {
      if (n == sizeof name) return TransactionEvent::kNoEvent;
      name[n++] = ascii_lower(c);
    } else if (c != ' ' && c != '_' && c != '.' && c != '-') {
      return TransactionEvent::kNoEvent;
    }
  }
  const std::string_view word(name, n);
  if (word == "transactionbeginning" || word == "transactionbegan" || word == "begintransaction") return TransactionEvent::kBegin;
  if (word == "transactioncommitted") return TransactionEvent::kCommit;
  if (word == "transactionrolledback" || word == "transactionrollback") return TransactionEvent::kRollback;
  if (word == "transactioncommitting") return TransactionEvent::kOther;
  return TransactionEvent::kNoEvent;
}

std::optional<QueryException> query_exception(std::string_view text) {
  const size_t state = text.find("SQLSTATE[");
  if (state == kNone || state > 200) return std::nullopt;
  const size_t close = text.find(']', state);
  if (close == kNone || close - state > 20) return std::nullopt;
  QueryException e;
  e.code = text.substr(state + 9, close - state - 9);
  // The context repeats the message, so the first of the parentheses Laravel adds.
  size_t open = text.find("(Connection: ", close);
  size_t sql = open == kNone ? text.find("(SQL: ", close) : text.find("SQL: ", open);
  if (sql == kNone) return std::nullopt;
  if (open == kNone) {
    open = sql++;
  } else {
    const std::string_view fields = text.substr(open + 1, sql - open - 1);
    const auto field = [fields](std::string_view name) {
      const size_t at = fields.find(name);
      return at == kNone ? std::string_view() : fields.substr(at + name.size(), fields.find(',', at) - at - name.size());
    };
    e.connection = field("Connection: ");
    e.database = field("Database: ");
  }
  e.message = text.substr(state, open - state);
  if (const size_t colon = e.message.find("]: "); colon != kNone) e.message = e.message.substr(colon + 3);
  e.message = trim(e.message);
  e.sql = text.substr(sql + 5);
  // What follows its closing parenthesis is the context.
  size_t end = e.sql.find(") {\"");
  if (end == kNone) end = trim(e.sql).size() > 0 && trim(e.sql).back() == ')' ? e.sql.rfind(')') : e.sql.find(") at ");
  if (end == kNone) end = e.sql.rfind(')');
  if (end != kNone) e.sql = e.sql.substr(0, end);
  e.sql = trim(e.sql);
  return starts_like_sql(e.sql) ? std::optional(e) : std::nullopt;
}

bool is_filled_in(std::string_view raw, std::string_view sql) {
  size_t r = 0, s = 0;
  bool filled = false;
  while (s < sql.size()) {
    if (sql[s] == '?' && (r >= raw.size() || raw[r] != '?')) {
      filled = true;
      ++s;
      if (r < raw.size() && raw[r] == '\'') {
        for (++r; r < raw.size(); ++r) {
          if (raw[r] == '\\' && r + 1 < raw.size() && sql.find('`') != kNone) {
            ++r;
          } else if (raw[r] == '\'') {
            if (r + 1 >= raw.size() || raw[r + 1] != '\'') break;
            ++r;
          }
        }
        ++r;
      } else {
        while (r < raw.size() && (is_word(raw[r]) || raw[r] == '.' || raw[r] == '-' || raw[r] == '+' || raw[r] == '\'')) ++r;
      }
      continue;
    }
    if (r >= raw.size() || raw[r] != sql[s]) return false;
    ++r;
    ++s;
  }
  return r == raw.size() && (filled || raw.size() == sql.size());
}

}  // namespace dbaudit::laravel
