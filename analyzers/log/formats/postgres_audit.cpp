#include "analyzers/log/formats/postgres_audit.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"

namespace dbaudit {

using namespace header_text;

namespace {

constexpr size_t kNone = std::string_view::npos;

/// The CSV field at `at` of `text`; `at` moves behind it and the comma. nullopt at the end and for a quote that does not close.
std::optional<std::string_view> csv_field(std::string_view text, size_t& at, std::string& scratch) {
  if (at > text.size()) return std::nullopt;
  if (at == text.size() || text[at] != '"') {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view field = text.substr(at, end - at);
    at = end + 1;
    return field;
  }
  const size_t from = ++at;
  bool has_doubled = false;
  for (;;) {
    at = text.find('"', at);
    if (at == kNone) return std::nullopt;
    if (at + 1 >= text.size() || text[at + 1] != '"') break;
    has_doubled = true;
    at += 2;
  }
  const std::string_view raw = text.substr(from, at - from);
  ++at;
  if (at < text.size() && text[at] != ',') return std::nullopt;
  ++at;
  if (!has_doubled) return raw;
  const size_t start = scratch.size();
  for (size_t i = 0; i < raw.size(); ++i) {
    scratch += raw[i];
    if (raw[i] == '"') ++i;
  }
  return std::string_view(scratch).substr(start);
}

bool parse_number(std::string_view s, uint64_t& out) {
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc() && end == s.data() + s.size();
}

/// Behind the quoted text or comment that begins at `at`; `at` itself when none does.
size_t skip_quoted(std::string_view sql, size_t at) {
  const char c = sql[at];
  const auto behind = [&](std::string_view end, size_t from) {
    const size_t found = sql.find(end, from);
    return found == kNone ? sql.size() : found + end.size();
  };
  if (c == '\'' || c == '"') return behind(sql.substr(at, 1), at + 1);
  if (c == '-' && sql.substr(at, 2) == "--") return behind("\n", at);
  if (c == '/' && sql.substr(at, 2) == "/*") return behind("*/", at + 2);
  if (c == '$' && (at == 0 || !is_word(sql[at - 1]))) {
    size_t end = at + 1;
    while (end < sql.size() && is_word(sql[end])) ++end;
    if (end < sql.size() && sql[end] == '$' && (end == at + 1 || !is_digit(sql[at + 1]))) {
      return behind(sql.substr(at, end + 1 - at), end + 1);
    }
  }
  return at;
}

}  // namespace

bool parse_postgres_audit(std::string_view message, std::string& scratch, PostgresAudit& audit) {
  if (!message.starts_with("AUDIT: ")) return false;
  const std::string_view text = message.substr(7);
  scratch.clear();
  // Views into it must survive: everything unquoted is shorter than the message.
  if (scratch.capacity() < text.size()) scratch.reserve(text.size());
  size_t at = 0;
  std::string_view fields[10];
  size_t count = 0;
  while (count < std::size(fields) && at <= text.size()) {
    const auto field = csv_field(text, at, scratch);
    if (!field) return false;
    fields[count++] = *field;
  }
  if (count < 9 || (fields[0] != "SESSION" && fields[0] != "OBJECT")) return false;
  audit = PostgresAudit{};
  if (!parse_number(fields[1], audit.statement_id) || !parse_number(fields[2], audit.substatement_id)) return false;
  audit.type = fields[0];
  audit.audit_class = fields[3];
  audit.command = fields[4];
  if (fields[7] != "<previously logged>" && fields[7] != "<not logged>") audit.statement = fields[7];
  if (fields[8] != "<none>" && fields[8] != "<not logged>" && fields[8] != "<previously logged>") {
    audit.parameters = fields[8];
    audit.has_parameters = true;
  }
  uint64_t rows = 0;
  if (count == 10 && parse_number(fields[9], rows) && rows <= static_cast<uint64_t>(INT64_MAX)) audit.rows = static_cast<int64_t>(rows);
  return true;
}

bool parse_audit_parameters(std::string_view list, std::string& scratch, std::vector<BindValue>& values) {
  bool is_whole = true;
  for (size_t at = 0; at <= list.size();) {
    const auto field = csv_field(list, at, scratch);
    if (!field) return false;
    const bool is_hidden = *field == "<long param suppressed>";
    is_whole = is_whole && !is_hidden;
    values.push_back(BindValue{.text = *field, .is_null = field->empty(), .is_unknown = is_hidden});
  }
  return is_whole;
}

size_t count_packet_statements(std::string_view sql) {
  size_t count = 0;
  bool has_text = false;
  for (size_t at = 0; at < sql.size();) {
    if (const size_t end = skip_quoted(sql, at); end != at) {
      if (sql[at] != '-' && sql[at] != '/') has_text = true;
      at = end;
      continue;
    }
    if (sql[at] == ';') {
      count += has_text ? 1U : 0U;
      has_text = false;
    } else if (std::string_view(" \t\r\n").find(sql[at]) == kNone) {
      has_text = true;
    }
    ++at;
  }
  return count + (has_text ? 1U : 0U);
}

std::string_view prepared_query(std::string_view prepare) {
  int depth = 0;
  for (size_t at = 0; at < prepare.size();) {
    if (const size_t end = skip_quoted(prepare, at); end != at) {
      at = end;
      continue;
    }
    const char c = prepare[at];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (depth == 0 && at > 0 && !is_word(prepare[at - 1]) && iequals(prepare.substr(at, 2), "as") && at + 2 < prepare.size() &&
        !is_word(prepare[at + 2])) {
      return trim(prepare.substr(at + 2));
    }
    ++at;
  }
  return {};
}

int64_t rows_of_plan(std::string_view plan) {
  while (!plan.empty() && plan[0] == '\n') plan.remove_prefix(1);
  if (plan.starts_with("Query Parameters: ")) {
    const size_t end = plan.find('\n');
    if (end == kNone) return -1;
    plan.remove_prefix(end + 1);
  }
  const std::string_view top = plan.substr(0, plan.find('\n'));
  for (std::string_view write : {"Insert on ", "Update on ", "Delete on ", "Merge on "}) {
    if (top.starts_with(write)) return -1;
  }
  const size_t actual = top.find(" (actual ");
  if (actual == kNone) return -1;
  const auto number = [&](std::string_view key) -> int64_t {
    size_t at = top.find(key, actual);
    if (at == kNone) return -1;
    at += key.size();
    int64_t value = -1;
    std::from_chars(top.data() + at, top.data() + top.size(), value);
    return value;
  };
  return number(" loops=") == 1 ? number(" rows=") : -1;
}

}  // namespace dbaudit
