// What a literal says, and a hash of it under which the spellings of one value meet.
//
// Logs spell one value in many ways: the statement has 5, the bind list '5', another driver 5.0. Hashes are therefore taken of a canonical
// form. A text that reads as a decimal number becomes sign, digits without zeros at either end, and a power of ten: 500, 500.0 and
// 5e2 are all (+, "5", 2). No double is involved, so 20-digit identifiers stay distinct. Everything else is hashed as its bytes. Kinds that must
// not meet (the number 1, TRUE, NULL) are kept apart by the seed.

#include "analyzers/sql/value.h"

#include <array>
#include <charconv>
#include <cstring>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {

namespace {

constexpr uint64_t kNumberSeed = 1;
constexpr uint64_t kTextSeed = 2;
constexpr uint64_t kBoolSeed = 3;
constexpr uint64_t kOtherSeed = 4;
constexpr uint64_t kNullHash = 0x6e756c6cU;  // any constant that no text is likely to hash to

/// A decimal number taken apart: `digits` runs from the first to the last significant digit and may hold a point.
struct Decimal {
  bool negative = false;
  std::string_view digits;  // empty for zero
  size_t significant = 0;   // digits without the point
  int64_t exponent = 0;     // of the last digit
};

/// Of digits that do not begin with a zero, which is what most numbers are: how many they are up to the last that is none. 0: `s` is something else.
size_t plain_digits(std::string_view s) {
  if (s.empty() || s.front() == '0') return 0;
  size_t significant = 0;
  for (size_t i = 0; i < s.size(); ++i) {
    if (!is_digit(s[i])) return 0;
    if (s[i] != '0') significant = i + 1;
  }
  return significant;
}

bool parse_decimal(std::string_view s, Decimal& out) {
  if (const size_t digits = plain_digits(s); digits != 0) {
    out = Decimal{false, s.substr(0, digits), digits, static_cast<int64_t>(s.size() - digits)};
    return true;
  }
  size_t i = 0;
  if (i < s.size() && (s[i] == '+' || s[i] == '-')) out.negative = s[i++] == '-';
  size_t point = std::string_view::npos;
  size_t first = std::string_view::npos;
  size_t last = 0;
  size_t digits = 0;
  for (; i < s.size(); ++i) {
    if (s[i] == '.' && point == std::string_view::npos) {
      point = i;
    } else if (is_digit(s[i])) {
      ++digits;
      if (s[i] != '0') {
        if (first == std::string_view::npos) first = i;
        last = i;
      }
    } else {
      break;
    }
  }
  if (digits == 0) return false;
  const size_t mantissa_end = i;
  int64_t exponent = 0;
  if (i < s.size()) {
    if (s[i] != 'e' && s[i] != 'E') return false;
    ++i;
    if (i + 1 < s.size() && s[i] == '+' && is_digit(s[i + 1])) ++i;
    const char* stop = s.data() + s.size();
    const auto [end, error] = std::from_chars(s.data() + i, stop, exponent);
    if (error != std::errc() || end != stop || exponent > 1'000'000'000 || exponent < -1'000'000'000) return false;
  }
  if (first == std::string_view::npos) {  // zero has no sign
    out = Decimal{};
    return true;
  }
  if (point == std::string_view::npos) point = mantissa_end;
  out.digits = s.substr(first, last + 1 - first);
  out.significant = out.digits.size() - (first < point && point < last ? 1 : 0);
  out.exponent = exponent + (last < point ? static_cast<int64_t>(point - last - 1) : -static_cast<int64_t>(last - point));
  return true;
}

/// `zeros`: the exponent of the last digit.
uint64_t hash_digits(uint64_t hash_of_digits, int64_t zeros, bool negative) {
  return hash_combine(hash_of_digits, static_cast<uint64_t>(zeros) * 2 + (negative ? 1 : 0));
}

uint64_t hash_decimal(const Decimal& d) {
  uint64_t digits = 0;
  const size_t point = d.digits.find('.');
  if (point == std::string_view::npos) {
    digits = hash_bytes(d.digits, kNumberSeed);
  } else if (d.digits.size() <= 256) {
    std::array<char, 256> buffer;
    std::memcpy(buffer.data(), d.digits.data(), point);
    std::memcpy(buffer.data() + point, d.digits.data() + point + 1, d.digits.size() - point - 1);
    digits = hash_bytes({buffer.data(), d.digits.size() - 1}, kNumberSeed);
  } else {
    std::string joined(d.digits.substr(0, point));
    joined.append(d.digits.substr(point + 1));
    digits = hash_bytes(joined, kNumberSeed);
  }
  return hash_digits(digits, d.exponent, d.negative);
}

/// Never 0, which means a missing value.
uint64_t known_hash(uint64_t h) { return h == 0 ? 1 : h; }

// --- unquoting ---------------------------------------------------------------------------------------------------------------------------

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Reads up to `most` hexadecimal digits at `i`; the count read, the number in `out`.
size_t read_hex(std::string_view s, size_t i, size_t most, uint32_t& out) {
  size_t n = 0;
  out = 0;
  while (n < most && i + n < s.size() && hex_value(s[i + n]) >= 0) out = out * 16 + static_cast<uint32_t>(hex_value(s[i + n++]));
  return n;
}

void append_utf8(uint32_t code, std::string& out) {
  const auto byte = [&out](uint32_t b) { out.push_back(static_cast<char>(b)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18 & 0x07));
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

/// MySQL 11.1.1: the escape `\c`. `\%` and `\_` keep their backslash, they are for LIKE.
void append_mysql_escape(char c, std::string& out) {
  switch (c) {
    case '0': out.push_back('\0'); break;
    case 'b': out.push_back('\b'); break;
    case 'n': out.push_back('\n'); break;
    case 'r': out.push_back('\r'); break;
    case 't': out.push_back('\t'); break;
    case 'Z': out.push_back('\x1a'); break;
    case '%':
    case '_': out.push_back('\\'); [[fallthrough]];
    default: out.push_back(c);
  }
}

/// PostgreSQL 4.1.2.2: the escape behind the backslash at s[i - 1]; returns the index behind it.
size_t append_postgres_escape(std::string_view s, size_t i, std::string& out) {
  const char c = s[i];
  uint32_t code = 0;
  switch (c) {
    case 'b': out.push_back('\b'); return i + 1;
    case 'f': out.push_back('\f'); return i + 1;
    case 'n': out.push_back('\n'); return i + 1;
    case 'r': out.push_back('\r'); return i + 1;
    case 't': out.push_back('\t'); return i + 1;
    case 'x':
      if (const size_t n = read_hex(s, i + 1, 2, code)) {
        out.push_back(static_cast<char>(code));
        return i + 1 + n;
      }
      break;
    case 'u':
    case 'U': {
      const size_t digits = c == 'u' ? 4 : 8;
      if (read_hex(s, i + 1, digits, code) == digits) {
        append_utf8(code, out);
        return i + 1 + digits;
      }
      break;
    }
    default:
      if (c >= '0' && c <= '7') {
        size_t n = 0;
        while (n < 3 && i + n < s.size() && s[i + n] >= '0' && s[i + n] <= '7') code = code * 8 + static_cast<uint32_t>(s[i + n++] - '0');
        out.push_back(static_cast<char>(code));
        return i + n;
      }
  }
  out.push_back(c);
  return i + 1;
}

/// PostgreSQL 4.1.2.3: `\XXXX`, `\+XXXXXX`, `\\` of U&'…' with the default escape character.
size_t append_unicode_escape(std::string_view s, size_t i, std::string& out) {
  uint32_t code = 0;
  if (s[i] == '+' && read_hex(s, i + 1, 6, code) == 6) {
    append_utf8(code, out);
    return i + 7;
  }
  if (read_hex(s, i, 4, code) == 4) {
    append_utf8(code, out);
    return i + 4;
  }
  out.push_back(s[i]);
  return i + 1;
}

enum class Escapes { kNone, kMySql, kPostgres, kUnicode };

/// Content between quotes: doubled quotes become one, escapes their byte.
void append_content(std::string_view s, char quote, Escapes escapes, std::string& out) {
  size_t i = 0;
  while (i < s.size()) {
    const char* from = s.data() + i;
    const char* stop = find_either(from, s.data() + s.size(), quote, escapes == Escapes::kNone ? quote : '\\');
    out.append(from, static_cast<size_t>(stop - from));
    i = static_cast<size_t>(stop - s.data());
    if (i == s.size()) return;
    if (s[i] == quote) {
      out.push_back(quote);
      i += i + 1 < s.size() && s[i + 1] == quote ? 2 : 1;
      continue;
    }
    if (++i == s.size()) {
      out.push_back('\\');
      return;
    }
    switch (escapes) {
      case Escapes::kMySql: append_mysql_escape(s[i++], out); break;
      case Escapes::kPostgres: i = append_postgres_escape(s, i, out); break;
      case Escapes::kUnicode: i = append_unicode_escape(s, i, out); break;
      case Escapes::kNone: break;
    }
  }
}

void append_quoted(const Token& token, const Dialect& dialect, std::string& out) {
  std::string_view s = token.text;
  if (s.empty()) return;
  if (s[0] == '$') {  // $tag$…$tag$
    const size_t tag = s.find('$', 1);
    if (tag == std::string_view::npos) return;
    s.remove_prefix(tag + 1);
    if (!token.unterminated) s.remove_suffix(tag + 1);
    out.append(s);
    return;
  }
  Escapes escapes = dialect.backslash_escapes && token.kind == TokenKind::kString ? Escapes::kMySql : Escapes::kNone;
  const size_t open = s.find_first_of("'\"`[");
  if (open == std::string_view::npos) {
    out.append(s);
    return;
  }
  if (open == 1 && (s[0] == 'e' || s[0] == 'E')) escapes = Escapes::kPostgres;
  if (open == 2 && s[1] == '&') escapes = Escapes::kUnicode;
  const char quote = s[open] == '[' ? ']' : s[open];
  s.remove_prefix(open + 1);
  if (!token.unterminated && !s.empty()) s.remove_suffix(1);
  append_content(s, quote, escapes, out);
}

}  // namespace

void unquote(const Token& token, const Dialect& dialect, std::string& out) {
  out.clear();
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kQuotedName: append_quoted(token, dialect, out); return;
    case TokenKind::kBits:
      if (token.text.find('\'') != std::string_view::npos) return append_quoted(token, dialect, out);
      break;
    case TokenKind::kNumber: {
      std::string_view digits = token.text;
      if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
        // A sign that the token stream joined to its number: blanks and comments may stand between.
        out.push_back(digits[0]);
        digits = Lexer(digits.substr(1), dialect).next().text;
      }
      for (const char c : digits) {
        if (c != '_') out.push_back(c);
      }
      return;
    }
    default: break;
  }
  out.append(token.text);
}

uint64_t Value::compute_hash() const {
  switch (kind) {
    case ValueKind::kMissing: return 0;
    case ValueKind::kNull: return kNullHash;
    case ValueKind::kBool: return known_hash(hash_combine(kBoolSeed, ascii_lower(text[0]) == 't' ? 1 : 2));
    case ValueKind::kOther: return known_hash(hash_bytes(text, kOtherSeed));
    case ValueKind::kNumber:
    case ValueKind::kString: break;
  }
  if (const size_t digits = plain_digits(text); digits != 0)
    return known_hash(hash_digits(hash_bytes(text.substr(0, digits), kNumberSeed), static_cast<int64_t>(text.size() - digits), false));
  Decimal d;
  return known_hash(parse_decimal(text, d) ? hash_decimal(d) : hash_bytes(text, kTextSeed));
}

Value make_value(std::string_view text, bool quoted) {
  Value v;
  v.text = text;
  v.kind = ValueKind::kString;
  if (quoted) return v;
  if (Decimal d; parse_decimal(text, d)) {
    v.kind = ValueKind::kNumber;
  } else if (iequals(text, "null")) {
    return null_value();
  } else if (iequals(text, "true") || iequals(text, "false")) {
    v.kind = ValueKind::kBool;
  }
  return v;
}

const Value& null_value() {
  static const Value kNull = [] {
    Value v;
    v.kind = ValueKind::kNull;
    static_cast<void>(v.hash());  // before any thread asks
    return v;
  }();
  return kNull;
}

bool as_number(const Value& v, double& out) {
  if (v.kind != ValueKind::kNumber && v.kind != ValueKind::kString) return false;
  constexpr size_t kExactDigits = 15;  // every decimal of 15 digits survives a double
  if (v.text.size() <= kExactDigits && plain_digits(v.text) != 0) {
    uint64_t number = 0;
    for (const char c : v.text) number = number * 10 + static_cast<uint64_t>(c - '0');
    out = static_cast<double>(number);
    return true;
  }
  Decimal d;
  if (!parse_decimal(v.text, d) || d.significant > kExactDigits) return false;
  std::string_view s = v.text;
  if (s[0] == '+') s.remove_prefix(1);
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return error == std::errc() && end == s.data() + s.size();
}

}  // namespace dbaudit
