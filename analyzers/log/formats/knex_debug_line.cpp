#include "analyzers/log/formats/knex_debug_line.h"

#include <algorithm>

#include "analyzers/log/formats/python_logging.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxPrefix = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// ` +3ms` of a terminal, cut off.
std::string_view without_since(std::string_view text) {
  const size_t plus = text.rfind(" +");
  if (plus == kNone || text.size() - plus > 12 || plus + 2 >= text.size() || !is_digit(text[plus + 2])) return text;
  size_t at = plus + 2;
  while (at < text.size() && is_digit(text[at])) ++at;
  const std::string_view unit = text.substr(at);
  return unit == "ms" || unit == "s" || unit == "m" || unit == "h" || unit == "d" ? text.substr(0, plus) : text;
}

}  // namespace

KnexDebugLine parse_knex_debug_line(std::string_view line) {
  KnexDebugLine result;
  const std::string_view head = line.substr(0, kMaxPrefix);
  size_t at = head.find("knex:");
  while (at != kNone && at > 0 && head[at - 1] != ' ') at = head.find("knex:", at + 1);
  if (at == kNone) return result;
  const size_t word = at + 5;
  size_t end = word;
  while (end < line.size() && ((line[end] >= 'a' && line[end] <= 'z') || line[end] == '-' || line[end] == '_' || line[end] == ':')) ++end;
  if (end == word || (end < line.size() && line[end] != ' ')) return result;
  const std::string_view prefix = line.substr(0, at);
  const size_t first = prefix.find_first_not_of(' ');
  result.terminal = first == kNone && !prefix.empty();
  if (first != kNone) {
    // A time, perhaps behind words of whoever collected the log.
    for (size_t from = first; from < prefix.size();) {
      size_t length = 0;
      if (const auto t = parse_python_time(prefix.substr(from), length); t && t->known()) {
        result.time = *t;
        break;
      }
      const size_t blank = prefix.find(' ', from);
      if (blank == kNone) break;
      from = prefix.find_first_not_of(' ', blank);
      if (from == kNone) break;
    }
    if (!result.time.known()) return result;  // prose that has the word in it
  }
  const std::string_view name = line.substr(word, end - word);
  result.kind = name == "query"      ? KnexDebugLine::Kind::kQuery
                : name == "bindings" ? KnexDebugLine::Kind::kBindings
                : name == "tx"       ? KnexDebugLine::Kind::kTx
                                     : KnexDebugLine::Kind::kOther;
  result.text = std::min(end + 1, line.size());
  return result;
}

KnexDebugEnd parse_knex_debug_end(std::string_view text) {
  KnexDebugEnd result;
  text = without_since(text);
  constexpr std::string_view kUndefined = "undefined";
  const auto is_word = [text](size_t at) { return at == 0 || text[at - 1] == ' '; };
  if (text.ends_with(kUndefined) && is_word(text.size() - kUndefined.size())) {
    result.found = true;
    result.size = text.size() - kUndefined.size();
  } else {
    size_t at = text.size();
    while (at > 0 && is_digit(text[at - 1])) --at;
    if (at == text.size() || at < 3 || text.substr(at - 3, 3) != "trx" || !is_word(at - 3)) {
      result.size = text.size();
      return result;
    }
    result.found = true;
    result.size = at - 3;
    result.txid = text.substr(at - 3);
  }
  if (result.size > 0) --result.size;  // the blank
  return result;
}

}  // namespace dbaudit
