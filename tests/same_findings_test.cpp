// What an audit finds follows from what the sessions did, and not from how it came to be written down: in which order the server wrote the lines of
// sessions that ran side by side, in how many files, in which format, and what another application did on the same server meanwhile.
//
// The same are: the codes, tables, columns, key columns, scope, severity, confidence and the fingerprints that baselines know a finding by. What may differ: how often a finding was seen and in how many of
// how many sessions (another application's sessions count there), the order of its columns, the lines and times that are shown as its evidence, and its windows.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/log_fixture.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kRoot = DBAUDIT_SOURCE_DIR;

enum class Kind { kStderr, kJson, kGeneral };

/// One message of a server, with its continuation lines and what belongs to it (DETAIL, STATEMENT …).
struct Entry {
  std::string session, bytes;
};

struct ServerLog {
  Kind kind = Kind::kStderr;
  std::string head;  ///< what stands before the first message: MariaDB's banner
  std::vector<Entry> entries;
};

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// `2026-03-02 09:15:00.000 UTC [4101] app@shop DETAIL:  …` → 4101; empty: a continuation line.
std::string stderr_session(std::string_view line) {
  if (line.size() < 24 || !is_digit(line[0]) || line[4] != '-' || line[7] != '-') return {};
  const size_t open = line.find(" ["), close = line.find("] ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  for (const std::string_view more : {" DETAIL:  ", " HINT:  ", " CONTEXT:  ", " STATEMENT:  ", " QUERY:  ", " LOCATION:  "}) {
    if (const size_t at = line.find(more); at != std::string_view::npos && at < close + 60) return {};
  }
  return std::string(line.substr(open + 2, close - open - 2));
}

// `260302 09:15:00<tab>    31 Query<tab>…` or `<tab><tab>    31 Query<tab>…` → 31.
std::string general_session(std::string_view line) {
  size_t at = 0;
  if (!line.empty() && is_digit(line[0])) {
    at = line.find('\t');
  } else if (line.substr(0, 2) == "\t\t") {
    at = 1;
  } else {
    return {};
  }
  at = line.find_first_not_of(" \t", at);
  const size_t end = line.find_first_not_of("0123456789", at);
  if (at == std::string_view::npos || end == std::string_view::npos || end == at || line[end] != ' ') return {};
  return std::string(line.substr(at, end - at));
}

ServerLog parse_log(const std::string& bytes) {
  ServerLog log;
  log.kind = bytes.substr(0, 1) == "{" ? Kind::kJson : bytes.find(", Version: ") < 200 ? Kind::kGeneral : Kind::kStderr;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    std::string line = bytes.substr(at, end - at);
    at = end;
    const std::string session = log.kind == Kind::kJson      ? json::parse(line).value("session_id", std::string())
                                : log.kind == Kind::kGeneral ? general_session(line)
                                                             : stderr_session(line);
    if (!session.empty()) {
      log.entries.push_back({session, std::move(line)});
    } else if (log.entries.empty()) {
      log.head += line;
    } else {
      log.entries.back().bytes += line;
    }
  }
  return log;
}

std::string bytes_of(const ServerLog& log, size_t from = 0, size_t to = SIZE_MAX) {
  std::string bytes = log.head;
  for (size_t i = from; i < std::min(to, log.entries.size()); ++i) bytes += log.entries[i].bytes;
  return bytes;
}

/// Within each window of so many messages, those of different sessions in any order; of one session in theirs.
ServerLog shuffled(const ServerLog& log, size_t window, Random& random) {
  ServerLog out{log.kind, log.head, {}};
  for (size_t begin = 0; begin < log.entries.size(); begin += window) {
    std::map<std::string, std::vector<const Entry*>> of_session;
    const size_t end = std::min(begin + window, log.entries.size());
    for (size_t i = end; i-- > begin;) of_session[log.entries[i].session].push_back(&log.entries[i]);
    while (!of_session.empty()) {
      auto it = of_session.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random.next() % of_session.size()));
      out.entries.push_back(*it->second.back());
      it->second.pop_back();
      if (it->second.empty()) of_session.erase(it);
    }
  }
  return out;
}

/// What a message of another application's session looks like in the log's format, said at the time of `before`.
std::string noise_entry(const Entry& before, Kind kind, int session, bool connects, const std::string& sql) {
  const int number = 900'000 + session;
  if (kind == Kind::kGeneral) {
    return connects ? fmt::format("\t\t{:6} Connect\twatch@localhost on watch using TCP/IP\n", number)
                    : fmt::format("\t\t{:6} Query\t{}\n", number, sql);
  }
  if (kind == Kind::kJson) {
    json entry = json::parse(before.bytes);
    json noise = {{"timestamp", entry["timestamp"]},
                  {"user", "watch"},
                  {"dbname", entry.value("dbname", "watch")},
                  {"pid", number},
                  {"session_id", fmt::format("6b000000.{:x}", number)},
                  {"line_num", 1},
                  {"vxid", fmt::format("{}/1", number)},
                  {"txid", 0},
                  {"error_severity", "LOG"},
                  {"backend_type", "client backend"},
                  {"message", "statement: " + sql}};
    return noise.dump() + "\n";
  }
  const size_t open = before.bytes.find(" ["), close = before.bytes.find("] ");
  const std::string who = before.bytes.substr(close + 1, before.bytes.find(" LOG: ", close) - close - 1);
  return fmt::format("{} [{}] {} LOG:  statement: {}\n", before.bytes.substr(0, open), number,
                     who.size() < 60 && who.find('@') != std::string::npos ? who.substr(1) : "watch@watch", sql);
}

/// Six sessions of an application that watches the server and keeps its own books: health checks, look-ups of a session, an audit trail that only grows,
/// transactions around nothing.
ServerLog with_noise(const ServerLog& log) {
  ServerLog out{log.kind, log.head, {}};
  constexpr int kSessions = 6;
  std::vector<std::vector<std::string>> to_say(kSessions);
  int round = 0;
  for (size_t i = 0; i < log.entries.size(); ++i) {
    out.entries.push_back(log.entries[i]);
    if (i % 2 == 1 || (log.kind == Kind::kStderr && log.entries[i].bytes.find(" LOG: ") == std::string::npos)) continue;
    const int session = static_cast<int>(i / 2) % kSessions;
    std::vector<std::string>& said = to_say[static_cast<size_t>(session)];
    const bool connects = log.kind == Kind::kGeneral && round < kSessions && said.empty();
    if (said.empty()) {
      ++round;
      // Said from the back.
      switch (round % 5) {
        case 0: said = {"SELECT 1"}; break;
        case 1: said = {"COMMIT", fmt::format("INSERT INTO watch_audit (actor, action) VALUES ({}, 'seen')", round % 7), "BEGIN"}; break;
        case 2: said = {fmt::format("SELECT user_id, expires FROM watch_session WHERE session_key = 'k{}'", round % 11)}; break;
        case 3: said = {"ROLLBACK", "SELECT 1", "BEGIN"}; break;
        default:
          said = {fmt::format("UPDATE watch_user SET last_seen = '2026-01-01 00:00:{:02}' WHERE id = {}", round % 60, round % 7),
                  fmt::format("SELECT id, email FROM watch_user WHERE id = {}", round % 7)};
      }
    }
    if (connects) {
      out.entries.push_back({std::to_string(900'000 + session), noise_entry(log.entries[i], log.kind, session, true, {})});
      continue;
    }
    out.entries.push_back({std::to_string(900'000 + session), noise_entry(log.entries[i], log.kind, session, false, said.back())});
    said.pop_back();
  }
  return out;
}

std::vector<std::string> names(const json& list) {
  std::vector<std::string> sorted = list.is_array() ? list.get<std::vector<std::string>>() : std::vector<std::string>();
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

/// What must be the same, one line a finding, sorted.
std::vector<std::string> findings_of(const std::vector<std::string>& arguments, const std::string& directory) {
  std::vector<std::string> command = {DBAUDIT_BINARY};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const ProgramResult r = run_program(command, directory);
  if (r.status != 0) return {"exit " + std::to_string(r.status) + ": " + r.err};
  std::vector<std::string> lines;
  const json report = json::parse(r.out);
  for (const json& f : report["findings"]) {
    // DBA901 is about the files themselves.
    if (f["code"] == "DBA901") continue;
    lines.push_back(fmt::format("{} {} on {} ({}) by ({}) {} {} {}", f["code"].get<std::string>(), f["severity"].get<std::string>(),
                                fmt::join(names(f["tables"]), " "), fmt::join(names(f["columns"]), ", "),
                                fmt::join(names(f["key_columns"]), ", "), f["confidence"].get<std::string>(),
                                f["scope"].is_string() ? f["scope"].get<std::string>() : "unscoped", f["fingerprint"].get<std::string>()));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// A log and how to scan it: `scan` without the logs.
struct Subject {
  std::string name;
  std::vector<std::string> scan;
  std::string log;  ///< path
};

/// Splits, noise and, where every message has its own time, shuffles. The findings of the whole log.
std::vector<std::string> check_variants(const Subject& subject) {
  const TemporaryDirectory dir;
  const auto scan = [&](const std::vector<std::string>& contents) {
    std::vector<std::string> arguments = subject.scan;
    for (size_t i = 0; i < contents.size(); ++i) {
      const std::string path = fmt::format("{}/{}.log", dir.path(), i);
      write_file(path, contents[i]);
      arguments.push_back(path);
    }
    return findings_of(arguments, dir.path());
  };
  const std::string bytes = read_bytes(subject.log);
  const ServerLog log = parse_log(bytes);
  REQUIRE(bytes_of(log) == bytes);
  const std::vector<std::string> whole = scan({bytes});
  INFO(subject.name);
  {
    INFO("in two files");
    const size_t half = log.entries.size() / 2;
    std::vector<std::string> expected = whole;
    std::vector<std::string> split = half > 4 ? scan({bytes_of(log, 0, half), bytes_of(log, half)}) : whole;
    if (log.kind == Kind::kGeneral) {
      // A clock of seconds, and no order from one file to the next: two sessions that met across the cut cannot be seen to.
      for (std::vector<std::string>* lines : {&expected, &split}) {
        for (std::string& line : *lines) {
          if (const size_t at = line.find(" observed "); at != std::string::npos) line.replace(at, 10, " likely ");
        }
        std::sort(lines->begin(), lines->end());
      }
    }
    CHECK(split == expected);
  }
  {
    INFO("with another application beside it");
    CHECK(scan({bytes_of(with_noise(log))}) == whole);
  }
  // MariaDB's clock is one of seconds: there the order is all there is.
  if (log.kind != Kind::kGeneral) {
    Random random;
    for (const size_t window : {size_t{4}, size_t{40}, size_t{400}}) {
      INFO("shuffled in windows of " << window);
      std::vector<std::string> expected = whole;
      std::vector<std::string> found = scan({bytes_of(shuffled(log, window, random))});
      if (window > 40) {
        // Wider than a connection lives: it is judged when it ends, before the earlier writes of others are read. These rules hold a write against those.
        for (std::vector<std::string>* lines : {&expected, &found})
          std::erase_if(*lines, [](const std::string& line) { return line.starts_with("DBA203") || line.starts_with("DBA209"); });
      }
      CHECK(found == expected);
    }
  }
  return whole;
}

}  // namespace

TEST_CASE("Same findings: a rule's fixtures, shuffled, split and with noise") {
  size_t subjects = 0, found = 0;
  std::vector<fs::path> directories;
  for (const auto& rule : fs::directory_iterator(kRoot / "fixtures/rules")) {
    for (const auto& one : fs::directory_iterator(rule.path())) directories.push_back(one.path());
  }
  std::sort(directories.begin(), directories.end());
  for (size_t i = 0; i < directories.size(); i += kCutStride) {  // under a sanitizer every fifth, as logs are cut there
    const fs::path& directory = directories[i];
    const std::string log = (directory / "app.log").string();
    const std::string bytes = read_file(log);
    // A server's log: an ORM's shows sessions in its own ways.
    const bool is_server =
        bytes.find(", Version: ") < 200 || (!stderr_session(bytes.substr(0, bytes.find('\n'))).empty() && bytes.find(" LOG:  ") < 200);
    std::vector<std::string> words = split_command(read_file((directory / "cmd").string()));
    if (!is_server || words.empty() || words.front() != "scan" || words.back() != "app.log") continue;
    words.pop_back();
    for (std::string& w : words) {
      if (fs::exists(directory / w)) w = (directory / w).string();
    }
    const auto format = std::find(words.begin(), words.end(), "--format");
    if (format == words.end() || *(format + 1) != "json" || std::find(words.begin(), words.end(), "never") == words.end()) continue;
    found += check_variants({fs::relative(directory, kRoot).string(), words, log}).size();
    ++subjects;
  }
  CHECK(subjects > (kCutStride == 1 ? 250 : 25));
  CHECK(found > (kCutStride == 1 ? 150 : 15));
}

TEST_CASE("Same findings: one workload in the formats that one PostgreSQL wrote side by side") {
  for (const std::string name : {"all", "mindur"}) {
    INFO(name);
    std::vector<std::string> of_format[2];
    for (size_t i = 0; i < 2; ++i) {
      const char* const kinds[] = {"csv", "json"};
      const fs::path log = kRoot / "fixtures/logs" / (std::string("postgres_") + kinds[i]) / (name + ".log");
      of_format[i] =
          findings_of({"scan", "--engine", "postgresql", "--format", "json", "--fail-on", "never", log.string()}, kRoot.string());
    }
    CHECK_FALSE(of_format[0].empty());
    CHECK(of_format[1] == of_format[0]);
  }
}

TEST_CASE("Same findings: real applications' logs beside the repository, in every format, shuffled, split and with noise") {
  const fs::path corpus = kRoot / "../shared/corpus";
  if (!fs::exists(corpus)) SKIP_TEST("no ../shared/corpus");
  size_t subjects = 0, found = 0;
  std::vector<fs::path> cases;
  for (const auto& one : fs::directory_iterator(corpus)) cases.push_back(one.path());
  std::sort(cases.begin(), cases.end());
  for (size_t i = 0; i < cases.size(); i += kCutStride) {
    const fs::path& one = cases[i];
    fs::path log = one / "pg_jsonlog.json";
    if (!fs::exists(log)) log = one / "mariadb_general.log";
    if (!fs::exists(log)) continue;
    const json label = json::parse(read_file((one / "expect.json").string()));
    const std::vector<std::string> scan = {"scan",
                                           "--schema",
                                           (one / "schema.sql").string(),
                                           "--engine",
                                           label["engine"],
                                           "--isolation",
                                           label["isolation"],
                                           "--format",
                                           "json",
                                           "--fail-on",
                                           "never"};
    const std::vector<std::string> whole = check_variants({one.filename().string(), scan, log.string()});
    for (const char* other : {"pg_stderr.log", "pg_csvlog.csv"}) {
      if (!fs::exists(one / other)) continue;
      INFO(one.filename().string() << ": " << other);
      std::vector<std::string> arguments = scan;
      arguments.push_back((one / other).string());
      CHECK(findings_of(arguments, one.string()) == whole);
    }
    found += whole.size();
    ++subjects;
  }
  CHECK(subjects > (kCutStride == 1 ? 150 : 15));
  CHECK(found > (kCutStride == 1 ? 150 : 15));
}

}  // namespace dbaudit
