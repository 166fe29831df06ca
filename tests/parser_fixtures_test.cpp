// What must hold of the parser on every statement of fixtures/sql: the facts written beside it, and those facts again when the statement is
// spelt differently, and none but those facts when it is cut.

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser.h"
#include "analyzers/sql/tokens.h"
#include "tests/catch.h"
#include "tests/describe_facts.h"
#include "tests/sql_fixtures.h"

using namespace dbaudit;

namespace {

std::string quality_line(const StatementFacts& f) {
  static constexpr const char* kNames[] = {"opaque", "partial", "full"};
  return kNames[static_cast<size_t>(f.quality)] + (f.reason.empty() ? std::string() : " (" + f.reason.str() + ")");
}

/// The first line that differs, with the statement it belongs to.
std::string first_difference(const std::string& actual, const std::string& expected) {
  std::istringstream a(actual), e(expected);
  std::string statement, left, right;
  for (;;) {
    const bool more_left = static_cast<bool>(std::getline(a, left));
    const bool more_right = static_cast<bool>(std::getline(e, right));
    if (!more_left && !more_right) return {};
    if (!more_left) left = "(nothing more)";
    if (!more_right) right = "(nothing more)";
    if (left.starts_with("###")) statement = left;
    if (left != right) return statement + "\n  is: " + left + "\n  in the file: " + right;
  }
}

/// Table numbers taken out: `t.id#0` → `t.id`. A cut statement may not know yet which table a column belongs to.
std::string without_tables(const std::string& line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && i + 1 < line.size() && std::isdigit(static_cast<unsigned char>(line[i + 1])) != 0) {
      while (i + 1 < line.size() && std::isdigit(static_cast<unsigned char>(line[i + 1])) != 0) ++i;
      continue;
    }
    out += line[i];
  }
  return out;
}

/// The first line of `part` that the whole statement's facts do not have, or empty.
std::string fact_not_in(const StatementFacts& part, const StatementFacts& whole) {
  std::set<std::string> lines, untabled;
  for (const std::string& line : test::facts_of(whole)) {
    lines.insert(line);
    untabled.insert(without_tables(line));
  }
  for (const std::string& line : test::facts_of(part)) {
    if (lines.contains(line)) continue;
    if (line.find('#') == std::string::npos && untabled.contains(line)) continue;
    return line;
  }
  return {};
}

/// The statement's tokens as they stand in it, folded ones too.
std::vector<SlotToken> tokens_of(std::string_view sql, const Dialect& dialect) {
  std::vector<SlotToken> all = tokenise(sql, dialect);
  while (!all.empty() && all.back().token.kind == TokenKind::kEnd) all.pop_back();
  return all;
}

/// The statement rebuilt token by token; `spell` writes a token, `gap` what stands where there was white space or a comment.
template <typename Spell, typename Gap>
std::string rebuilt(std::string_view sql, const std::vector<SlotToken>& tokens, Spell spell, Gap gap) {
  std::string out;
  const char* end = sql.data();
  for (const SlotToken& t : tokens) {
    if (t.token.text.data() > end && !out.empty()) out += gap();
    out += spell(t);
    end = t.token.text.data() + t.token.text.size();
  }
  return out;
}

std::string as_written(const SlotToken& t) { return std::string(t.token.text); }
std::string blank() { return " "; }

bool has_executable_comment(std::string_view sql) { return sql.find("/*!") != std::string_view::npos; }

}  // namespace

TEST_CASE("parser: the facts of every fixture", "[parser]") {
  for (const test::SqlFixture& fixture : test::sql_fixtures()) {
    std::string actual;
    for (const std::string& sql : fixture.statements) {
      const StatementFacts facts = parse_statement(sql, dialect_of(fixture.engine));
      actual += "### " + sql + "\n" + quality_line(facts) + "\n" + test::describe(facts) + "\n";
    }
    const std::filesystem::path path = std::filesystem::path(DBAUDIT_SOURCE_DIR) / "fixtures" / "sql" / (fixture.file + ".facts");
    if (std::getenv("DBAUDIT_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << actual;
    INFO("fixtures/sql/" << fixture.file << ".facts differs; DBAUDIT_UPDATE=1 rewrites it");
    CHECK(first_difference(actual, test::read_file(path)) == "");
  }
}

TEST_CASE("parser: a cut statement has no fact that the whole one lacks", "[parser]") {
  for (const test::SqlFixture& fixture : test::sql_fixtures()) {
    const Dialect& dialect = dialect_of(fixture.engine);
    for (const std::string& sql : fixture.statements) {
      const StatementFacts whole = parse_statement(sql, dialect);
      for (size_t length = 0; length <= sql.size(); ++length) {
        const std::string_view prefix = std::string_view(sql).substr(0, length);
        const StatementFacts cut = parse_statement(prefix, dialect, true);
        INFO(fixture.file << ": " << prefix);
        CHECK(cut.truncated);
        CHECK(fact_not_in(cut, whole) == "");
        REQUIRE(cut.following.size() <= whole.following.size());
        for (size_t i = 0; i < cut.following.size(); ++i) CHECK(fact_not_in(cut.following[i], whole.following[i]) == "");
        // The same without the log's word for it: it may not notice, but it must not stumble.
        (void)parse_statement(prefix, dialect);
      }
    }
  }
}

TEST_CASE("parser: white space, comments and case do not change the facts", "[parser]") {
  for (const test::SqlFixture& fixture : test::sql_fixtures()) {
    const Dialect& dialect = dialect_of(fixture.engine);
    for (const std::string& sql : fixture.statements) {
      if (has_executable_comment(sql)) continue;
      const std::vector<SlotToken> tokens = tokens_of(sql, dialect);
      const std::string expected = test::describe(parse_statement(sql, dialect));
      INFO(fixture.file << ": " << sql);
      CHECK(test::describe(parse_statement(rebuilt(sql, tokens, as_written, [] { return "\n\t "; }), dialect)) == expected);
      CHECK(test::describe(parse_statement(rebuilt(sql, tokens, as_written, [] { return " /* a 'comment' ; */ "; }), dialect)) == expected);
      CHECK(test::describe(parse_statement(rebuilt(sql, tokens, as_written, [] { return " -- x\n"; }), dialect)) == expected);
      CHECK(test::describe(parse_statement("/* route='x' */ " + sql, dialect)) == expected);
      for (const bool upper : {true, false}) {
        auto recased = [&](const SlotToken& t) {
          std::string s(t.token.text);
          if (t.token.kind != TokenKind::kWord) return s;
          for (char& c : s)
            c = static_cast<char>(upper ? std::toupper(static_cast<unsigned char>(c)) : std::tolower(static_cast<unsigned char>(c)));
          return s;
        };
        CHECK(to_lower(test::describe(parse_statement(rebuilt(sql, tokens, recased, blank), dialect))) == to_lower(expected));
      }
    }
  }
}

TEST_CASE("parser: placeholders of every style read like the literals they stand for", "[parser]") {
  using Style = std::string (*)(int);
  struct Named {
    const char* name;
    Style write;
    bool postgres, mysql, sqlite;
  };
  static const Named kStyles[] = {
      {"?", [](int) { return std::string("?"); }, true, true, true},
      {"$1", [](int n) { return "$" + std::to_string(n); }, true, false, true},
      {":name", [](int n) { return ":p" + std::to_string(n); }, true, true, true},
      {"%s", [](int) { return std::string("%s"); }, true, true, true},
      {"%(name)s", [](int n) { return "%(p" + std::to_string(n) + ")s"; }, true, true, true},
      {"@p1", [](int n) { return "@p" + std::to_string(n); }, true, false, true},
      {"?1", [](int n) { return "?" + std::to_string(n); }, false, false, true},
  };
  size_t compared = 0;
  for (const test::SqlFixture& fixture : test::sql_fixtures()) {
    const Dialect& dialect = dialect_of(fixture.engine);
    for (const std::string& sql : fixture.statements) {
      if (has_executable_comment(sql)) continue;
      const std::vector<SlotToken> tokens = tokens_of(sql, dialect);
      const std::string expected = test::describe(parse_statement(sql, dialect));
      for (const Named& style : kStyles) {
        const bool spoken = fixture.engine == Engine::kPostgres ? style.postgres
                            : fixture.engine == Engine::kSqlite ? style.sqlite
                                                                : style.mysql;
        if (!spoken) continue;
        int n = 0;
        auto placed = [&](const SlotToken& t) {
          const bool literal = t.token.kind == TokenKind::kString || t.token.kind == TokenKind::kNumber ||
                               t.token.kind == TokenKind::kBits || t.token.kind == TokenKind::kPlaceholder ||
                               t.token.kind == TokenKind::kWord;
          const bool element = t.folded && (t.token.kind == TokenKind::kString || t.token.kind == TokenKind::kNumber);
          return (t.slot >= 0 && literal) || element ? style.write(++n) : std::string(t.token.text);
        };
        const std::string prepared = rebuilt(sql, tokens, placed, blank);
        if (n == 0) continue;
        ++compared;
        INFO(fixture.file << " with " << style.name << ": " << prepared);
        CHECK(test::describe(parse_statement(prepared, dialect)) == expected);
      }
    }
  }
  CHECK(compared > 300);
}
