#include "cli/option_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "analyzers/base/text.h"
#include "analyzers/log/reader.h"
#include "cli/report/report.h"
#include "rules/registry.h"

namespace dbaudit {

namespace {

constexpr int kMaxJobs = 256;

std::vector<std::string> names_of_log_formats() {
  std::vector<std::string> names = {"auto"};
  for (const Format* f : all_formats()) names.emplace_back(f->name);
  return names;
}

std::vector<std::string> names_of_report_formats() {
  std::vector<std::string> names;
  for (const ReportFormat* f : all_report_formats()) names.emplace_back(f->name);
  return names;
}

}  // namespace

std::string unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& candidates, std::string_view hint) {
  std::string near = nearest(word, candidates);
  std::string message = fmt::format("unknown {} '{}'", what, word);
  if (!near.empty()) return message + fmt::format(" (did you mean {}?)", near);
  return hint.empty() ? message : message + fmt::format(" ({})", hint);
}

std::vector<std::string> names_of_engines() { return {"postgresql", "mysql", "mariadb", "sqlite"}; }

std::string log_format_list() {
  size_t widest = 0;
  for (const Format* f : all_formats()) widest = std::max(widest, f->name.size());
  std::string text = "Log formats (--log-format NAME; auto decides for each file from its first 64 KiB):\n\n";
  for (const Format* f : all_formats()) {
    text += fmt::format("  {:{}}  {}\n", f->name, widest, f->summary);
    if (!f->enable.empty()) text += fmt::format("  {:{}}  written with: {}\n", "", widest, f->enable);
  }
  return text;
}

Result<std::string> one_of(std::string_view option, const std::string& value, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (iequals(value, word)) return word;
  }
  return fail(unknown_word(fmt::format("value for {}:", option), value, words, "one of " + join(words, ", ")));
}

Result<Engine> engine_of(const std::string& value) {
  if (std::optional<Engine> engine = parse_engine(value)) return *engine;
  return fail(unknown_word("engine", value, names_of_engines(), "one of " + join(names_of_engines(), ", ")));
}

Result<std::string> log_format_of(const std::string& value) {
  if (value == "auto" || find_format(value) != nullptr) return value;
  return fail(unknown_word("log format", value, names_of_log_formats(), "--log-format help lists them"));
}

Result<std::string> report_format_of(const std::string& value) {
  if (find_report_format(value) != nullptr) return value;
  return fail(unknown_word("report format", value, names_of_report_formats(), "one of " + join(names_of_report_formats(), ", ")));
}

Result<std::vector<std::string>> rules_of(const std::vector<std::string>& values) {
  std::vector<std::string> selectors;
  for (const std::string& value : values) {
    for (std::string_view part : split(value, ',')) {
      part = trim(part);
      if (part.empty()) continue;
      bool known = false;
      for (const Rule* rule : all_rules()) known = known || rule_matches(*rule, part);
      if (!known) return fail(unknown_word("rule", part, names_of_rules(), "dbaudit rules lists them"));
      selectors.emplace_back(part);
    }
  }
  return selectors;
}

Result<int> jobs_of(const std::string& value) {
  int jobs = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), jobs);
  if (error != std::errc() || end != value.data() + value.size() || jobs < 1 || jobs > kMaxJobs) {
    return fail(fmt::format("--jobs takes a number from 1 to {}, not '{}'", kMaxJobs, value));
  }
  return jobs;
}

Result<std::optional<Severity>> fail_on_of(const std::string& value) {
  const Result<std::string> word = one_of("--fail-on", value, {"error", "warning", "note", "never"});
  if (!word) return tl::unexpected(word.error());
  return parse_severity(*word);  // nullopt for never
}

Result<Confidence> confidence_of(std::string_view option, const std::string& value) {
  const Result<std::string> word = one_of(option, value, {"possible", "likely", "observed", "proven"});
  if (!word) return tl::unexpected(word.error());
  return *parse_confidence(*word);
}

std::vector<std::string> names_of_rules() {
  std::vector<std::string> names;
  for (const Rule* rule : all_rules()) {
    names.emplace_back(rule->code);
    names.emplace_back(rule->name);
  }
  return names;
}

Result<IsolationSetting> parse_isolation_setting(std::string_view text) {
  IsolationSetting setting;
  std::vector<std::string_view> parts = split(text, '+');
  std::string_view level = trim(parts.front());
  if (iequals(level, "autocommit")) {
    setting.autocommit_only = true;
  } else if (std::optional<Isolation> parsed = parse_isolation(level); parsed && *parsed != Isolation::kUnknown) {
    setting.level = *parsed;
  } else {
    return fail(unknown_word("isolation level", level,
                             {"read uncommitted", "read committed", "repeatable read", "serializable", "autocommit"},
                             "read uncommitted, read committed, repeatable read, serializable or autocommit"));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    std::string_view part = trim(parts[i]);
    size_t equals = part.find('=');
    std::string name = to_lower(trim(part.substr(0, equals)));
    std::string_view value = equals == std::string_view::npos ? "" : trim(part.substr(equals + 1));
    bool is_name = !name.empty();
    for (char c : name) is_name = is_name && (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.');
    if (!is_name || value.empty())
      return fail(fmt::format("--isolation: '{}' is not NAME=VALUE, such as innodb_snapshot_isolation=ON", part));
    setting.settings.emplace_back(std::move(name), std::string(value));
  }
  return setting;
}

Result<int32_t> parse_zone_offset(std::string_view text) {
  std::string_view zone = trim(text);
  if (iequals(zone, "utc") || iequals(zone, "gmt") || iequals(zone, "z")) return 0;
  auto refuse = [&] { return fail(fmt::format("--log-timezone takes UTC or an offset such as +02:00, not '{}'", text)); };
  if (zone.size() < 2 || (zone.front() != '+' && zone.front() != '-')) return refuse();
  bool west = zone.front() == '-';
  zone.remove_prefix(1);
  std::string digits;
  if (size_t colon = zone.find(':'); colon != std::string_view::npos) {
    if (colon == 0 || colon > 2 || zone.size() != colon + 3) return refuse();
    digits = std::string(zone.substr(0, colon)).append(zone.substr(colon + 1));
  } else {
    digits = zone;
    if (digits.size() <= 2) digits += "00";
  }
  if (digits.size() > 4 || !all_digits(digits)) return refuse();
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  int32_t hours = number / 100, minutes = number % 100;
  if (hours > 14 || minutes > 59) return refuse();
  int32_t offset = hours * 60 + minutes;
  return west ? -offset : offset;
}

Result<TimePoint> parse_time_option(std::string_view option, std::string_view text, int32_t zone_minutes) {
  std::string whole(text);
  if (whole.size() == 10) whole += " 00:00:00";                                                 // a date
  if (whole.size() >= 16 && (whole.size() == 16 || whole[16] != ':')) whole.insert(16, ":00");  // hours and minutes
  size_t consumed = 0;
  std::optional<TimePoint> time = parse_time(whole, &consumed);
  if (!time || consumed != whole.size())
    return fail(
        fmt::format("{} takes a time such as 2026-11-20, 2026-11-20T14:00 or 2026-11-20T14:00:00Z, not '{}'", option, printable(text)));
  if (!time->zone_known && zone_minutes != INT32_MIN) {
    time->micros -= int64_t{zone_minutes} * 60'000'000;
    time->zone_known = true;
  }
  return *time;
}

}  // namespace dbaudit
