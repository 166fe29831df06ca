// What a MySQL DSN asks for. Drivers never agreed on the names of the options: each is taken in the spellings of the command-line client, of
// PyMySQL and mysqlclient, and of Connector/C. A key that is none of them is an error: an option that is silently not obeyed may be `ssl`.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "analyzers/base/text.h"
#include "analyzers/schema/engines/mysql_session.h"

namespace dbaudit {
namespace {

int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// %40 is @; a % that begins no code stands for itself. False for a NUL byte, which would cut the value short in C.
bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out.find('\0') == std::string::npos;
}

bool number(std::string_view text, unsigned most, unsigned& out) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n == 0 || n > most) return false;
  out = n;
  return true;
}

enum class Key : uint8_t {
  kUser,
  kPassword,
  kHost,
  kPort,
  kSocket,
  kDatabase,
  kTls,
  kTlsOn,
  kTlsOff,
  kCa,
  kCert,
  kCertKey,
  kVerifyCa,
  kVerifyIdentity,
  kConnectTimeout,
  kCharset,
  kOptionFile,
  kOptionGroup
};

struct KeyName {
  std::string_view name;  // with - for _
  Key key;
};
constexpr std::array<KeyName, 37> kKeys = {{{"user", Key::kUser},
                                            {"username", Key::kUser},
                                            {"password", Key::kPassword},
                                            {"passwd", Key::kPassword},
                                            {"host", Key::kHost},
                                            {"port", Key::kPort},
                                            {"socket", Key::kSocket},
                                            {"unix-socket", Key::kSocket},
                                            {"database", Key::kDatabase},
                                            {"db", Key::kDatabase},
                                            {"ssl", Key::kTlsOn},
                                            {"tls", Key::kTlsOn},
                                            {"usessl", Key::kTlsOn},
                                            {"skip-ssl", Key::kTlsOff},
                                            {"ssl-disabled", Key::kTlsOff},
                                            {"ssl-mode", Key::kTls},
                                            {"sslmode", Key::kTls},
                                            {"ssl-ca", Key::kCa},
                                            {"sslrootcert", Key::kCa},
                                            {"ssl-cert", Key::kCert},
                                            {"sslcert", Key::kCert},
                                            {"ssl-key", Key::kCertKey},
                                            {"sslkey", Key::kCertKey},
                                            {"ssl-verify-cert", Key::kVerifyCa},
                                            {"ssl-verify-server-cert", Key::kVerifyIdentity},
                                            {"ssl-verify-identity", Key::kVerifyIdentity},
                                            {"ssl-check-hostname", Key::kVerifyIdentity},
                                            {"connect-timeout", Key::kConnectTimeout},
                                            {"connection-timeout", Key::kConnectTimeout},
                                            {"charset", Key::kCharset},
                                            {"encoding", Key::kCharset},
                                            {"default-character-set", Key::kCharset},
                                            {"read-default-file", Key::kOptionFile},
                                            {"defaults-file", Key::kOptionFile},
                                            {"option-file", Key::kOptionFile},
                                            {"read-default-group", Key::kOptionGroup},
                                            {"defaults-group", Key::kOptionGroup}}};

std::optional<bool> truth(std::string_view text) {
  for (std::string_view yes : {"true", "1", "on", "yes"}) {
    if (iequals(text, yes)) return true;
  }
  for (std::string_view no : {"false", "0", "off", "no"}) {
    if (iequals(text, no)) return false;
  }
  return std::nullopt;
}

/// MySQL's words and libpq's, which many an application carries over.
std::optional<TlsMode> tls_mode(std::string_view text) {
  struct Name {
    std::string_view name;
    TlsMode mode;
  };
  static constexpr std::array<Name, 12> kNames = {{{"disabled", TlsMode::kDisabled},
                                                   {"disable", TlsMode::kDisabled},
                                                   {"preferred", TlsMode::kPreferred},
                                                   {"prefer", TlsMode::kPreferred},
                                                   {"allow", TlsMode::kPreferred},
                                                   {"required", TlsMode::kRequired},
                                                   {"require", TlsMode::kRequired},
                                                   {"verify-ca", TlsMode::kVerifyCa},
                                                   {"verify_ca", TlsMode::kVerifyCa},
                                                   {"verify-identity", TlsMode::kVerifyIdentity},
                                                   {"verify_identity", TlsMode::kVerifyIdentity},
                                                   {"verify-full", TlsMode::kVerifyIdentity}}};
  for (const Name& n : kNames) {
    if (iequals(text, n.name)) return n.mode;
  }
  return std::nullopt;
}

/// One `key=value`; the value is decoded.
Result<void> set_option(std::string_view spelled, const std::string& value, MySqlTarget& t) {
  std::string name = to_lower(spelled);
  std::replace(name.begin(), name.end(), '_', '-');
  const auto known = std::find_if(kKeys.begin(), kKeys.end(), [&](const KeyName& k) { return k.name == name; });
  if (known == kKeys.end()) {
    std::vector<std::string> names;
    for (const KeyName& k : kKeys) names.emplace_back(k.name);
    const std::string near = nearest(name, names);
    return fail("the DSN has an option that is not known here: '" + printable(spelled.substr(0, 64)) + "'" +
                (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  const auto bad = [&](std::string_view expected) {
    return fail("the DSN's " + printable(spelled) + " is '" + printable(value.substr(0, 64)) + "', which is not " + std::string(expected));
  };
  const auto at_least = [&](TlsMode mode) { t.tls = std::max(t.tls, mode); };
  switch (known->key) {
    case Key::kUser: t.user = value; break;
    case Key::kPassword: t.password = value; break;
    case Key::kHost: t.host = value; break;
    case Key::kSocket: t.socket = value; break;
    case Key::kDatabase: t.database = value; break;
    case Key::kPort:
      if (!number(value, 65535, t.port)) return bad("a port");
      break;
    case Key::kConnectTimeout:
      if (!number(value, 3600, t.connect_timeout_s)) return bad("a number of seconds from 1 to 3600");
      break;
    case Key::kTls: {
      const std::optional<TlsMode> mode = tls_mode(value);
      if (!mode) return bad("one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY");
      t.tls = *mode;
      break;
    }
    case Key::kTlsOn:
    case Key::kTlsOff: {
      // `ssl=true` of most drivers; `tls=skip-verify` and `tls=preferred` of Go's.
      if (known->key == Key::kTlsOn && iequals(value, "skip-verify")) {
        at_least(TlsMode::kRequired);
        break;
      }
      const std::optional<TlsMode> mode = known->key == Key::kTlsOn ? tls_mode(value) : std::nullopt;
      const std::optional<bool> on = truth(value);
      if (!mode && !on) return bad("true or false");
      if (mode) {
        t.tls = *mode;
      } else if (*on == (known->key == Key::kTlsOn)) {
        at_least(TlsMode::kRequired);
      } else if (known->key == Key::kTlsOn) {
        t.tls = TlsMode::kDisabled;
      }
      if (known->key == Key::kTlsOff && on == true) t.tls = TlsMode::kDisabled;
      break;
    }
    case Key::kCa: t.ssl_ca = value; break;
    case Key::kCert: t.ssl_cert = value; break;
    case Key::kCertKey: t.ssl_key = value; break;
    case Key::kVerifyCa:
    case Key::kVerifyIdentity: {
      const std::optional<bool> on = truth(value);
      if (!on) return bad("true or false");
      if (*on) at_least(known->key == Key::kVerifyCa ? TlsMode::kVerifyCa : TlsMode::kVerifyIdentity);
      break;
    }
    case Key::kCharset: break;  // of the application; names are always read as utf8mb4
    case Key::kOptionFile: t.option_file = value; break;
    case Key::kOptionGroup: t.option_group = value; break;
  }
  return {};
}

}  // namespace

Result<MySqlTarget> mysql_target(const Dsn& dsn) {
  MySqlTarget t;
  t.shown = dsn.shown;
  std::string_view rest = dsn.rest;
  // A password may hold an unencoded @, : or /: as for Dsn::shown, all up to the last @ is credentials. With a ? as well nobody can tell.
  const size_t at = rest.rfind('@');
  if (at != std::string_view::npos && rest.find('?') < at) {
    return fail("the DSN has an @ behind a ?; write %40 for an @ and %3F for a ? inside a part of it");
  }
  const bool has_credentials = at != std::string_view::npos;
  const std::string_view credentials = has_credentials ? rest.substr(0, at) : std::string_view{};
  rest = has_credentials ? rest.substr(at + 1) : rest;
  const size_t question = rest.find('?');
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
  rest = rest.substr(0, question);

  const std::string nul = "the DSN has a NUL byte in it";
  bool good = true, has_password = false;
  if (has_credentials) {
    const size_t colon = credentials.find(':');
    good = percent_decode(credentials.substr(0, colon), t.user);
    has_password = colon != std::string_view::npos;
    if (has_password) good = percent_decode(credentials.substr(colon + 1), t.password) && good;
  }
  const size_t slash = rest.find('/');
  std::string_view place = rest.substr(0, slash);
  if (slash != std::string_view::npos) good = percent_decode(rest.substr(slash + 1), t.database) && good;

  std::string_view port;
  if (place.starts_with('[')) {
    const size_t close = place.find(']');
    if (close == std::string_view::npos) return fail("the DSN's IPv6 address has no closing ]: " + printable(t.shown));
    good = percent_decode(place.substr(1, close - 1), t.host) && good;
    place.remove_prefix(close + 1);
    if (!place.empty() && place[0] != ':') return fail("the DSN has something between its host and its port: " + printable(t.shown));
    port = place.empty() ? place : place.substr(1);
  } else {
    const size_t colon = place.find(':');
    good = percent_decode(place.substr(0, colon), t.host) && good;
    if (colon != std::string_view::npos) port = place.substr(colon + 1);
  }
  if (!port.empty() && !number(port, 65535, t.port)) return fail("the DSN's port is not a number from 1 to 65535: " + printable(t.shown));
  if (t.host.find(',') != std::string::npos) return fail("the DSN names more than one host; give the one to read: " + printable(t.shown));

  if (!query.empty()) {
    for (std::string_view pair : split(query, '&')) {
      if (pair.empty()) continue;
      const size_t equals = pair.find('=');
      std::string value;
      if (equals == std::string_view::npos) {
        value = "true";  // ?ssl
      } else {
        good = percent_decode(pair.substr(equals + 1), value) && good;
      }
      if (Result<void> set = set_option(pair.substr(0, equals), value, t); !set) return tl::unexpected<Error>(set.error());
      has_password = has_password || !t.password.empty();
    }
  }
  if (!good) return fail(nul);
  if (t.host.starts_with('/')) {
    if (t.socket.empty()) t.socket = t.host;
    t.host.clear();
  }
  // A certificate that is to be trusted says that the server's is to be checked (as the command-line client does).
  if (!t.ssl_ca.empty() && t.tls == TlsMode::kPreferred) t.tls = TlsMode::kVerifyCa;
  if ((!t.ssl_cert.empty() || !t.ssl_key.empty()) && t.tls == TlsMode::kPreferred) t.tls = TlsMode::kRequired;
  if (t.tls == TlsMode::kDisabled && !t.ssl_ca.empty())
    return fail("the DSN turns TLS off and gives it a certificate: " + printable(t.shown));
  for (const std::string* file : {&t.option_file, &t.ssl_ca, &t.ssl_cert, &t.ssl_key}) {
    if (!file->empty() && access(file->c_str(), R_OK) != 0) return fail("cannot read " + printable(*file) + ", which the DSN names");
  }
  if (const char* variable = std::getenv("MYSQL_PWD"); !has_password && variable != nullptr) t.password = variable;
  return t;
}

}  // namespace dbaudit
