#include "analyzers/log/formats/activerecord_message.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/statement_text.h"
#include "analyzers/log/plain_text.h"

namespace dbaudit {
namespace {

using header_text::digits_at;
using header_text::is_digit;
using header_text::is_hex;

constexpr size_t kNone = std::string_view::npos;
constexpr size_t kMaxLead = 1024;  ///< bytes before the duration
constexpr std::string_view kArrow = "\xE2\x86\xB3";

bool is_level(std::string_view word) {
  if (word.size() < 3 || word.size() > 9 || std::string_view("DIWEFAUdiwef").find(word[0]) == kNone) return false;
  while (word.ends_with(':')) word.remove_suffix(1);
  for (const std::string_view level :
       {"DEBUG", "INFO", "WARN", "ERROR", "FATAL", "ANY", "UNKNOWN", "debug", "info", "warn", "error", "fatal"}) {
    if (word == level) return true;
  }
  return false;
}

bool is_uuid(std::string_view s) {
  if (s.size() != 36) return false;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? s[i] != '-' : !is_hex(ascii_lower(s[i]))) return false;
  }
  return true;
}

bool is_address(std::string_view s) {
  if (std::count(s.begin(), s.end(), '.') == 3) return s.find_first_not_of("0123456789.") == kNone;
  return std::count(s.begin(), s.end(), ':') >= 2 && s.find_first_not_of("0123456789abcdefABCDEF:.") == kNone;
}

/// How well a tag tells one request from another.
int tag_rank(std::string_view tag) {
  if (is_uuid(tag)) return 4;
  if (is_address(tag) || is_level(tag) || tag == "ActiveJob" || tag == "SolidQueue" || tag == "ActionCable") return 0;
  if (tag.size() >= 16 && tag.find_first_not_of("0123456789abcdefABCDEF-") == kNone) return 3;
  return tag.find_first_of("0123456789") != kNone ? 2 : 1;
}

/// A time at the start of `s`; its length in `size`.
bool take_time(std::string_view s, TimePoint& time, size_t& size) {
  if (digits_at(s, 0) != 4) return false;
  const auto t = parse_time(s, &size);
  if (!t) return false;
  if (!time.known()) time = *t;
  return true;
}

/// What stands inside brackets: a time with a process, a level, a process, a tag.
struct Tags {
  int rank = -1;
};

void read_bracket(std::string_view inside, RailsPrefix& prefix, Tags& tags) {
  inside = trim(inside);
  size_t size = 0;
  if (take_time(inside, prefix.time, size)) {
    prefix.logger = true;
    const size_t hash = inside.find('#', size);
    if (hash != kNone) prefix.process = inside.substr(hash + 1, digits_at(inside, hash + 1));
    return;
  }
  if (is_level(inside)) {
    prefix.logger = true;
    return;
  }
  if (inside.empty()) return;
  if (inside.starts_with("#") && digits_at(inside, 1) == inside.size() - 1) {
    prefix.process = inside.substr(1);
    return;
  }
  // `pid:thread`, as semantic_logger prints.
  const size_t pid = digits_at(inside, 0);
  if (pid > 0 && pid < inside.size() && inside[pid] == ':' && !is_address(inside)) {
    prefix.process = inside.substr(0, pid);
    prefix.thread = inside.substr(pid + 1);
    prefix.logger = true;
    return;
  }
  for (const std::string_view name : {"tid=", "thread=", "TID:"}) {
    if (inside.starts_with(name)) {
      prefix.thread = inside.substr(name.size());
      return;
    }
  }
  for (const std::string_view name : {"request_id=", "request_id: ", "req_id="}) {
    if (inside.starts_with(name)) {
      prefix.request = inside.substr(name.size());
      tags.rank = 5;
      return;
    }
  }
  const int rank = tag_rank(inside);
  if (rank > tags.rank && rank > 0) {
    tags.rank = rank;
    prefix.request = inside;
  }
}

/// One word; false when it is none of a prefix.
bool read_word(std::string_view word, RailsPrefix& prefix) {
  if (is_level(word)) {
    prefix.logger = true;
    return true;
  }
  if (word == "--" || word == ":" || word == "-" || word == "|" || word == "-- :") return true;
  if (word.size() == 2 && word[1] == ',' && std::string_view("DIWEFAU").find(word[0]) != kNone) return true;
  for (const auto& [name, target] : {std::pair{std::string_view("pid="), &prefix.process},
                                     {"tid=", &prefix.thread},
                                     {"thread=", &prefix.thread},
                                     {"jid=", &prefix.request},
                                     {"request_id=", &prefix.request}}) {
    if (!word.starts_with(name)) continue;
    *target = word.substr(name.size());
    while (target->ends_with(':') || target->ends_with(',')) target->remove_suffix(1);
    prefix.logger = true;
    return true;
  }
  if (word.starts_with("class=") || word.starts_with("elapsed=")) return true;
  if (word.size() > 1 && word[0] == '#' && digits_at(word, 1) == word.size() - 1) {
    prefix.process = word.substr(1);
    return true;
  }
  // `app[web.1]:` of a log router, `rails[1234]:` of syslog.
  if (word.ends_with(':') && word.find('[') != kNone) return true;
  return false;
}

/// Offset of the next `ms)` at or behind `from`, or npos.
size_t find_duration_end(std::string_view s, size_t from) {
  for (size_t at = s.find(')', from); at != kNone; at = s.find(')', at + 1)) {
    if (at >= from + 2 && s[at - 1] == 's' && s[at - 2] == 'm') return at - 2;
  }
  return kNone;
}

/// Where the last of a message's two blanks, a tag's or a label's end, or a colour is: the name of the event begins there.
size_t find_name(std::string_view lead) {
  for (size_t at = lead.size(); at-- > 0;) {
    if (lead[at] == '\x1b') {
      const size_t behind = skip_colours(lead, at);
      if (behind != at) return behind;
    }
    if (lead[at] == ' ' && at > 0 && (lead[at - 1] == ' ' || lead[at - 1] == ']' || lead[at - 1] == ':')) return at + 1;
  }
  return 0;
}

double number_before(std::string_view s, size_t end, size_t& begin) {
  begin = end;
  while (begin > 0 && end - begin < 16 && (is_digit(s[begin - 1]) || s[begin - 1] == '.')) --begin;
  double v = -1;
  const auto [stop, error] = std::from_chars(s.data() + begin, s.data() + end, v);
  return error == std::errc() && stop == s.data() + end && begin < end ? v : -1;
}

struct ErrorClass {
  std::string_view name, code;
};
constexpr ErrorClass kPostgresClasses[] = {{"UniqueViolation", "23505"},
                                           {"NotNullViolation", "23502"},
                                           {"ForeignKeyViolation", "23503"},
                                           {"CheckViolation", "23514"},
                                           {"ExclusionViolation", "23P01"},
                                           {"TRDeadlockDetected", "40P01"},
                                           {"TRSerializationFailure", "40001"},
                                           {"LockNotAvailable", "55P03"},
                                           {"QueryCanceled", "57014"},
                                           {"InFailedSqlTransaction", "25P02"},
                                           {"UndefinedTable", "42P01"},
                                           {"UndefinedColumn", "42703"},
                                           {"SyntaxError", "42601"},
                                           {"StringDataRightTruncation", "22001"},
                                           {"NumericValueOutOfRange", "22003"},
                                           {"ReadOnlySqlTransaction", "25006"}};
constexpr ErrorClass kMysqlTexts[] = {{"Duplicate entry ", "1062"},
                                      {"Deadlock found", "1213"},
                                      {"Lock wait timeout", "1205"},
                                      {"Record has changed since last read", "1020"},
                                      {"Cannot add or update a child row", "1452"},
                                      {"Cannot delete or update a parent row", "1451"},
                                      {"Statement aborted because lock(s) could not be acquired", "3572"}};

}  // namespace

size_t read_rails_prefix(std::string_view text, bool whole, RailsPrefix& prefix) {
  prefix = RailsPrefix{};
  Tags tags;
  size_t at = 0;
  const size_t limit = std::min(text.size(), kMaxLead);
  while (at < limit) {
    size_t begin = at;
    while (begin < limit && text[begin] == ' ') ++begin;
    // Two blanks begin the messages of ActiveRecord; a level is padded to five with one.
    if (begin == limit || (!whole && begin - at >= 2 && !is_level(text.substr(begin, text.find(' ', begin) - begin)))) break;
    begin = skip_colours(text, begin);
    if (begin >= limit) break;
    size_t size = 0;
    if (text[begin] == '[') {
      const size_t close = text.find(']', begin);
      if (close == kNone || close >= limit) break;
      read_bracket(text.substr(begin + 1, close - begin - 1), prefix, tags);
      at = close + 1;
    } else if (take_time(text.substr(begin), prefix.time, size)) {
      prefix.logger = true;
      at = begin + size;
      while (at < limit && (text[at] == ':' || text[at] == ',')) ++at;
    } else {
      const size_t end = std::min(text.find(' ', begin), limit);
      if (!read_word(text.substr(begin, end - begin), prefix) && !whole) break;
      at = end;
    }
  }
  return at;
}

std::optional<SqlEvent> find_sql_event(std::string_view line) {
  const std::string_view head = line.substr(0, kMaxLead);
  int tries = 0;
  for (size_t ms = find_duration_end(head, 0); ms != kNone && tries < 8; ms = find_duration_end(head, ms + 3), ++tries) {
    size_t number = 0;
    double duration = number_before(head, ms, number);
    if (duration < 0 || number < 1 || head[number - 1] != '(' || (number > 1 && head[number - 2] != ' ')) continue;
    const size_t open = number - 1;
    SqlEvent event;
    size_t at = ms + 3;
    constexpr std::string_view kDbTime = " (db time ";
    if (line.substr(at, kDbTime.size()) == kDbTime) {  // loaded in the background: the first number is how long it was waited for
      const size_t end = find_duration_end(head, at);
      if (end == kNone) continue;
      size_t begin = 0;
      duration = number_before(head, end, begin);
      at = end + 3;
    }
    const size_t after_colour = skip_colours(line, at);
    event.coloured = after_colour != at;
    at = after_colour;
    const size_t blanks = std::min(line.find_first_not_of(' ', at), line.size()) - at;
    if (blanks == 0) continue;
    at += blanks;
    const size_t sql = skip_colours(line, at);
    event.coloured |= sql != at;
    event.sql = sql;
    const std::string_view text = trim(line.substr(sql));
    // A heredoc may begin with a newline.
    if (text.empty() ? blanks < 2 : !starts_like_sql(text, true)) continue;
    // The name reaches back to two blanks, or to whatever a formatter that strips messages put in front.
    std::string_view lead = head.substr(0, open);
    if (lead.find('"') != kNone) return std::nullopt;  // what a user sent, in `Started GET "…"` or `Parameters: {"…"}`
    if (lead.ends_with(' ')) lead.remove_suffix(1);
    const size_t name = find_name(lead);
    event.name = trim(lead.substr(std::min(name, lead.size())));
    event.lead = std::min(name, lead.size());
    const size_t colour = lead.substr(0, event.lead).rfind('\x1b');
    if (colour != kNone && skip_colours(lead, colour) == event.lead) {
      event.lead = lead.rfind("  ", colour) == kNone ? colour : lead.rfind("  ", colour);
      const size_t first = lead.find('\x1b');
      if (first < event.lead && skip_colours(lead, first) == colour) event.lead = first;
    }
    if (event.name.starts_with("CACHE") && (event.name.size() == 5 || event.name[5] == ' ')) event.cached = true;
    event.duration_us = static_cast<int64_t>(std::llround(std::min(duration, 9e12) * 1000));
    return event;
  }
  return std::nullopt;
}

std::optional<SourceLine> parse_source_line(std::string_view message) {
  message = trim(message);
  if (!message.starts_with(kArrow)) return std::nullopt;
  message = trim(message.substr(kArrow.size()));
  // A path may hold a colon; the line number is digits between two, or at the end.
  for (size_t colon = message.find(':'); colon != kNone; colon = message.find(':', colon + 1)) {
    const size_t digits = digits_at(message, colon + 1);
    const size_t end = colon + 1 + digits;
    if (digits == 0 || digits > 9 || (end < message.size() && message[end] != ':')) continue;
    SourceLine source;
    source.file = message.substr(0, colon);
    std::from_chars(message.data() + colon + 1, message.data() + end, source.line);
    return source;
  }
  return SourceLine{message, 0};
}

std::optional<DatabaseException> parse_database_exception(std::string_view message) {
  message = trim(message);
  if (message.starts_with("ActiveRecord::")) {
    const size_t open = message.find_first_of("( ");
    const size_t adapter = open == kNone ? kNone : message.find_first_not_of("(: ", open);
    if (adapter == kNone || adapter > 80) return std::nullopt;
    message = message.substr(adapter);
    while (message.ends_with(')') || message.ends_with(':')) message.remove_suffix(1);
  }
  constexpr std::string_view kAdapters[] = {"PG::", "Mysql2::", "Trilogy::", "SQLite3::"};
  const auto* adapter =
      std::find_if(std::begin(kAdapters), std::end(kAdapters), [&](std::string_view a) { return message.starts_with(a); });
  if (adapter == std::end(kAdapters)) return std::nullopt;
  size_t end = adapter->size();
  while (end < message.size() && (header_text::is_word(message[end]) || message[end] == ':')) {
    if (message[end] == ':' && (end + 1 == message.size() || message[end + 1] != ':')) break;
    end += message[end] == ':' ? 2 : 1;
  }
  if (end >= message.size() || message[end] != ':') return std::nullopt;
  const std::string_view name = message.substr(adapter->size(), end - adapter->size());
  DatabaseException e;
  e.message = trim(message.substr(end + 1));
  if (*adapter == "PG::") {
    for (const ErrorClass& c : kPostgresClasses) {
      if (name == c.name) e.code = c.code;
    }
    if (e.message.starts_with("ERROR:")) e.message = trim(e.message.substr(6));
  } else if (*adapter == "SQLite3::") {
    if (name == "BusyException") e.code = "5";
    if (name == "LockedException") e.code = "6";
    if (name == "ConstraintException") e.code = e.message.starts_with("UNIQUE ") ? "2067" : "19";
  } else {
    // Trilogy prints the number in front, both print the server's text.
    const size_t digits = digits_at(e.message, 0);
    if (digits == 4 && e.message.substr(4, 2) == ": ") {
      e.code = e.message.substr(0, 4);
    } else {
      for (const ErrorClass& c : kMysqlTexts) {
        if (e.message.find(c.name) != kNone) e.code = c.code;
      }
    }
  }
  return e;
}

bool is_rails_line(std::string_view message) {
  message = trim(message);
  if (message.empty()) return false;
  if (message.starts_with(kArrow)) return true;
  if (std::string_view("SPCRFUWE[DNMTm").find(message[0]) == kNone) return false;
  for (const std::string_view start : {"Started GET ",
                                       "Started POST ",
                                       "Started PUT ",
                                       "Started PATCH ",
                                       "Started DELETE ",
                                       "Started HEAD ",
                                       "Started OPTIONS ",
                                       "Processing by ",
                                       "Completed ",
                                       "Parameters: ",
                                       "Rendering ",
                                       "Rendered ",
                                       "Redirected to ",
                                       "Sent file ",
                                       "Sent data ",
                                       "Sent mail ",
                                       "Filter chain halted ",
                                       "Can't verify CSRF ",
                                       "Unpermitted parameter",
                                       "Read fragment ",
                                       "Write fragment ",
                                       "Exist fragment",
                                       "[ActiveJob] ",
                                       "Enqueued ",
                                       "Performing ",
                                       "Performed ",
                                       "Error performing ",
                                       "Retrying ",
                                       "Delivered mail ",
                                       "Finished \"",
                                       "Successfully upgraded ",
                                       "Disk Storage ",
                                       "No template found ",
                                       "Migrating to ",
                                       "DEPRECATION WARNING",
                                       "method=GET ",
                                       "method=POST ",
                                       "method=PUT ",
                                       "method=PATCH ",
                                       "method=DELETE "}) {
    if (message.starts_with(start)) return true;
  }
  return false;
}

std::string_view processed_action(std::string_view message) {
  constexpr std::string_view kStart = "Processing by ";
  message = trim(message);
  if (!message.starts_with(kStart)) return {};
  message.remove_prefix(kStart.size());
  const std::string_view action = message.substr(0, message.find(' '));
  return action.find('#') == kNone ? std::string_view() : action;
}

}  // namespace dbaudit
