#include "analyzers/log/formats/efcore_message.h"

#include <algorithm>
#include <charconv>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"

namespace dbaudit {
namespace {

using header_text::is_digit;
using Kind = EfMessage::Kind;
constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxParameters = 65535;

struct Text {
  std::string_view start;
  Kind kind;
};
constexpr Text kTexts[] = {
    {"Executed DbCommand (", Kind::kExecuted},
    {"Executing DbCommand [", Kind::kExecuting},
    {"Failed executing DbCommand (", Kind::kFailed},
    {"Began transaction with isolation level '", Kind::kBegin},
    {"Began transaction with isolation level \"", Kind::kBegin},
    {"Committing transaction.", Kind::kCommit},
    {"Committed transaction.", Kind::kCommit},
    {"Rolling back transaction.", Kind::kRollback},
    {"Rolled back transaction.", Kind::kRollback},
    {"Disposing transaction.", Kind::kDispose},
    {"Created transaction savepoint.", Kind::kSavepoint},
    {"Rolled back to transaction savepoint.", Kind::kRollbackTo},
    {"Released transaction savepoint.", Kind::kRelease},
};

constexpr std::string_view kType = "], CommandType='";

/// `@p0=`, `:p0=`, `$p0=`; a name without a sign only behind one without.
bool is_parameter(std::string_view s, bool signs) {
  size_t at = 0;
  const bool has_sign = !s.empty() && (s[0] == '@' || s[0] == ':' || s[0] == '$');
  if (signs && !has_sign) return false;
  if (has_sign) ++at;
  const size_t from = at;
  while (at < s.size() && header_text::is_word(s[at])) ++at;
  return at > from && at < s.size() && s[at] == '=';
}

bool has_sign(std::string_view list) { return !list.empty() && (list[0] == '@' || list[0] == ':' || list[0] == '$'); }

/// Where the value's closing quote is: the first quote that something follows which can follow a value.
size_t value_end(std::string_view s, size_t at, bool signs) {
  for (size_t quote = s.find('\'', at); quote != kNone; quote = s.find('\'', quote + 1)) {
    const std::string_view rest = s.substr(quote + 1);
    if (rest.empty() || rest.starts_with(kType)) return quote;
    if (rest.starts_with(" (")) {
      for (const std::string_view attribute : {"Nullable = ", "Size = ", "DbType = ", "Precision = ", "Scale = ", "Direction = "}) {
        if (rest.substr(2).starts_with(attribute)) return quote;
      }
    }
    if (rest.starts_with(", ") && is_parameter(rest.substr(2), signs)) return quote;
  }
  return kNone;
}

/// One parameter of a list, from its name on. The offset behind it and its attributes, or npos when the list is not as EF Core prints it.
struct ListItem {
  std::string_view name, value, attributes;
  bool is_null = false, is_quoted = false;
};
size_t read_item(std::string_view s, size_t at, bool signs, ListItem& out) {
  const size_t equals = s.find('=', at);
  if (equals == kNone || equals - at > 256) return kNone;
  out = ListItem{};
  out.name = trim(s.substr(at, equals - at));
  at = equals + 1;
  if (s.substr(at).starts_with("NULL")) {
    out.is_null = true;
    at += 4;
  } else if (at < s.size() && s[at] == '\'') {
    const size_t quote = value_end(s, at + 1, signs);
    out.is_quoted = true;
    out.value = s.substr(at + 1, quote == kNone ? kNone : quote - at - 1);
    if (quote == kNone) return kNone;
    at = quote + 1;
  } else {
    // A collection: `{ 'a', 'b' }`
    const size_t close = s.find('}', at);
    if (close == kNone) return kNone;
    out.value = s.substr(at, close + 1 - at);
    at = close + 1;
  }
  const size_t attributes = at;
  while (s.substr(at).starts_with(" (")) {
    const size_t close = s.find(')', at);
    if (close == kNone) break;
    at = close + 1;
  }
  out.attributes = s.substr(attributes, at - attributes);
  return at;
}

/// Where `], CommandType='` ends the list that `s` begins with. A value may hold the same bytes.
size_t list_end(std::string_view s) {
  if (s.starts_with('"')) {  // Serilog without `:l`
    const size_t quote = s.find("\"], CommandType='");
    return quote == kNone ? kNone : quote + 1;
  }
  const bool signs = has_sign(s);
  ListItem item;
  for (size_t at = 0; !s.substr(at).starts_with(kType);) {
    at = read_item(s, at, signs, item);
    if (at == kNone) return kNone;
    if (s.substr(at).starts_with(", ")) {
      at += 2;
    } else {
      return s.substr(at).starts_with(kType) ? at : kNone;
    }
  }
  return 0;
}

bool is_number_text(std::string_view s) {
  double v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  return error == std::errc() && end == s.data() + s.size();
}

bool is_number_type(std::string_view attributes) {
  for (const std::string_view type : {"Int32)", "Int64)", "Int16)", "Decimal)", "Double)", "Single)", "Byte)", "UInt32)", "UInt64)",
                                      "UInt16)", "SByte)", "Currency)", "VarNumeric)"}) {
    const size_t at = attributes.find("(DbType = ");
    if (at != kNone && attributes.substr(at + 10).starts_with(type)) return true;
  }
  return false;
}

}  // namespace

size_t find_ef_message(std::string_view line) {
  const std::string_view head = line.substr(0, std::min<size_t>(line.size(), 1024));
  size_t best = kNone;
  if (head.find("DbCommand") == kNone && head.find("transaction") == kNone) return kNone;
  for (const Text& t : kTexts) best = std::min(best, head.find(t.start));
  return best;
}

EfMessage read_ef_message(std::string_view message) {
  EfMessage m;
  for (const Text& t : kTexts) {
    if (!message.starts_with(t.start)) continue;
    m.kind = t.kind;
    message.remove_prefix(t.start.size());
    break;
  }
  if (m.kind == Kind::kBegin) {
    m.text = message.substr(0, message.find_first_of("'\""));
    return m;
  }
  if (m.kind != Kind::kExecuted && m.kind != Kind::kExecuting && m.kind != Kind::kFailed) return m;
  if (m.kind != Kind::kExecuting) {
    // `1,234ms) [`; Serilog without `:l` writes the text in quotes: `("1,234"ms) [`
    int64_t ms = 0;
    size_t at = 0;
    while (at < message.size() && at < 24 && !message.substr(at).starts_with("ms)")) {
      if (is_digit(message[at]) && ms < int64_t{1} << 40) ms = ms * 10 + (message[at] - '0');
      ++at;
    }
    if (!message.substr(at).starts_with("ms) [")) return m;
    if (ms < int64_t{1} << 40) m.duration_us = ms * 1000;
    message.remove_prefix(at + 5);
  }
  constexpr std::string_view kParameters = "Parameters=[";
  if (!message.starts_with(kParameters)) return m;
  message.remove_prefix(kParameters.size());
  size_t type = list_end(message);
  m.loose = type == kNone;
  if (m.loose) type = message.find(kType);
  if (type == kNone) return m;
  m.parameters = message.substr(0, type);
  if (m.parameters.size() >= 2 && m.parameters.starts_with('"') && m.parameters.ends_with('"'))
    m.parameters = m.parameters.substr(1, m.parameters.size() - 2);
  const size_t timeout = message.find("CommandTimeout='", type);
  const size_t end = timeout == kNone ? kNone : message.find("']", timeout + 16);
  if (end == kNone || end - timeout > 32) return m;
  m.whole_header = true;
  m.text = message.substr(end + 2);
  // Serilog's `{newLine}{commandText}` in quotes: `"` newline `""SELECT …"`
  if (m.text.starts_with("\"\n\"\"") || m.text.starts_with("\"\r\n\"\"")) {
    m.escaped = true;
    m.text.remove_prefix(m.text.find('\n') + 3);
    while (!m.text.empty() && (m.text.back() == '\n' || m.text.back() == '\r')) m.text.remove_suffix(1);
    if (m.text.ends_with('"')) m.text.remove_suffix(1);
  }
  return m;
}

bool EfParameters::read(std::string_view text, std::string_view sql, std::vector<BindValue>& out) {
  parameters_.clear();
  bool redacted = true;
  const bool signs = has_sign(text);
  ListItem item;
  for (size_t at = 0; at < text.size() && parameters_.size() < kMaxParameters;) {
    const size_t next = read_item(text, at, signs, item);
    if (item.name.empty() || (next == kNone && item.value.empty())) break;
    Parameter p;
    p.name = item.name;
    p.value.text = item.value;
    p.value.is_null = item.is_null;
    p.value.is_number = is_number_type(item.attributes) && is_number_text(item.value);
    if (!item.is_quoted || item.value != "?") redacted = false;
    parameters_.push_back(p);
    if (next == kNone || !text.substr(next).starts_with(", ")) break;
    at = next + 2;
  }
  if (parameters_.empty() || redacted) return false;
  for (Parameter& p : parameters_) {
    p.place = sql.size();
    for (size_t at = p.name.empty() ? kNone : sql.find(p.name); at != kNone; at = sql.find(p.name, at + 1)) {
      const size_t after = at + p.name.size();
      if (after == sql.size() || !header_text::is_word(sql[after])) {
        p.place = at;
        break;
      }
    }
  }
  std::stable_sort(parameters_.begin(), parameters_.end(), [](const Parameter& a, const Parameter& b) { return a.place < b.place; });
  for (const Parameter& p : parameters_) out.push_back(p.value);
  return true;
}

bool read_ef_exception(std::string_view text, std::string_view& code, std::string_view& message) {
  const auto line_from = [text](size_t at) { return trim(text.substr(at, std::min(text.find('\n', at), text.size()) - at)); };
  if (const size_t at = text.find("PostgresException"); at != kNone) {
    // `PostgresException (0x80004005): 23505: duplicate key …`
    const size_t colon = text.find(": ", at);
    if (colon != kNone && colon + 8 < text.size() && text[colon + 7] == ':') {
      code = text.substr(colon + 2, 5);
      message = line_from(colon + 9);
      return true;
    }
  }
  if (const size_t at = text.find("SQLite Error "); at != kNone) {
    const size_t n = header_text::digits_at(text, at + 13);
    code = text.substr(at + 13, n);
    message = line_from(std::min(text.size(), at + 13 + n + (text.substr(at + 13 + n).starts_with(": ") ? 2 : 0)));
    return n > 0;
  }
  if (const size_t at = text.find("MySqlException"); at != kNone) {
    const size_t colon = text.find("): ", at);
    if (colon == kNone) return false;
    message = line_from(colon + 3);
    // Neither provider prints the number; its words are the server's.
    code = message.starts_with("Duplicate entry ")                   ? "1062"
           : message.starts_with("Deadlock found when trying")       ? "1213"
           : message.starts_with("Lock wait timeout exceeded")       ? "1205"
           : message.starts_with("Record has changed since last")    ? "1020"
           : message.starts_with("Cannot add or update a child")     ? "1452"
           : message.starts_with("Cannot delete or update a parent") ? "1451"
                                                                     : std::string_view();
    return true;
  }
  if (const size_t at = text.find("SqlException (0x"); at != kNone) {
    const size_t colon = text.find("): ", at);
    if (colon == kNone) return false;
    message = line_from(colon + 3);
    code = {};
    if (const size_t number = text.find("Error Number:", colon); number != kNone) {
      code = text.substr(number + 13, header_text::digits_at(text, number + 13));
    }
    return true;
  }
  return false;
}

}  // namespace dbaudit
