// The keywords that decide how a token beside them reads: may an expression begin here, do quotes around this name mean something. Not a list
// of all keywords of any dialect: a word that is not here is taken for a name, which is right for all the others.

#include <array>
#include <cstdint>
#include <string_view>

#include "analyzers/sql/tokens.h"
#include "analyzers/sql/word_lengths.h"

namespace dbaudit {

namespace {

enum : uint8_t { kExpects = 1, kReserved = 2, kBegins = 4 };

struct Word {
  std::string_view text;
  uint8_t flags = 0;
};

constexpr uint8_t kBoth = kExpects | kReserved;

constexpr Word kWords[] = {
    {"all", kBoth},
    {"analyze", kReserved},
    {"and", kBoth},
    {"any", kReserved | kBegins},
    {"as", kBoth},
    {"asc", kReserved},
    {"between", kBoth},
    {"by", kBoth},
    {"call", kBoth},
    {"case", kBoth | kBegins},
    {"collate", kBoth},
    {"conflict", 0},
    {"create", kReserved},
    {"cross", kReserved},
    {"default", kBoth},
    {"delete", kReserved},
    {"desc", kReserved},
    {"distinct", kBoth},
    {"div", kBoth},
    {"do", kExpects},
    {"duplicate", 0},
    {"else", kBoth},
    {"elseif", kExpects},
    {"elsif", kExpects},
    {"end", kReserved},
    {"escape", kExpects},
    {"except", kBoth},
    {"exists", kReserved | kBegins},
    {"explain", kExpects},
    {"fetch", kExpects},
    {"for", kReserved},
    {"from", kBoth},
    {"full", 0},
    {"glob", kExpects},
    {"group", kReserved},
    {"having", kBoth},
    {"if", kExpects | kBegins},
    {"ilike", kBoth},
    {"in", kBoth},
    {"inner", kReserved},
    {"insert", kReserved | kBegins},
    {"intersect", kBoth},
    {"interval", kExpects | kBegins | kReserved},
    {"into", kBoth},
    {"is", kReserved},
    {"isnull", 0},
    {"join", kBoth},
    {"lateral", kReserved},
    {"left", kReserved | kBegins},
    {"like", kBoth},
    {"limit", kBoth},
    {"match", kExpects},
    {"minus", kExpects},
    {"mod", kExpects | kBegins},
    {"natural", kReserved},
    {"not", kBoth | kBegins},
    {"notnull", 0},
    {"null", kReserved | kBegins},
    {"of", 0},
    {"offset", kBoth},
    {"on", kBoth},
    {"or", kBoth},
    {"order", kReserved},
    {"over", 0},
    {"perform", kExpects},
    {"recursive", 0},
    {"regexp", kBoth},
    {"replace", kBegins},
    {"return", kBoth},
    {"returning", kBoth},
    {"right", kReserved | kBegins},
    {"rlike", kBoth},
    {"select", kBoth},
    {"set", kBoth},
    {"similar", kReserved},
    {"some", kReserved | kBegins},
    {"table", kReserved},
    {"then", kBoth},
    {"to", kBoth},
    {"true", kReserved | kBegins},
    {"false", kReserved | kBegins},
    {"union", kBoth},
    {"update", kReserved},
    {"until", kExpects},
    {"using", kBoth},
    {"variadic", kBoth},
    {"values", kBoth},
    {"when", kBoth},
    {"where", kBoth},
    {"while", kExpects},
    {"window", kReserved},
    {"with", kBoth},
    {"xor", kBoth},
    {"current_date", kReserved | kBegins},
    {"current_time", kReserved | kBegins},
    {"current_timestamp", kReserved | kBegins},
    {"current_user", kReserved | kBegins},
    {"session_user", kReserved | kBegins},
    {"user", kReserved | kBegins},
    {"localtime", kReserved | kBegins},
    {"localtimestamp", kReserved | kBegins},
};

constexpr size_t kSlots = 512;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// First, second and last byte and the length: all that the bucket needs, and cheap.
constexpr size_t bucket(std::string_view w) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(lower(w[i]))); };
  return (byte(0) * 31 + byte(1) * 7 + byte(w.size() - 1) * 131 + w.size() * 17) % kSlots;
}

constexpr std::array<uint8_t, kSlots> make_table() {
  std::array<uint8_t, kSlots> table{};  // index into kWords + 1; collisions go to the next free slot
  for (size_t i = 0; i < std::size(kWords); ++i) {
    size_t at = bucket(kWords[i].text);
    while (table[at] != 0) at = (at + 1) % kSlots;
    table[at] = static_cast<uint8_t>(i + 1);
  }
  return table;
}
constexpr std::array<uint8_t, kSlots> kTable = make_table();
static_assert(std::size(kWords) < 255);

bool equals_lower(std::string_view word, std::string_view lower_case) {
  if (word.size() != lower_case.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (lower(word[i]) != lower_case[i]) return false;
  }
  return true;
}

/// nullptr: not in the table.
inline const Word* find(std::string_view word) {
  if (!may_be_keyword(word)) return nullptr;
  for (size_t at = bucket(word); kTable[at] != 0; at = (at + 1) % kSlots) {
    const Word& w = kWords[kTable[at] - 1U];
    if (equals_lower(word, w.text)) return &w;
  }
  return nullptr;
}

}  // namespace

constexpr std::array<uint32_t, 1024> kKeywordLengths = [] {
  std::array<uint32_t, 1024> lengths{};
  for (const Word& w : kWords) lengths[ends_of_word(w.text)] |= 1U << w.text.size();
  return lengths;
}();

WordClass classify_word(std::string_view word) {
  const Word* const w = find(word);
  if (w == nullptr) return {};
  return {.keyword = true,
          .begins_operand = (w->flags & kBegins) != 0,
          .expects_operand = (w->flags & kExpects) != 0,
          .reserved = (w->flags & kReserved) != 0};
}

bool is_reserved_word(std::string_view word) {
  const Word* const w = find(word);
  return w != nullptr && (w->flags & kReserved) != 0;
}

bool ends_operand(const Token& token) {
  switch (token.kind) {
    case TokenKind::kQuotedName:
    case TokenKind::kNumber:
    case TokenKind::kString:
    case TokenKind::kBits:
    case TokenKind::kPlaceholder:
    case TokenKind::kVariable: return true;
    case TokenKind::kPunct: return token.text == ")" || token.text == "]";
    case TokenKind::kWord: return !classify_word(token.text).expects_operand;
    case TokenKind::kEnd:
    case TokenKind::kOperator:
    case TokenKind::kComment:
    case TokenKind::kOther: break;
  }
  return false;
}

}  // namespace dbaudit
