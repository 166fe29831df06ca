#include "analyzers/sql/lexer.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/sql/tokens.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

std::string_view kind_letter(TokenKind k) {
  switch (k) {
    case TokenKind::kEnd: return "end";
    case TokenKind::kWord: return "w";
    case TokenKind::kQuotedName: return "q";
    case TokenKind::kNumber: return "n";
    case TokenKind::kString: return "s";
    case TokenKind::kBits: return "b";
    case TokenKind::kPlaceholder: return "p";
    case TokenKind::kVariable: return "v";
    case TokenKind::kOperator: return "o";
    case TokenKind::kPunct: return "";
    case TokenKind::kComment: return "c";
    case TokenKind::kOther: return "x";
  }
  return "?";
}

/// `w:select n:1 ;`, with `!` behind an unterminated token.
std::string spell(std::string_view sql, const Dialect& dialect, bool keep_comments = false) {
  Lexer lexer(sql, dialect, keep_comments);
  std::string out;
  for (;;) {
    const Token t = lexer.next();
    if (t.kind == TokenKind::kEnd) return t.unterminated ? out + " end!" : out;
    if (!out.empty()) out += ' ';
    out += kind_letter(t.kind);
    if (t.kind != TokenKind::kPunct) out += ':';
    out += t.text;
    if (t.unterminated) out += '!';
  }
}

constexpr Engine kPg = Engine::kPostgres;
constexpr Engine kMy = Engine::kMySql;
constexpr Engine kMaria = Engine::kMariaDb;
constexpr Engine kLite = Engine::kSqlite;
constexpr Engine kAny = Engine::kUnknown;
constexpr Engine kEvery[] = {kPg, kMy, kMaria, kLite, kAny};

struct Case {
  Engine engine;
  std::string_view sql;
  std::string_view tokens;
};

void check_all(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    INFO(engine_name(c.engine) << ": " << c.sql);
    CHECK(spell(c.sql, dialect_of(c.engine)) == c.tokens);
  }
}

/// xorshift: the same bytes on every machine.
class Random {
 public:
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15ULL;
};

/// Pieces that open, close and cross every construct; random strings of them find more than random bytes do.
std::string random_sql(Random& random, size_t pieces) {
  static constexpr std::string_view kPieces[] = {
      "select ",     "in",   "(",   ")",      ",",         "'",      "''",       "\"",
      "`",           "[",    "]",   "\\",     "$$",        "$a$",    "$1",       "?",
      "?|",          "??",   ":a",  "::",     ":=",        "%s",     "%(a)s",    "%",
      "@x",          "@@",   "--",  "-- ",    "#",         "/*",     "*/",       "/*!40001 ",
      "/*M!100000 ", "/*+",  "\n",  " ",      "1",         "1.5e-3", ".5",       "1abc",
      "0x1F",        "e'",   "U&'", "U&\"",   "N'",        "x'",     "b'",       "_utf8'",
      "_utf8 '",     "a.b",  "a",   "-",      "+",         "<=>",    "->>",      "#>",
      "@>",          "null", ";",   "values", "array",     "\xff",   "\xc3\xa9", std::string_view("\0", 1),
      "~",           "{",    "}",   "set ",   "interval ",
  };
  std::string out;
  for (size_t i = 0; i < pieces; ++i) {
    if (random.below(12) == 0) {
      out += static_cast<char>(random.next());
    } else {
      out += kPieces[random.below(std::size(kPieces))];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the lexer reads words, numbers and operators") {
  check_all({
      {kPg, "SELECT a1,_b FROM t;", "w:SELECT w:a1 , w:_b w:FROM w:t ;"},
      {kPg, "caf\xc3\xa9 a$b", "w:caf\xc3\xa9 w:a$b"},
      {kPg, "1 .5 1. 1.5 1e3 1e-3 1.5E+10 1e", "n:1 n:.5 n:1. n:1.5 n:1e3 n:1e-3 n:1.5E+10 n:1 w:e"},
      {kPg, "t.5 t .5 a.b.c", "w:t . n:5 w:t n:.5 w:a . w:b . w:c"},
      {kPg, "1..10", "n:1 o:.. n:10"},
      {kPg, "1_000 0x1F 0b101 0o17", "n:1_000 b:0x1F b:0b101 b:0o17"},
      {kPg, "1abc", "n:1 w:abc"},
      {kMy, "1abc 1e5 1e5x 1.5x 0x1F 0xZZ", "w:1abc n:1e5 w:1e5x n:1.5 w:x b:0x1F w:0xZZ"},
      {kMy, "db.1st t.2", "w:db . w:1st w:t . w:2"},
      {kLite, "5and", "n:5 w:and"},
      {kPg, "a=-1", "w:a o:= o:- n:1"},
      {kPg, "a<=b a<>b a!=b a||b a&&b", "w:a o:<= w:b w:a o:<> w:b w:a o:!= w:b w:a o:|| w:b w:a o:&& w:b"},
      {kPg, "a@>b a<@b a@@b a->b a->>b a#>b a#>>b a#-b",
       "w:a o:@> w:b w:a o:<@ w:b w:a o:@@ w:b w:a o:-> w:b w:a o:->> w:b w:a o:#> w:b w:a o:#>> w:b w:a o:#- w:b"},
      {kPg, "a~*b a!~~*b a<->b a-|-b", "w:a o:~* w:b w:a o:!~~* w:b w:a o:<-> w:b w:a o:-|- w:b"},
      {kPg, "a::text x:=1 f(a=>1)", "w:a o::: w:text w:x o::= n:1 w:f ( w:a o:=> n:1 )"},
      {kPg, "count(*)-1", "w:count ( o:* ) o:- n:1"},
      {kMy, "a<=>b a:=1 a->'$.x' a->>'$.y' !a a||b 5%2",
       "w:a o:<=> w:b w:a o::= n:1 w:a o:-> s:'$.x' w:a o:->> s:'$.y' o:! w:a w:a o:|| w:b n:5 o:% n:2"},
      {kLite, "a==b a<>b a||b a->>'x'", "w:a o:== w:b w:a o:<> w:b w:a o:|| w:b w:a o:->> s:'x'"},
      {kMy, "5--1", "n:5 o:- o:- n:1"},
      {kPg, "a[1:2] a[1]", "w:a [ n:1 o:: n:2 ] w:a [ n:1 ]"},
      {kPg, "\x01 \\ {", "x:\x01 x:\\ x:{"},
      {kPg, "", ""},
      {kPg, " \t\r\n\v\f", ""},
  });
}

TEST_CASE("the lexer reads every quoting") {
  check_all({
      {kPg, "'a' 'it''s' ''", "s:'a' s:'it''s' s:''"},
      {kPg, R"('a\' E'a\'b' e'\\')", R"(s:'a\' s:E'a\'b' s:e'\\')"},
      {kMy, R"('a\'b' "a\"b" "a""b" 'a''b')", R"(s:'a\'b' s:"a\"b" s:"a""b" s:'a''b')"},
      {kPg, R"("a""b" U&"d\0061t" U&'d\0061t')", R"(q:"a""b" q:U&"d\0061t" s:U&'d\0061t')"},
      {kPg, "U & 'x'", "w:U o:& s:'x'"},
      {kMy, "`a``b` `c`", "q:`a``b` q:`c`"},
      {kLite, "[a b] `c` \"d\" [e", "q:[a b] q:`c` q:\"d\" q:[e!"},
      {kLite, "SELECT a [alias] FROM t", "w:SELECT w:a q:[alias] w:FROM w:t"},
      {kAny, "a[1] SELECT [b c]", "w:a [ n:1 ] w:SELECT q:[b c]"},
      {kPg, "$$a'b$$ $tag$ $$ $x$ $tag$ $a$b", "s:$$a'b$$ s:$tag$ $$ $x$ $tag$ s:$a$b!"},
      {kPg, "as$$ $1 $1a", "w:as$$ p:$1 p:$1 w:a"},
      {kPg, "N'a' n'b' x'1F' X'' b'01' B'1'", "s:N'a' s:n'b' b:x'1F' b:X'' b:b'01' b:B'1'"},
      {kMy, "_utf8'a' _latin1\"b\" _binary 'c' _utf8mb4\n'd' _nosuch 'e'",
       "s:_utf8'a' s:_latin1\"b\" s:_binary 'c' s:_utf8mb4\n'd' w:_nosuch s:'e'"},
      {kPg, "_utf8'a'", "w:_utf8 s:'a'"},
      {kPg, "'abc", "s:'abc!"},
      {kMy, "'abc\\", "s:'abc\\!"},
      {kMy, "'abc\\'", "s:'abc\\'!"},
      {kPg, "\"abc", "q:\"abc!"},
      {kPg, "E'a", "s:E'a!"},
  });
}

TEST_CASE("MySQL's modes are flags of the dialect") {
  Dialect no_backslash = dialect_of(kMy);
  no_backslash.backslash_escapes = false;
  CHECK(spell(R"('a\' x)", no_backslash) == R"(s:'a\' w:x)");
  Dialect ansi = dialect_of(kMy);
  ansi.double_quotes_are_strings = false;
  CHECK(spell(R"("a" 'b')", ansi) == R"(q:"a" s:'b')");
}

TEST_CASE("the lexer reads comments") {
  check_all({
      {kPg, "a -- b\nc --", "w:a w:c"},
      {kMy, "a -- b\nc --x\n--", "w:a w:c o:- o:- w:x"},
      {kMy, "a # b\nc #", "w:a w:c"},
      {kPg, "a # b", "w:a o:# w:b"},
      {kPg, "a /* b /* c */ d */ e", "w:a w:e"},
      {kMy, "a /* b /* c */ d", "w:a w:d"},
      {kPg, "a /* b /* c */ d", "w:a c:/* b /* c */ d!"},
      {kMy, "/*!40001 SQL_NO_CACHE */ a", "w:SQL_NO_CACHE w:a"},
      {kMy, "/*!SELECT 1*/ /*!080000x*/", "w:SELECT n:1 w:x"},
      {kMy, "SELECT /*!50000 2 */*3", "w:SELECT n:2 o:* n:3"},
      {kMy, "a /*!40101 b", "w:a w:b end!"},
      {kMy, "a /*M!100000 b */ c", "w:a w:c"},
      {kMaria, "a /*M!100000 b */ c", "w:a w:b w:c"},
      {kPg, "a /*!40001 b */ c", "w:a w:c"},
      {kMy, "SELECT /*+ NO_MERGE(t) */ 1", "w:SELECT n:1"},
      {kPg, "a/", "w:a o:/"},
      {kPg, "'--' \"/*\"", "s:'--' q:\"/*\""},
  });
  CHECK(spell("a /* b */ -- c\n#d", dialect_of(kMy), true) == "w:a c:/* b */ c:-- c c:#d");
}

TEST_CASE("the lexer tells placeholders from operators") {
  check_all({
      {kPg, "a = ? AND b=? LIMIT ? OFFSET ?", "w:a o:= p:? w:AND w:b o:= p:? w:LIMIT p:? w:OFFSET p:?"},
      {kPg, "f(?, ?) IN (?,?)", "w:f ( p:? , p:? ) w:IN ( p:? , p:? )"},
      {kPg, "data ? 'k'", "w:data o:? s:'k'"},
      {kPg, "data ? ? AND x", "w:data o:? p:? w:AND w:x"},
      {kPg, "data ? $1", "w:data o:? p:$1"},
      {kPg, "(a -> 'b') ? 'k'", "( w:a o:-> s:'b' ) o:? s:'k'"},
      {kPg, "data ?| array['a'] data ?& $1", "w:data o:?| w:array [ s:'a' ] w:data o:?& p:$1"},
      {kPg, "data ?? 'k' data ??| $1", "w:data o:?? s:'k' w:data o:??| p:$1"},
      {kPg, "? || 'x'", "p:? o:|| s:'x'"},
      {kPg, "a = ?||'x'", "w:a o:= p:? o:|| s:'x'"},
      {kPg, "?::int", "p:? o::: w:int"},
      {kPg, "DATE ? - INTERVAL ?", "w:DATE p:? o:- w:INTERVAL p:?"},
      {kPg, "FETCH FIRST ? ROWS ONLY", "w:FETCH w:FIRST p:? w:ROWS w:ONLY"},
      {kPg, "t.\"limit\" ? 'k' t.limit ? 'k'", "w:t . q:\"limit\" o:? s:'k' w:t . w:limit o:? s:'k'"},
      {kPg, "data /* ? */ ? /* x */ 'k'", "w:data o:? s:'k'"},
      {kPg, "a @? '$.x'", "w:a o:@? s:'$.x'"},
      {kMy, "data ? 'k'", "w:data p:? s:'k'"},
      {kLite, "?1 ?23 @a $b :c", "p:?1 p:?23 p:@a p:$b p::c"},
      {kLite, "$a::b $c(i) $d(e f) $ $::g", "p:$a::b p:$c(i) p:$d ( w:e w:f ) x:$ p:$::g"},
      {kPg, "$1 $23 a=$1", "p:$1 p:$23 w:a o:= p:$1"},
      {kPg, ":id a=:id ::int :1", "p::id w:a o:= p::id o::: w:int p::1"},
      {kPg, "a[1:n] a[:n]", "w:a [ n:1 o:: w:n ] w:a [ p::n ]"},
      {kPg, "a=@p1 a>=@p1 a||@p2 a <@ b", "w:a o:= p:@p1 w:a o:>= p:@p1 w:a o:|| p:@p2 w:a o:<@ w:b"},
      {kMy, "@x @@session.x @p0 @__id_0 @'a b' @`c` :=", "v:@x v:@@session.x p:@p0 p:@__id_0 v:@'a b' v:@`c` o::="},
      {kMy, "'u'@'h'", "s:'u' v:@'h'"},
      {kPg, "a=%s AND b IN (%s,%s)", "w:a o:= p:%s w:AND w:b w:IN ( p:%s , p:%s )"},
      {kPg, "LIMIT %s AT TIME ZONE %s", "w:LIMIT p:%s w:AT w:TIME w:ZONE p:%s"},
      {kPg, "%(name)s::VARCHAR %(a.b)s", "p:%(name)s o::: w:VARCHAR p:%(a.b)s"},
      {kPg, "a%s 5 %s a % s a %sum", "w:a o:% w:s n:5 o:% w:s w:a o:% w:s w:a o:% w:sum"},
      {kPg, "a % (b) a %% 2", "w:a o:% ( w:b ) w:a o:%% n:2"},
      {kMy, "a%2 a % 2 %s", "w:a o:% n:2 w:a o:% n:2 o:% w:s"},
  });
}

TEST_CASE("the lexer reads every byte once, whatever the bytes") {
  Random random;
  for (int round = 0; round < 4000; ++round) {
    const std::string sql = random_sql(random, 1 + random.below(30));
    for (const Engine engine : kEvery) {
      const Dialect& dialect = dialect_of(engine);
      Lexer lexer(sql, dialect, true);
      const char* at = sql.data();
      bool whole = true;
      for (;;) {
        const Token t = lexer.next();
        for (; at < t.text.data(); ++at) {
          const bool blank = *at == ' ' || (*at >= '\t' && *at <= '\r');
          const bool marker = dialect.executable_comments && std::string_view("/*!Mm0123456789").find(*at) != std::string_view::npos;
          if (!blank && !marker) whole = false;
        }
        if (t.text.data() != at) whole = false;
        at += t.text.size();
        if (t.kind == TokenKind::kEnd) break;
      }
      if (at != sql.data() + sql.size()) whole = false;
      if (!whole) FAIL_CHECK(engine_name(engine) << ": " << sql);
    }
  }
}

TEST_CASE("a statement cut at any byte lexes to a prefix of its tokens") {
  Random random;
  for (int round = 0; round < 150; ++round) {
    const std::string sql = random_sql(random, 25);
    for (const Engine engine : kEvery) {
      const Dialect& dialect = dialect_of(engine);
      std::vector<Token> whole;
      Lexer lexer(sql, dialect);
      do whole.push_back(lexer.next());
      while (whole.back().kind != TokenKind::kEnd);
      for (size_t cut = 0; cut <= sql.size(); ++cut) {
        // A copy of its own, so that a sanitizer sees a byte read behind the cut.
        const std::vector<char> bytes(sql.begin(), sql.begin() + static_cast<std::ptrdiff_t>(cut));
        Lexer short_lexer({bytes.data(), bytes.size()}, dialect);
        for (size_t i = 0;; ++i) {
          const Token t = short_lexer.next();
          if (t.kind == TokenKind::kEnd) break;
          const auto end = static_cast<size_t>(t.text.data() + t.text.size() - bytes.data());
          // Tokens that end 160 bytes before the cut cannot know of it (`%(name)s` looks that far ahead), unless a comment or quote stays open.
          if (end + 160 < cut && !t.unterminated && i < whole.size()) {
            if (whole[i].text != t.text) FAIL_CHECK(engine_name(engine) << " cut at " << cut << ": " << sql);
          }
        }
      }
    }
  }
}

TEST_CASE("unquote gives the value of a literal") {
  struct Unquoted {
    Engine engine;
    std::string_view sql;
    std::string value;
  };
  const Unquoted cases[] = {
      {kPg, "'it''s'", "it's"},
      {kPg, R"('a\nb')", R"(a\nb)"},
      {kPg, R"(E'a\nb\t\\\'\x41\101\u00e9\U0001F600\q')", "a\nb\t\\'AA\xc3\xa9\xf0\x9f\x98\x80q"},
      {kPg, R"(E'a''b')", "a'b"},
      {kPg, R"(U&'d\0061t\+000061\\')", "data\\"},
      {kPg, "$$it's$$", "it's"},
      {kPg, "$f$ a $$ b $f$", " a $$ b "},
      {kPg, "$f$ cut", " cut"},
      {kPg, "N'x'", "x"},
      {kPg, "\"a\"\"b\"", "a\"b"},
      {kPg, "'cut", "cut"},
      {kPg, "'", ""},
      {kPg, "x'1F'", "1F"},
      {kMy, R"('a\'b\n\0\Z\%\_\q\\')", std::string("a'b\n\0\x1a\\%\\_q\\", 12)},
      {kMy, R"("a""b\"c'd")", "a\"b\"c'd"},
      {kMy, "_utf8mb4 'x'", "x"},
      {kMy, "`a``b`", "a`b"},
      {kMy, "'cut\\", "cut\\"},
      {kLite, "[a b]", "a b"},
      {kPg, "1_000.5", "1000.5"},
  };
  for (const Unquoted& c : cases) {
    INFO(c.sql);
    std::string out = "stale";
    unquote(Lexer(c.sql, dialect_of(c.engine)).next(), dialect_of(c.engine), out);
    CHECK(out == c.value);
  }
}

TEST_CASE("the lexer is linear on what looks quadratic") {
  // Each would take minutes if a look ahead were repeated at every byte.
  const size_t n = 2'000'000;
  const auto repeated = [&](std::string_view s) {
    std::string out = "a ";
    while (out.size() < n) out += s;
    return out;
  };
  for (const std::string_view s :
       {"$a$ $b ", "$a", "%(", "%(a", "? ", "a ?/*", "/*", "'\\", "/*!1", "_utf8 ", "--", ":", "0x", "1e", "`\"'["}) {
    const std::string sql = repeated(s);
    for (const Engine engine : kEvery) {
      Lexer lexer(sql, dialect_of(engine));
      size_t tokens = 0;
      while (lexer.next().kind != TokenKind::kEnd) ++tokens;
      CHECK(tokens <= sql.size());
    }
  }
}

}  // namespace dbaudit
