#include "analyzers/schema/connection.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "analyzers/base/text.h"

namespace dbaudit {

// Each engine's file defines connect_<engine>; engines.def says which there are and under which schemes.
#define ENGINE(name, ...) Result<std::unique_ptr<Connection>> connect_##name(const Dsn& dsn);
#include "analyzers/schema/engines.def"
#undef ENGINE

namespace {

struct EngineEntry {
  std::array<std::string_view, 4> schemes;
  Result<std::unique_ptr<Connection>> (*connect)(const Dsn&);
};

constexpr EngineEntry kEngines[] = {
#define ENGINE(name, ...) {{__VA_ARGS__}, connect_##name},
#include "analyzers/schema/engines.def"
#undef ENGINE
};

std::vector<std::string> schemes() {
  std::vector<std::string> all;
  for (const EngineEntry& e : kEngines) {
    for (const std::string_view s : e.schemes) {
      if (!s.empty()) all.emplace_back(s);
    }
  }
  return all;
}

const EngineEntry* engine_for(std::string_view scheme) {
  for (const EngineEntry& e : kEngines) {
    for (std::string_view s : e.schemes) {
      if (!s.empty() && s == scheme) return &e;
    }
  }
  return nullptr;
}

/// `user:password@` without the password. A password may hold an unencoded @, / or :, so everything up to the last @ counts as credentials:
/// hiding too much is the safe mistake.
std::string hide_password(std::string_view rest) {
  const size_t at = rest.rfind('@');
  const size_t colon = rest.find(':');
  std::string out;
  if (at != std::string_view::npos && colon != std::string_view::npos && colon < at) {
    out = std::string(rest.substr(0, colon)) + std::string(rest.substr(at));
  } else {
    out = std::string(rest);
  }
  // ?password=… and its kin
  const size_t query = out.find('?');
  if (query == std::string::npos) return out;
  std::vector<std::string> kept;
  for (std::string_view pair : split(std::string_view(out).substr(query + 1), '&')) {
    const std::string_view name = pair.substr(0, pair.find('='));
    if (!icontains(name, "pass") && !icontains(name, "pwd") && !icontains(name, "secret") && !icontains(name, "token"))
      kept.emplace_back(pair);
  }
  return out.substr(0, query) + (kept.empty() ? "" : "?" + join(kept, "&"));
}

std::string percent_encode(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-' ||
                       c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::string known_schemes() {
  std::vector<std::string> names;
  for (const std::string& s : schemes()) names.push_back(s + "://");
  return join(names, ", ");
}

}  // namespace

Result<Dsn> parse_dsn(std::string_view text) {
  text = trim(text);
  std::string from_environment;
  if (istarts_with(text, "env:")) {
    const std::string name(text.substr(4));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return fail("the environment variable " + printable(name) + " of --dsn is not set");
    from_environment = value;
    text = trim(from_environment);
  }
  if (text.empty()) return fail("the DSN is empty");

  Dsn dsn;
  dsn.raw = std::string(text);
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) {
    // A path. What looks like credentials without a scheme is not echoed.
    dsn.scheme = "sqlite";
    dsn.rest = "/" + percent_encode(text);
    dsn.shown = printable(text.find('@') == std::string_view::npos ? std::string(text) : hide_password(text));
    return dsn;
  }
  dsn.scheme = to_lower(text.substr(0, mark));
  if (const size_t plus = dsn.scheme.find('+'); plus != std::string::npos) dsn.scheme.resize(plus);
  dsn.rest = std::string(text.substr(mark + 3));
  if (engine_for(dsn.scheme) == nullptr) {
    const std::string near = nearest(dsn.scheme, schemes());
    const bool sane = dsn.scheme.size() <= 32 && dsn.scheme.find_first_of("@:/") == std::string::npos;
    return fail("unknown database scheme" + (sane ? " '" + printable(dsn.scheme) + "'" : "") + "; known: " + known_schemes() +
                " or a path to a SQLite file" + (near.empty() ? "" : "; did you mean " + near + "://?"));
  }
  dsn.shown = printable(dsn.scheme + "://" + (dsn.scheme == "sqlite" && dsn.rest.starts_with('/') ? dsn.rest : hide_password(dsn.rest)));
  return dsn;
}

Result<std::unique_ptr<Connection>> connect(const Dsn& dsn) {
  const EngineEntry* engine = engine_for(dsn.scheme);
  if (engine == nullptr) return fail("unknown database scheme '" + printable(dsn.scheme) + "'");  // not one of parse_dsn()
  return engine->connect(dsn);
}

}  // namespace dbaudit
