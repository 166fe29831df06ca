// The order of rotated files, by name alone: modification times are lost by copies. A name is taken apart into the log it belongs to and its
// place in that log's history:
//
//   app.log.2.gz  app.log.1  app.log            logrotate: the higher the number, the older
//   app.log-20260301.zst  app.log-20260302      logrotate with dateext, PostgreSQL's %Y-%m-%d_%H%M%S, logback: by date, the undated one last

#include <glob.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/source.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct RotatedName {
  std::string log;   ///< the name without date, number and compression
  std::string date;  ///< digits only; empty: none
  int number = -1;   ///< -1: none
  std::string name;

  /// Oldest first.
  bool operator<(const RotatedName& other) const {
    if (log != other.log) return log < other.log;
    if (date.empty() != other.date.empty()) return !date.empty();
    if (date != other.date) return date < other.date;
    // Numbers behind a date count up (logback); without one they count back.
    if (number != other.number) return date.empty() ? number > other.number : number < other.number;
    return name < other.name;
  }
};

/// Bytes of a date, with the time of day behind it, at `at`: 20260301, 2026-03-01, 2026-03-01_000000, 20260301-1767225600. 0: none.
size_t date_at(std::string_view s, size_t at) {
  static constexpr std::string_view kShapes[] = {"dddd-dd-dd", "dddd_dd_dd", "dddd.dd.dd", "dddddddd"};
  size_t n = 0;
  for (std::string_view shape : kShapes) {
    if (s.size() - at < shape.size()) continue;
    bool fits = true;
    for (size_t i = 0; i < shape.size() && fits; ++i) fits = shape[i] == 'd' ? is_digit(s[at + i]) : s[at + i] == shape[i];
    if (!fits || (s[at] != '1' && s[at] != '2')) continue;
    n = shape.size();
    break;
  }
  if (n == 0 || (at + n < s.size() && is_digit(s[at + n]))) return 0;
  // Time of day: groups of digits, as long as they are of two or more.
  size_t end = at + n;
  while (end + 2 < s.size() && std::string_view("-_T.:").find(s[end]) != std::string_view::npos && is_digit(s[end + 1]) &&
         is_digit(s[end + 2])) {
    size_t next = end + 1;
    while (next < s.size() && is_digit(s[next])) ++next;
    end = next;
  }
  return end - at;
}

RotatedName take_apart(const std::string& name) {
  RotatedName result;
  result.name = name;
  std::string rest = name;
  for (std::string_view extension : {".gz", ".bz2", ".zst"}) {
    if (rest.size() > extension.size() && rest.ends_with(extension)) rest.resize(rest.size() - extension.size());
  }
  for (size_t at = 0; at + 8 <= rest.size(); ++at) {
    if (!is_digit(rest[at]) || (at > 0 && is_digit(rest[at - 1]))) continue;
    const size_t n = date_at(rest, at);
    if (n == 0) continue;
    for (size_t i = at; i < at + n; ++i) {
      if (is_digit(rest[i])) result.date += rest[i];
    }
    const bool has_separator = at > 0 && std::string_view("-_.").find(rest[at - 1]) != std::string_view::npos;
    rest.erase(has_separator ? at - 1 : at, has_separator ? n + 1 : n);
    break;
  }
  const size_t dot = rest.rfind('.');
  if (dot != std::string::npos && dot > 0 && rest.size() - dot <= 5 && all_digits(std::string_view(rest).substr(dot + 1))) {
    result.number = std::stoi(rest.substr(dot + 1));
    rest.resize(dot);
  }
  result.log = rest;
  return result;
}

/// Log directories also hold pid files, configuration and databases.
bool looks_like_a_log(std::string_view name) {
  if (name.empty() || name[0] == '.') return false;
  for (std::string_view extension :
       {".sql", ".pid", ".sock", ".lock", ".db", ".sqlite", ".sqlite3", ".conf", ".cnf", ".ini", ".md", ".xz", ".tar"}) {
    if (name.ends_with(extension)) return false;
  }
  for (std::string_view word : {"log", "postgres", "mysql", "mariadb", "trace", ".out", ".err"}) {
    if (icontains(name, word)) return true;
  }
  return false;
}

}  // namespace

namespace {

/// A shell that was kept from expanding a pattern (quotes, a configuration file, cmd.exe) leaves it to us.
std::vector<std::string> matches(const std::string& pattern) {
  std::vector<std::string> result;
  if (pattern.find_first_of("*?[") == std::string::npos) return result;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) result.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return result;
}

/// Puts the rotated files of one log in order, in the places they take among the others.
void order_rotated(std::vector<std::string>& paths) {
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> places;  // by directory and log
  std::vector<RotatedName> names;
  for (size_t i = 0; i < paths.size(); ++i) {
    const fs::path path(paths[i]);
    names.push_back(take_apart(path.filename().string()));
    if (paths[i] != "-") places[{path.parent_path().string(), names.back().log}].push_back(i);
  }
  const std::vector<std::string> given = paths;
  for (const auto& [log, where] : places) {
    std::vector<size_t> sorted = where;
    std::stable_sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) { return names[a] < names[b]; });
    for (size_t i = 0; i < where.size(); ++i) paths[where[i]] = given[sorted[i]];
  }
}

/// The logs in a directory, oldest first.
Result<std::vector<std::string>> logs_in(const std::string& directory) {
  const auto failed = [&](const std::error_code& error) {
    return fail(printable(directory) + ": " + (error == std::errc::permission_denied ? "permission denied" : error.message()));
  };
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error) return failed(error);
  std::vector<RotatedName> names;
  for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
    if (error) return failed(error);
    std::error_code ignored;
    const std::string name = entries->path().filename().string();
    if (entries->is_regular_file(ignored) && looks_like_a_log(name)) names.push_back(take_apart(name));
  }
  if (names.empty()) return fail(printable(directory) + ": no log files in this directory");
  std::sort(names.begin(), names.end());
  std::vector<std::string> result;
  for (const RotatedName& rotated : names) result.push_back((fs::path(directory) / rotated.name).string());
  return result;
}

}  // namespace

Result<std::vector<std::string>> expand_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> result;
  for (const std::string& path : paths) {
    if (path == "-") {
      result.push_back(path);
      continue;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) {
      const std::vector<std::string> found = matches(path);
      if (found.empty()) return fail(printable(path) + ": no such file");
      for (const std::string& match : found) {
        if (!fs::is_directory(match, error)) result.push_back(match);
      }
      continue;
    }
    if (error) return fail(printable(path) + ": " + (error == std::errc::permission_denied ? "permission denied" : error.message()));
    if (!fs::is_directory(status)) {
      result.push_back(path);
      continue;
    }
    Result<std::vector<std::string>> logs = logs_in(path);
    if (!logs) return logs;
    result.insert(result.end(), logs->begin(), logs->end());
  }
  if (result.empty()) return fail(printable(paths.empty() ? std::string() : paths.front()) + ": no log files");
  order_rotated(result);
  return result;
}

}  // namespace dbaudit
