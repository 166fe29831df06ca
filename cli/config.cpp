#include "cli/config.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "analyzers/base/text.h"
#include "analyzers/base/time.h"
#include "analyzers/schema/connection.h"
#include "cli/option_values.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxBytes = 256 * 1024;
constexpr int kMaxDots = 100;      // unquoted, in a line: each may open a table, and tables are destroyed recursively
constexpr int kMaxLevelsUp = 256;  // directories

std::string type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date: return "a date";
    case toml::node_type::time: return "a time";
    case toml::node_type::date_time: return "a date and time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

std::string date_text(const toml::date& d) { return fmt::format("{:04}-{:02}-{:02}", int{d.year}, int{d.month}, int{d.day}); }

// A string; dates and times as TOML writes them, integers where a number is meant.
std::optional<std::string> text_of(const toml::node& node, bool number_is_meant) {
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* d = node.as_date()) return date_text(d->get());
  if (const auto* t = node.as_date_time()) {
    const toml::date_time& when = t->get();
    std::string text =
        fmt::format("{}T{:02}:{:02}:{:02}", date_text(when.date), int{when.time.hour}, int{when.time.minute}, int{when.time.second});
    if (when.time.nanosecond != 0) text += fmt::format(".{:06}", when.time.nanosecond / 1000);
    if (!when.offset) return text;
    const int minutes = when.offset->minutes;
    return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
  }
  if (const auto* i = node.as_integer(); i != nullptr && number_is_meant) return std::to_string(i->get());
  return std::nullopt;
}

// One string, or an array of strings.
std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
  if (const auto* s = node.as_string()) return std::vector<std::string>{s->get()};
  const auto* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const toml::node& one : *list) {
    const auto* s = one.as_string();
    if (s == nullptr) return std::nullopt;
    texts.push_back(s->get());
  }
  return texts;
}

// The last day, `2026-12-31`, in days since 1970.
std::optional<int64_t> day_of(const std::string& text) {
  size_t consumed = 0;
  if (text.size() != 10) return std::nullopt;
  const std::string whole = text + " 00:00:00";
  const std::optional<TimePoint> time = parse_time(whole, &consumed);
  if (!time || consumed != whole.size()) return std::nullopt;
  return time->micros / 86'400'000'000;
}

class Reader {
 public:
  Reader(std::string path) : path_(std::move(path)), directory_(path_.substr(0, path_.rfind('/') + 1)) {}

  Result<Config> read(const toml::table& root) {
    config_.path = path_;
    for (const auto& [key, node] : root) top_level(key, node);
    // The library keeps keys by name; what is wrong is told from the top of the file.
    if (!errors_.empty()) {
      const auto first = std::min_element(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      return fail(fmt::format("{}:{}: {}", path_, first->first, first->second));
    }
    return std::move(config_);
  }

 private:
  static uint32_t line_of(const toml::node& node) { return static_cast<uint32_t>(node.source().begin.line); }
  static uint32_t line_of(const toml::key& key) { return static_cast<uint32_t>(key.source().begin.line); }
  void wrong(uint32_t line, std::string message) { errors_.emplace_back(line, std::move(message)); }
  void unknown(const toml::key& key, std::string_view where, const std::vector<std::string>& known) {
    wrong(line_of(key), unknown_word(where, key.str(), known, "dbaudit init writes a file with every key"));
  }

  void top_level(const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    const bool is_list_of_tables = node.is_array() && !node.as_array()->empty() && node.as_array()->front().is_table();
    if (name == "suppress" || (name == "table" && (is_list_of_tables || node.is_table()))) {
      if (!is_list_of_tables) return wrong(line_of(key), fmt::format("write [[{}]], in two brackets: there may be several", name));
      for (const toml::node& one : *node.as_array()) {
        const toml::table* entry = one.as_table();
        if (entry == nullptr) return wrong(line_of(one), fmt::format("[[{}]] holds keys and values, not {}", name, type_name(one)));
        name == "table" ? table(*entry) : suppression(*entry);
      }
      return;
    }
    const ScanOption* option = find_scan_option(name);
    if (option == nullptr || option->example.empty()) {
      if (option != nullptr) return wrong(line_of(key), fmt::format("{0} is for the command line: --{0}", name));
      std::vector<std::string> known = {"suppress"};
      for (const ScanOption& o : scan_options()) {
        if (!o.example.empty()) known.emplace_back(o.name);
      }
      return unknown(key, "key", known);
    }
    set(*option, key, node);
  }

  void set(const ScanOption& option, const toml::key& key, const toml::node& node) {
    ScanWords alone;  // for an error that knows its line
    const auto wants = [&](std::string_view what) {
      wrong(line_of(key), fmt::format("{} takes {}, not {}", option.name, what, type_name(node)));
    };
    if (const auto* flag = std::get_if<bool ScanWords::*>(&option.into)) {
      const auto* value = node.as_boolean();
      if (value == nullptr) return wants("true or false");
      alone.** flag = value->get();
    } else if (const auto* list = std::get_if<std::vector<std::string> ScanWords::*>(&option.into)) {
      std::optional<std::vector<std::string>> values = texts_of(node);
      if (!values) return wants("a string or an array of strings");
      for (std::string& value : *values) {
        if (value.empty()) return wrong(line_of(key), fmt::format("{} needs a value, not an empty one", option.name));
        value = from_here(option.paths, value);
      }
      alone.** list = std::move(*values);
    } else {
      const auto* on = node.as_boolean();
      std::optional<std::string> value =
          on != nullptr && option.value_is_optional ? (on->get() ? "true" : "false") : text_of(node, option.name == "jobs");
      if (!value) return wants(option.value_is_optional ? "true, false or a string" : "a string");
      if (value->empty()) return wrong(line_of(key), fmt::format("{} needs a value, not an empty one", option.name));
      if (option.name == "dsn" && hides_something(*value)) {
        config_.notes.push_back(
            fmt::format("{}:{}: a password stands in dsn: dsn = \"env:DATABASE_URL\" keeps it out of the file", path_, line_of(key)));
      }
      alone.*std::get<std::string ScanWords::*>(option.into) = from_here(option.paths, *value);
    }
    if (const Result<ScanOptions> checked = check_scan_values(alone); !checked) return wrong(line_of(key), checked.error().message);
    std::visit([&](auto member) { config_.words.*member = alone.*member; }, option.into);
    config_.words.given.emplace(option.name);
  }

  /// Is something left out where the DSN is shown: a password?
  static bool hides_something(const std::string& dsn) {
    if (dsn.starts_with("env:")) return false;
    const Result<Dsn> parsed = parse_dsn(dsn);
    return parsed && !parsed->scheme.empty() && parsed->scheme + "://" + parsed->rest != parsed->shown && parsed->scheme != "sqlite";
  }

  /// A path of the file as one from the working directory.
  [[nodiscard]] std::string from_here(ScanOption::Paths paths, const std::string& value) const {
    const auto join_path = [&](const std::string& path) {
      return path.empty() || path == "-" || path.front() == '/' ? path : directory_ + path;
    };
    switch (paths) {
      case ScanOption::Paths::kNone: return value;
      case ScanOption::Paths::kValue: return join_path(value);
      case ScanOption::Paths::kBehindEquals: {
        const size_t equals = value.find('=');
        return equals == std::string::npos ? value : value.substr(0, equals + 1) + join_path(value.substr(equals + 1));
      }
      case ScanOption::Paths::kDsn: {
        constexpr std::string_view kSqlite = "sqlite:///";
        if (value.starts_with(kSqlite)) return std::string(kSqlite) + join_path(value.substr(kSqlite.size()));
        const bool is_path = value.find("://") == std::string::npos && !value.starts_with("env:");
        return is_path ? join_path(value) : value;
      }
    }
    return value;
  }

  std::optional<std::string> text(const toml::table& entry, std::string_view name, std::string_view where) {
    const toml::node* node = entry.get(name);
    if (node == nullptr) return std::nullopt;
    const auto* value = node->as_string();
    if (value != nullptr && !trim(value->get()).empty()) return value->get();
    wrong(line_of(*node), value != nullptr ? fmt::format("{} of [[{}]] is empty", name, where)
                                           : fmt::format("{} of [[{}]] takes a string, not {}", name, where, type_name(*node)));
    return std::nullopt;
  }

  std::vector<std::string> texts(const toml::table& entry, std::string_view name, std::string_view where) {
    const toml::node* node = entry.get(name);
    if (node == nullptr) return {};
    std::optional<std::vector<std::string>> values = texts_of(*node);
    if (values && !values->empty()) return *values;
    wrong(line_of(*node), fmt::format("{} of [[{}]] takes a string or an array of strings, not {}", name, where,
                                      values ? std::string("an empty one") : type_name(*node)));
    return {};
  }

  bool flag(const toml::table& entry, std::string_view name, std::string_view where) {
    const toml::node* node = entry.get(name);
    if (node == nullptr) return false;
    if (const auto* value = node->as_boolean()) return value->get();
    wrong(line_of(*node), fmt::format("{} of [[{}]] takes true or false, not {}", name, where, type_name(*node)));
    return false;
  }

  bool knows_keys(const toml::table& entry, std::string_view where, const std::vector<std::string>& known) {
    for (const auto& [key, node] : entry) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        unknown(key, fmt::format("key of [[{}]]:", where), known);
        return false;
      }
    }
    return true;
  }

  void table(const toml::table& entry) {
    if (!knows_keys(entry, "table", {"name", "locked_by", "single_writer", "random_key", "ignore"})) return;
    TableAssumption t;
    const std::optional<std::string> name = text(entry, "name", "table");
    if (!name && entry.get("name") == nullptr) return wrong(line_of(entry), "[[table]] needs the table's name: name = \"public.stock\"");
    t.table = name.value_or("");
    t.locked_by = text(entry, "locked_by", "table").value_or("");
    t.single_writer = flag(entry, "single_writer", "table");
    t.random_key = texts(entry, "random_key", "table");
    t.ignored = flag(entry, "ignore", "table");
    t.place = fmt::format("{}:{}", path_, line_of(entry));
    config_.assumptions.push_back(std::move(t));
  }

  void suppression(const toml::table& entry) {
    if (!knows_keys(entry, "suppress", {"rule", "table", "columns", "reason", "expires"})) return;
    Suppression s;
    const uint32_t line = line_of(entry);
    s.place = fmt::format("{}:{}", path_, line);
    if (entry.get("rule") == nullptr) return wrong(line, "[[suppress]] needs the rule that it silences: rule = \"DBA201\"");
    if (entry.get("reason") == nullptr) return wrong(line, "[[suppress]] needs a reason: why may this finding stay?");
    s.rules = texts(entry, "rule", "suppress");
    if (const Result<std::vector<std::string>> rules = rules_of(s.rules); rules) {
      s.rules = *rules;
    } else {
      return wrong(line_of(*entry.get("rule")), rules.error().message);
    }
    if (s.rules.empty()) return wrong(line_of(*entry.get("rule")), "rule of [[suppress]] names no rule");
    s.table = text(entry, "table", "suppress").value_or("");
    s.columns = texts(entry, "columns", "suppress");
    s.reason = text(entry, "reason", "suppress").value_or("");
    if (const toml::node* node = entry.get("expires")) {
      const std::optional<std::string> day = text_of(*node, false);
      if (day) s.expires = day_of(*day);
      if (!s.expires) return wrong(line_of(*node), "expires of [[suppress]] takes the last day it holds: expires = 2027-06-30");
      s.expires_text = *day;
    }
    config_.suppressions.push_back(std::move(s));
  }

  std::string path_, directory_;
  Config config_;
  std::vector<std::pair<uint32_t, std::string>> errors_;
};

// The line of a key that nests deeper than anybody means; 0 without one.
int line_nested_too_deep(std::string_view text) {
  int line = 1, dots = 0;
  char quote = 0;
  bool comment = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      dots = 0;
      quote = 0;
      comment = false;
    } else if (quote != 0) {
      if (c == '\\' && quote == '"') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      if (!comment) quote = c;
    } else if (c == '#') {
      comment = true;
    } else if (c == '.' && !comment && ++dots > kMaxDots) {
      return line;
    }
  }
  return 0;
}

bool is_directory_of_its_own(const std::string& prefix) {
  for (const char* name : {".git", ".hg", ".svn"}) {
    struct stat there = {};
    if (stat((prefix + name).c_str(), &there) == 0) return true;
  }
  return false;
}

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

FoundConfig find_config(const std::string& directory) {
  struct stat home = {};
  const char* home_path = std::getenv("HOME");
  const bool has_home = home_path != nullptr && *home_path != '\0' && stat(home_path, &home) == 0;
  std::string prefix = directory.empty() || directory == "." ? std::string() : directory + "/";
  FoundConfig found;
  for (int level = 0; level < kMaxLevelsUp; ++level) {
    struct stat here = {}, file = {}, above = {};
    if (stat((prefix + ".").c_str(), &here) != 0) break;
    const std::string path = prefix + std::string(kConfigName);
    if (stat(path.c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
      if ((here.st_mode & S_IWOTH) == 0 || file.st_uid == geteuid()) {
        found.path = path;
        return found;
      }
      found.refused = fmt::format("{} is not used: it is another user's, where everybody may write; --config {} takes it", path, path);
      return found;
    }
    if ((has_home && same_file(here, home)) || is_directory_of_its_own(prefix)) break;
    if (stat((prefix + "..").c_str(), &above) != 0 || same_file(here, above)) break;
    prefix += "../";
  }
  return found;
}

Result<Config> parse_config(std::string_view text, const std::string& path) {
  if (const int line = line_nested_too_deep(text); line != 0)
    return fail(fmt::format("{}:{}: more than {} dots in one line", path, line, kMaxDots));
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(fmt::format("{}:{}: {}", path, static_cast<uint32_t>(error.source().begin.line), printable(error.description())));
  }
  return Reader(path).read(parsed.table());
}

Result<Config> read_config(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  std::string text(kMaxBytes + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  if (text.size() > kMaxBytes) return fail(fmt::format("{} is larger than {} KiB: not a configuration", path, kMaxBytes / 1024));
  return parse_config(text, path);
}

}  // namespace dbaudit
