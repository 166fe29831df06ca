// When nobody tells the prefix, two kinds of candidates are counted over the head of the log: the ones people are known to use (distributions,
// clouds, monitoring tools' documentation), and those the lines themselves suggest, by the shape of their pieces. Where neither reads nearly
// all lines, each line is taken apart by shape alone.

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/log/formats/header_text.h"
#include "analyzers/log/formats/log_line_prefix.h"
#include "analyzers/log/formats/syslog_line.h"

namespace dbaudit {

using namespace header_text;

namespace {

int count_captured(const PrefixFields& f) {
  int n = f.time.known() ? 1 : 0;
  for (std::string_view v : {f.app, f.user, f.database, f.remote, f.pid, f.session_id, f.vxid, f.command_tag, f.sqlstate}) {
    n += v.empty() ? 0 : 1;
  }
  return n;
}

/// One piece of a header: bytes [begin, end) that a `%escape` would have printed.
struct Piece {
  char escape;
  size_t begin, end;
};

struct KeyName {
  std::string_view key;
  char escape;
};
constexpr KeyName kKeys[] = {
    {"app", 'a'},
    {"application", 'a'},
    {"application_name", 'a'},
    {"app_name", 'a'},
    {"user", 'u'},
    {"usr", 'u'},
    {"u", 'u'},
    {"username", 'u'},
    {"db", 'd'},
    {"d", 'd'},
    {"database", 'd'},
    {"dbname", 'd'},
    {"client", 'r'},
    {"host", 'r'},
    {"h", 'r'},
    {"remote", 'r'},
    {"rhost", 'r'},
    {"client_ip", 'r'},
    {"ip", 'r'},
    {"r", 'r'},
    {"remote_host", 'r'},
    {"connection_source", 'r'},
    {"pid", 'p'},
    {"p", 'p'},
    {"sid", 'c'},
    {"session", 'c'},
    {"session_id", 'c'},
    {"c", 'c'},
    {"vxid", 'v'},
    {"vtid", 'v'},
    {"v", 'v'},
    {"xid", 'x'},
    {"tid", 'x'},
    {"txid", 'x'},
    {"trx_id", 'x'},
    {"x", 'x'},
    {"line", 'l'},
    {"l", 'l'},
    {"log_line", 'l'},
    {"sqlstate", 'e'},
    {"state", 'e'},
    {"code", 'e'},
    {"e", 'e'},
    {"sql_error_code", 'e'},
    {"tag", 'i'},
    {"cmd", 'i'},
    {"command", 'i'},
    {"ps", 'i'},
    {"i", 'i'},
    {"backend", 'b'},
    {"backend_type", 'b'},
    {"query_id", 'Q'},
    {"queryid", 'Q'},
    {"qid", 'Q'},
};

bool is_name_char(char c) {
  return static_cast<unsigned char>(c) > ' ' && std::string_view("@,[]()/=:\"<>|").find(c) == std::string_view::npos;
}

size_t name_at(std::string_view s, size_t at) {
  if (s.substr(at, 9) == "[unknown]") return 9;
  size_t n = 0;
  while (at + n < s.size() && is_name_char(s[at + n])) ++n;
  return n;
}

/// Takes a header apart by shape. `header` ends where the severity begins.
size_t take_apart(std::string_view header, PrefixClock& clock, std::array<Piece, 24>& pieces) {
  size_t count = 0;
  const auto has = [&](char escape) {
    return std::any_of(pieces.begin(), pieces.begin() + count, [&](const Piece& p) { return p.escape == escape; });
  };
  size_t at = 0;
  while (at < header.size() && count < pieces.size()) {
    const std::string_view rest = header.substr(at);
    const bool starts_word = at == 0 || !is_word(header[at - 1]);
    TimePoint time;
    const auto add = [&](char escape, size_t begin, size_t n) {
      if (!has(escape)) pieces[count++] = Piece{escape, begin, begin + n};
      at = begin + n;
    };
    if (starts_word && is_digit(rest[0])) {
      if (const size_t n = clock.read(rest, &time)) {
        const bool has_ms = time.tick < 1'000'000;
        add(has('m') || has('t') || has('n') ? 's' : (has_ms ? 'm' : 't'), at, n);
        continue;
      }
      if (const size_t n = PrefixClock::read_epoch(rest, &time)) {
        add('n', at, n);
        continue;
      }
    }
    if (rest[0] == '[' && rest.size() > 2 && is_digit(rest[1])) {
      const size_t n = digits_at(rest, 1);
      if (n + 1 < rest.size() && (rest[n + 1] == ']' || rest[n + 1] == '-' || rest[n + 1] == ':')) {
        add(has('p') ? 'l' : 'p', at + 1, n);
        continue;
      }
    }
    if (starts_word && is_hex(rest[0])) {
      const size_t high = hex_at(rest, 0);
      const size_t low = high >= 8 && high <= 16 && high < rest.size() && rest[high] == '.' ? hex_at(rest, high + 1) : 0;
      if (low != 0 && (high + 1 + low == rest.size() || !is_word(rest[high + 1 + low]))) {
        add('c', at, high + 1 + low);
        continue;
      }
      const size_t backend = digits_at(rest, 0);
      const size_t local = backend != 0 && backend < rest.size() && rest[backend] == '/' ? digits_at(rest, backend + 1) : 0;
      if (local != 0) {
        add('v', at, backend + 1 + local);
        continue;
      }
    }
    if (starts_word && (is_name_char(rest[0]) || rest.starts_with("[unknown]@"))) {
      const size_t user = name_at(rest, 0);
      if (user < rest.size() && rest[user] == '@' && !has('u') && !has('d')) {
        const size_t database = name_at(rest, user + 1);
        const size_t base = at;
        add('u', base, user);
        if (count < pieces.size()) add('d', base + user + 1, database);
        continue;
      }
      size_t key = 0;
      while (key < rest.size() && is_word(rest[key])) ++key;
      size_t value = key;
      while (value < rest.size() && rest[value] == ' ') ++value;
      if (key != 0 && value < rest.size() && rest[value] == '=') {
        ++value;
        while (value < rest.size() && (rest[value] == ' ' || rest[value] == '"') && value < key + 4 && value > key + 1) ++value;
        if (value < rest.size() && rest[value] == '"') ++value;
        const auto found = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const KeyName& k) { return k.key == rest.substr(0, key); });
        if (found != std::end(kKeys)) {
          size_t n = 0;
          switch (found->escape) {
            case 'p':
            case 'x':
            case 'l': n = digits_at(rest, value); break;
            case 'Q':
              n = (rest.substr(value, 1) == "-" ? 1U : 0U) + digits_at(rest, value + (rest.substr(value, 1) == "-" ? 1U : 0U));
              break;
            case 'r':
              while (value + n < rest.size() && std::string_view(" ,\"|").find(rest[value + n]) == std::string_view::npos) ++n;
              if (n != 0 && rest[value + n - 1] == ']' && rest[value] != '[') --n;
              break;
            case 'a':
              while (value + n < rest.size() && std::string_view(" ,\"]|").find(rest[value + n]) == std::string_view::npos) ++n;
              if (rest.substr(value, 9) == "[unknown]") n = 9;
              break;
            case 'v':
            case 'c':
              while (value + n < rest.size() && (is_hex(rest[value + n]) || rest[value + n] == '/' || rest[value + n] == '.')) ++n;
              break;
            default: n = name_at(rest, value);
          }
          add(found->escape, at + value, n);
          continue;
        }
      }
      if (rest.size() >= 5 && std::all_of(rest.begin(), rest.begin() + 5, is_upper_alnum) && is_digit(rest[4]) &&
          (rest.size() == 5 || !is_word(rest[5])) && (rest.starts_with("00000") || !is_digit(rest[2]) || has('e')) && !has('e')) {
        add('e', at, 5);
        continue;
      }
    }
    // An address with a port in parentheses is %r; without, %h, which is not kept.
    if (starts_word && is_digit(rest[0])) {
      size_t n = 0, dots = 0;
      while (n < rest.size() && (is_digit(rest[n]) || rest[n] == '.')) dots += rest[n++] == '.' ? 1U : 0U;
      if (dots == 3 && n < rest.size() && rest[n] == '(') {
        const size_t port = digits_at(rest, n + 1);
        if (port != 0 && n + 1 + port < rest.size() && rest[n + 1 + port] == ')') {
          add('r', at, n + port + 2);
          continue;
        }
      }
      if (dots == 3) {
        add('h', at, n);
        continue;
      }
      at += std::max<size_t>(n, 1);
      continue;
    }
    ++at;
  }
  return count;
}

/// Where in the line a severity stands that could end a prefix.
std::optional<PostgresSeverity> find_severity(std::string_view line, size_t* severity_at, size_t* text_at) {
  const std::string_view head = line.substr(0, kMaxHeader);
  for (size_t at = head.find(":  "); at != std::string_view::npos; at = head.find(":  ", at + 1)) {
    size_t from = at;
    while (from > 0 && is_upper_alnum(head[from - 1])) --from;
    if (from == at || (from > 0 && (is_word(head[from - 1]) || head[from - 1] == '"' || head[from - 1] == '\''))) continue;
    size_t text = 0;
    const auto severity = parse_severity(line.substr(from), &text);
    if (!severity) continue;
    *severity_at = from;
    *text_at = from + text;
    return severity;
  }
  return std::nullopt;
}

/// `Nov 20 14:27:15 host postgres[7808]: [5-1] …`: lines of syslog are another format's.
bool is_syslog(std::string_view line) {
  if (!line.empty() && line[0] == '<' && digits_at(line, 1) != 0) {
    const size_t n = digits_at(line, 1);
    return n <= 3 && n + 1 < line.size() && line[n + 1] == '>';
  }
  return parse_syslog_line(line).has_value();
}

}  // namespace

std::optional<PostgresSeverity> match_any_prefix(std::string_view line, PrefixClock& clock, PrefixFields* fields, size_t* text_at,
                                                 bool is_postgres) {
  *fields = PrefixFields{};
  if (!is_postgres && is_syslog(line)) return std::nullopt;
  size_t severity_at = 0;
  const auto severity = find_severity(line, &severity_at, text_at);
  if (!severity) return std::nullopt;
  const std::string_view header = line.substr(0, severity_at);
  std::array<Piece, 24> pieces;
  const size_t count = take_apart(header, clock, pieces);
  bool is_believable = is_postgres || header.empty();  // '%q…' prints nothing at all for a process without a session
  for (size_t i = 0; i < count; ++i) {
    const std::string_view value = header.substr(pieces[i].begin, pieces[i].end - pieces[i].begin);
    switch (pieces[i].escape) {
      case 'm':
      case 't':
        clock.read(header.substr(pieces[i].begin), &fields->time);
        is_believable = true;
        break;
      case 'n':
        PrefixClock::read_epoch(header.substr(pieces[i].begin), &fields->time);
        is_believable = true;
        break;
      case 'p':
        fields->pid = value;
        is_believable = true;
        break;
      case 'a': fields->app = known(value); break;
      case 'u': fields->user = known(value); break;
      case 'd': fields->database = known(value); break;
      case 'r': fields->remote = value; break;
      case 'c':
        fields->session_id = value;
        is_believable = true;
        break;
      case 'v': fields->vxid = value; break;
      case 'e': fields->sqlstate = value; break;
      case 'i': fields->command_tag = value; break;
      default: break;
    }
  }
  if (!is_believable) return std::nullopt;
  return severity;
}

std::string infer_prefix(std::string_view line) {
  size_t severity_at = 0, text_at = 0;
  if (is_syslog(line) || !find_severity(line, &severity_at, &text_at)) return {};
  const std::string_view header = line.substr(0, severity_at);
  PrefixClock clock;
  std::array<Piece, 24> pieces;
  const size_t count = take_apart(header, clock, pieces);
  std::string prefix;
  size_t at = 0;
  const auto literal = [&](size_t end) {
    for (; at < end; ++at) {
      if (header[at] == '%') prefix += '%';
      prefix += header[at];
    }
  };
  for (size_t i = 0; i < count; ++i) {
    literal(pieces[i].begin);
    prefix += '%';
    prefix += pieces[i].escape;
    at = pieces[i].end;
  }
  literal(header.size());
  return count == 0 ? std::string() : prefix;
}

namespace {

/// Prefixes known to be used: the servers' and distributions' defaults, the clouds', and those of monitoring tools' documentation.
constexpr std::string_view kKnownPrefixes[] = {
    "%m [%p] %q%u@%d ",                                 // Debian, Ubuntu
    "%m [%p] ",                                         // the server's default since 10
    "%t:%r:%u@%d:[%p]:",                                // Amazon RDS, Aurora
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",  // pgBadger
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",         // pgBadger
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h,remote=%r ",
    "%t [%p]: [%l-1] user=%u,db=%d,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: [%l-1] user=%u,db=%d - PG-%e ",
    "%t [%p]: [%l-1] [trx_id=%x] user=%u,db=%d ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "[%p]: [%l-1] db=%d,user=%u ",  // Cloud SQL
    "%m [%p]: [%l-1] %q[%u@%d] ",
    "%t-%c-",               // Azure
    "%t [%p-%l] %q%u@%d ",  // Debian before 10
    "%m [%p-%l] %q%u@%d ",
    "%m [%p] %u@%d ",
    "%t [%p] %u@%d ",
    "%m [%p:%l] %u@%d ",
    "%m [%p] %q%u@%d/%a ",
    "%m [%p][%v] : [%l-1] %q[app=%a] ",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] ",
    "%m [%p] [user=%u,db=%d,app=%a] ",
    "%m %r %u %a [%c] [%p] ",
    "%p-%s-%c-%l-%h-%u-%d-%m ",
    "pid=%p,user=%u,db=%d,app=%a,client=%h ",
    "user=%u,db=%d,app=%a,client=%h ",
    " sql_error_code = %e ",  // Heroku
    " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" tid=\"%x\" log_line=\"%l\" "
    "%qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",  // Heroku
    "< %m >",                                                                           // Red Hat before 10
    "< %m > ",
    "< %m %a > ",
    "%t [%p] ",
    "%t [%p]: ",
    "%m ",
    "%t ",
    "%t:",
    "%m:",
    "%m [%p] %a ",
    "%m [%p] %q%a ",
    "%m [%p] %q%u@%d %a ",
    "%m [%p] %c %q%u@%d ",
    "%m [%p] %v %q%u@%d ",
    "%n %P %i %e %Q %s %b ",
    "",
};

constexpr size_t kHead = size_t{64} << 10;  // of a log, at most

struct HeadLines {
  std::vector<std::string_view> lines;
  int telling = 0;
};

/// The complete lines of a head that are not continuations, at most 400.
HeadLines header_lines(std::string_view head) {
  HeadLines result;
  const bool is_whole = head.size() < kHead;
  while (!head.empty() && result.lines.size() < 400) {
    const size_t newline = head.find('\n');
    if (newline == std::string_view::npos && !is_whole && !result.lines.empty()) break;
    std::string_view line = head.substr(0, newline);
    head = newline == std::string_view::npos ? std::string_view() : head.substr(newline + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line[0] == '\t') continue;
    result.lines.push_back(line);
    size_t severity_at = 0, text_at = 0;
    const auto severity = find_severity(line, &severity_at, &text_at);
    if (severity && (is_attachment(*severity) || *severity == PostgresSeverity::kLog || *severity == PostgresSeverity::kFatal)) {
      ++result.telling;
    }
  }
  return result;
}

// Gives up when fewer than `at_least` lines can match.
std::pair<int, int> count_matches(const LogLinePrefix& prefix, const HeadLines& head, int at_least = 0) {
  int matched = 0, captured = 0;
  auto left = static_cast<int>(head.lines.size());
  PrefixClock clock;
  PrefixFields fields;
  size_t text_at = 0;
  for (std::string_view line : head.lines) {
    --left;
    if (!prefix.match(line, clock, &fields, &text_at)) {
      if (matched + left < at_least) break;
      continue;
    }
    ++matched;
    captured += count_captured(fields);
  }
  return {matched, captured};
}

PrefixGuess make_guess(std::string_view head_bytes) {
  const HeadLines head = header_lines(head_bytes);
  PrefixGuess guess;
  guess.lines = static_cast<int>(head.lines.size());
  guess.telling = head.telling;

  std::vector<std::string> candidates(std::begin(kKnownPrefixes), std::end(kKnownPrefixes));
  size_t inferred = 0;
  for (std::string_view line : head.lines) {
    if (inferred >= 16) break;
    std::string prefix = infer_prefix(line);
    if (prefix.empty() || std::find(candidates.begin(), candidates.end(), prefix) != candidates.end()) continue;
    // Lines of processes without a session are shorter: what a session adds stands behind %q.
    candidates.push_back(std::move(prefix));
    ++inferred;
  }
  // Each inferred one again with %q behind the longest other candidate it extends.
  const size_t known_count = candidates.size() - inferred;
  for (size_t i = known_count, n = candidates.size(); i < n; ++i) {
    std::string_view best;
    for (const std::string& shorter : candidates) {
      if (shorter.size() < candidates[i].size() && shorter.size() > best.size() && candidates[i].starts_with(shorter)) best = shorter;
    }
    if (!best.empty()) candidates.push_back(std::string(best) + "%q" + candidates[i].substr(best.size()));
  }

  // From the last: what the lines themselves suggest matches them all, and of the others it is clear at once that they do not.
  std::pair<int, int> best{0, 0};
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    LogLinePrefix prefix(*candidate, true);
    const auto score = count_matches(prefix, head, best.first);
    if (score.first != 0 && score >= best) {
      best = score;
      guess.prefix.emplace(*candidate, true);  // without what it remembers of these lines
    }
  }
  guess.matched = best.first;
  if (best.first * 10 >= guess.lines * 9) return guess;

  int any = 0;
  PrefixClock clock;
  PrefixFields fields;
  size_t text_at = 0;
  for (std::string_view line : head.lines) any += match_any_prefix(line, clock, &fields, &text_at) ? 1 : 0;
  if (any > 0 && best.first * 10 < any * 9) {
    guess.prefix.reset();
    guess.matched = any;
  }
  return guess;
}

}  // namespace

PrefixGuess count_prefix(std::string_view head_bytes, const std::string& prefix) {
  const HeadLines head = header_lines(head_bytes);
  PrefixGuess guess;
  guess.prefix.emplace(prefix);
  guess.lines = static_cast<int>(head.lines.size());
  guess.telling = head.telling;
  guess.matched = count_matches(*guess.prefix, head).first;
  return guess;
}

PrefixGuess guess_prefix(std::string_view head_bytes) {
  // Asked of one head several times: by the formats that share the prefix, by whoever compares it with the server's, by the reader. Some have cut the
  // line that a full head ends in, which is not looked at anyway.
  const size_t newline = head_bytes.size() >= kHead ? head_bytes.rfind('\n') : std::string_view::npos;
  if (newline != std::string_view::npos) head_bytes = head_bytes.substr(0, newline + 1);
  thread_local uint64_t last_head = 0;
  thread_local PrefixGuess last_guess;
  const uint64_t hash = hash_bytes(head_bytes) | 1;
  if (hash != last_head) {
    last_guess = make_guess(head_bytes);
    last_head = hash;
  }
  return last_guess;
}

}  // namespace dbaudit
