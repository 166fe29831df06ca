#include "analyzers/log/formats/mysql_log_text.h"

#include "analyzers/base/text.h"
#include "analyzers/log/formats/zone.h"

namespace dbaudit::mysql_text {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
int two(const char* p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

}  // namespace

size_t time_size(std::string_view s) {
  static constexpr std::string_view kIso = "dddd-dd-ddTdd:dd:dd";
  static constexpr std::string_view kOld = "dddddd bd:dd:dd";
  const auto has_shape = [&](std::string_view shape) {
    if (s.size() < shape.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 'd' ? !is_digit(s[i]) : shape[i] == 'b' ? !is_digit(s[i]) && s[i] != ' ' : s[i] != shape[i]) return false;
    }
    return true;
  };
  if (s.size() > 6 && s[6] == ' ') return has_shape(kOld) ? kOld.size() : 0;
  if (!has_shape(kIso)) return 0;
  size_t at = kIso.size();
  if (at < s.size() && s[at] == '.') {
    for (++at; at < s.size() && is_digit(s[at]) && at < kIso.size() + 10; ++at) {
    }
  }
  if (at < s.size() && s[at] == 'Z') return at + 1;
  if (at + 6 <= s.size() && (s[at] == '+' || s[at] == '-') && is_digit(s[at + 1]) && is_digit(s[at + 2]) && s[at + 3] == ':' &&
      is_digit(s[at + 4]) && is_digit(s[at + 5])) {
    return at + 6;
  }
  return 0;
}

std::optional<TimePoint> read_time(std::string_view text, int32_t zone_offset_minutes) {
  TimePoint result;
  if (text.size() > 15) {
    const auto time = parse_time(text);
    if (!time) return std::nullopt;
    result = *time;
    result.tick = text.find('.') == std::string_view::npos ? 1'000'000 : 1;
  } else {
    if (text.size() < 15) return std::nullopt;
    const char* p = text.data();
    const int year = two(p) + (two(p) < 70 ? 2000 : 1900);
    const int month = two(p + 2), day = two(p + 4);
    const int hour = p[7] == ' ' ? p[8] - '0' : two(p + 7);
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
    const int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
    result.micros = (((days * 24 + hour) * 60 + two(p + 10)) * 60 + two(p + 13)) * 1'000'000;
    result.tick = 1'000'000;
  }
  return in_zone(result, zone_offset_minutes);
}

bool is_banner(std::string_view line) { return line.ends_with("started with:") && line.find(", Version: ") != std::string_view::npos; }
bool is_banner_rest(std::string_view line) {
  return line.starts_with("Tcp port: ") || line.starts_with("TCP Port: ") ||
         (line.starts_with("Time") && line.find("Id Command") != std::string_view::npos && line.ends_with("Argument"));
}
Engine engine_of_banner(std::string_view line) { return icontains(line, "mariadb") ? Engine::kMariaDb : Engine::kMySql; }

bool starts_with_word(std::string_view sql, std::string_view word) {
  while (!sql.empty() && (sql[0] == ' ' || sql[0] == '\t' || sql[0] == '\n' || sql[0] == '\r')) sql.remove_prefix(1);
  return sql.size() > word.size() && ascii_lower(sql[0]) == word[0] && istarts_with(sql, word) &&
         std::string_view(" \t\r\n`").find(sql[word.size()]) != std::string_view::npos;
}

std::string_view used_database(std::string_view sql) {
  std::string_view name = trim(sql);
  name = trim(name.substr(std::min<size_t>(3, name.size())));
  while (name.ends_with(";")) name = trim(name.substr(0, name.size() - 1));
  if (name.size() >= 2 && name.front() == '`' && name.back() == '`') name = name.substr(1, name.size() - 2);
  return name.size() <= 256 && name.find('\n') == std::string_view::npos ? name : std::string_view();
}

std::string_view user_of(std::string_view user_host) {
  const size_t bracket = user_host.find('[');
  if (bracket == std::string_view::npos) return {};
  // Before the handshake is over only the account is known: `[app] @ localhost []`.
  const std::string_view name = trim(user_host.substr(0, bracket));
  if (!name.empty()) return name;
  const size_t end = user_host.find(']', bracket);
  return end == std::string_view::npos ? std::string_view() : user_host.substr(bracket + 1, end - bracket - 1);
}

bool answers_with_rows(std::string_view sql) {
  for (;;) {
    sql = trim(sql);
    if (sql.starts_with("/*")) {
      const size_t end = sql.find("*/", 2);
      if (end == std::string_view::npos) return false;
      sql.remove_prefix(end + 2);
    } else if (sql.starts_with("#") || sql.starts_with("-- ")) {
      const size_t end = sql.find('\n');
      if (end == std::string_view::npos) return false;
      sql.remove_prefix(end + 1);
    } else if (sql.starts_with("(")) {
      sql.remove_prefix(1);
    } else {
      break;
    }
  }
  // A WITH may stand before an UPDATE or DELETE, whose rows are not sent.
  if (istarts_with(sql, "with") && (icontains(sql, "update ") || icontains(sql, "delete "))) return false;
  for (std::string_view word : {"select", "show", "with", "values", "table", "desc", "explain", "check", "analyze"}) {
    if (istarts_with(sql, word)) return true;
  }
  return false;
}

}  // namespace dbaudit::mysql_text
