// Keyword lookup by a table of 1024 entries built at compile time, and what each grammar reserves. The reserved lists are those that
// the parser must respect to find the end of an alias or an operand, not the manuals' whole lists: a word that cannot be mistaken
// for the next clause is a name.

#include "analyzers/sql/keywords.h"

#include <array>
#include <initializer_list>

namespace dbaudit {
namespace {

constexpr size_t kLongest = 20;
constexpr size_t kSlots = 1024;

struct Entry {
  std::array<char, kLongest> text{};
  uint8_t length = 0;
  Kw keyword = Kw::kNone;
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Of a word in lower case: by four of its letters and its length, which tell most keywords from each other.
constexpr size_t slot_of(const char* s, size_t n) {
  const auto letter = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(s[i])); };
  const uint32_t letters = letter(0) | letter(n / 3) << 8U | letter(n * 2 / 3) << 16U | letter(n - 1) << 24U;
  return ((letters * 0x9e3779b1U) ^ static_cast<uint32_t>(n) * 0x85ebca6bU) >> 22U;
}
static_assert(kSlots == 1U << 10U);

// `HighPriority` → `high_priority`: an upper-case letter inside begins a new part.
constexpr Entry make_entry(const char* camel, Kw k) {
  Entry e;
  e.keyword = k;
  for (size_t i = 0; camel[i] != '\0'; ++i) {
    if (i > 0 && camel[i] >= 'A' && camel[i] <= 'Z') e.text[e.length++] = '_';
    e.text[e.length++] = lower(camel[i]);
  }
  return e;
}

constexpr std::array<Entry, kSlots> build() {
  std::array<Entry, kSlots> table{};
  auto add = [&](const char* camel, Kw k) {
    Entry e = make_entry(camel, k);
    size_t at = slot_of(e.text.data(), e.length);
    while (table[at].length != 0) at = (at + 1) % kSlots;
    table[at] = e;
  };
#define DBAUDIT_SQL_KEYWORD(name) add(#name, Kw::k##name);
  DBAUDIT_SQL_KEYWORDS(DBAUDIT_SQL_KEYWORD)
#undef DBAUDIT_SQL_KEYWORD
  return table;
}

constexpr std::array<Entry, kSlots> kTable = build();

/// A word's first and last letter; other bytes share them.
constexpr size_t ends_of(char first, char last) { return static_cast<size_t>(first & 31) << 5U | static_cast<size_t>(last & 31); }

/// By ends_of() the lengths of the keywords that begin and end so: nearly all names are told here.
constexpr std::array<uint32_t, 1024> kLengths = [] {
  std::array<uint32_t, 1024> lengths{};
  for (const Entry& e : kTable) {
    if (e.length != 0) lengths[ends_of(e.text[0], e.text[e.length - 1U])] |= 1U << e.length;
  }
  return lengths;
}();

constexpr bool among(Kw k, std::initializer_list<Kw> list) {
  for (Kw each : list) {
    if (each == k) return true;
  }
  return false;
}

// Ends a table, a select item or an operand in every dialect.
constexpr bool begins_clause(Kw k) {
  return among(k, {Kw::kFrom,    Kw::kWhere, Kw::kGroup,   Kw::kHaving,  Kw::kOrder,     Kw::kLimit, Kw::kUnion,  Kw::kIntersect,
                   Kw::kExcept,  Kw::kInto,  Kw::kOn,      Kw::kUsing,   Kw::kSet,       Kw::kAs,    Kw::kSelect, Kw::kWhen,
                   Kw::kThen,    Kw::kElse,  Kw::kAnd,     Kw::kOr,      Kw::kFor,       Kw::kJoin,  Kw::kInner,  Kw::kLeft,
                   Kw::kRight,   Kw::kCross, Kw::kNatural, Kw::kWith,    Kw::kReturning, Kw::kIn,    Kw::kIs,     Kw::kNot,
                   Kw::kBetween, Kw::kLike,  Kw::kCase,    Kw::kDefault, Kw::kWindow});
}

}  // namespace

Kw find_keyword(std::string_view word) {
  if (word.empty() || word.size() > kLongest || (kLengths[ends_of(word.front(), word.back())] >> word.size() & 1U) == 0) return Kw::kNone;
  char folded[kLongest];
  for (size_t i = 0; i < word.size(); ++i) folded[i] = lower(word[i]);
  for (size_t at = slot_of(folded, word.size()); kTable[at].length != 0; at = (at + 1) % kSlots) {
    const Entry& e = kTable[at];
    if (e.length == word.size() && std::string_view(e.text.data(), e.length) == std::string_view(folded, word.size())) return e.keyword;
  }
  return Kw::kNone;
}

bool can_be_table_alias(Kw k, Engine engine) {
  if (k == Kw::kNone) return true;
  if (begins_clause(k) || among(k, {Kw::kFull, Kw::kOuter})) return false;
  if (engine == Engine::kPostgres) {
    return !among(k, {Kw::kOffset, Kw::kFetch, Kw::kTablesample, Kw::kLateral, Kw::kEnd, Kw::kDo, Kw::kOnly, Kw::kTable, Kw::kCheck,
                      Kw::kCollate, Kw::kUnique, Kw::kPrimary, Kw::kForeign, Kw::kConstraint, Kw::kReferences, Kw::kDesc, Kw::kAsc});
  }
  if (engine == Engine::kSqlite)
    return !among(k, {Kw::kIndexed, Kw::kEnd, Kw::kCollate, Kw::kUnique, Kw::kPrimary, Kw::kValues, Kw::kTable});
  const bool mysql = among(k, {Kw::kUse, Kw::kForce, Kw::kIgnore, Kw::kPartition, Kw::kLock, Kw::kStraightJoin, Kw::kProcedure, Kw::kKey,
                               Kw::kIndex, Kw::kRead, Kw::kWrite, Kw::kLowPriority, Kw::kValues, Kw::kTable, Kw::kFetch});
  if (is_mysql_family(engine)) return !mysql;
  return !mysql && !among(k, {Kw::kOffset, Kw::kTablesample, Kw::kLateral, Kw::kIndexed, Kw::kEnd, Kw::kCollate});
}

bool can_be_column_alias(Kw k, Engine engine) {
  if (k == Kw::kNone) return true;
  if (engine == Engine::kPostgres) {
    // PostgreSQL: every word but those that its grammar marks AS_LABEL (appendix C).
    return !among(k, {Kw::kAs,        Kw::kExcept,   Kw::kFetch,     Kw::kFilter, Kw::kFor,     Kw::kFrom,   Kw::kGroup,  Kw::kHaving,
                      Kw::kIntersect, Kw::kInto,     Kw::kIsnull,    Kw::kLimit,  Kw::kNotnull, Kw::kOffset, Kw::kOn,     Kw::kOrder,
                      Kw::kOver,      Kw::kOverlaps, Kw::kReturning, Kw::kTo,     Kw::kUnion,   Kw::kWhere,  Kw::kWindow, Kw::kWith,
                      Kw::kWithin,    Kw::kWithout,  Kw::kCollate,   Kw::kIs,     Kw::kIn,      Kw::kLike,   Kw::kIlike,  Kw::kBetween,
                      Kw::kSimilar,   Kw::kAnd,      Kw::kOr,        Kw::kNot,    Kw::kArray,   Kw::kCreate});
  }
  if (begins_clause(k)) return false;
  if (is_mysql_family(engine))
    return !among(k, {Kw::kLock, Kw::kProcedure, Kw::kFetch, Kw::kDiv, Kw::kMod, Kw::kXor, Kw::kRegexp, Kw::kRlike, Kw::kCollate});
  return !among(k, {Kw::kLock, Kw::kFetch, Kw::kCollate, Kw::kEnd, Kw::kIsnull, Kw::kNotnull, Kw::kRegexp, Kw::kGlob});
}

bool can_be_operand_name(Kw k, Engine engine) {
  if (k == Kw::kNone) return true;
  if (among(k, {Kw::kSelect, Kw::kFrom, Kw::kWhere, Kw::kGroup, Kw::kHaving,  Kw::kOrder, Kw::kLimit, Kw::kUnion, Kw::kExcept,
                Kw::kInto,   Kw::kOn,   Kw::kAs,    Kw::kThen,  Kw::kAnd,     Kw::kOr,    Kw::kIn,    Kw::kIs,    Kw::kBetween,
                Kw::kWhen,   Kw::kSet,  Kw::kWith,  Kw::kJoin,  Kw::kNatural, Kw::kCross, Kw::kUsing, Kw::kElse})) {
    return false;
  }
  if (engine == Engine::kPostgres)
    return !among(k, {Kw::kFor, Kw::kFetch, Kw::kOffset, Kw::kIntersect, Kw::kEnd, Kw::kTable, Kw::kReturning, Kw::kWindow, Kw::kDo,
                      Kw::kAsc, Kw::kDesc});
  if (is_mysql_family(engine)) return !among(k, {Kw::kFor, Kw::kLock, Kw::kTable, Kw::kAsc, Kw::kDesc});
  return !among(k, {Kw::kTable, Kw::kReturning, Kw::kIntersect});
}

}  // namespace dbaudit
