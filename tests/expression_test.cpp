// One spelling for an expression, whoever wrote it.

#include "analyzers/schema/expression.h"

#include <string>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

struct Case {
  Engine engine;
  const char* text;
  const char* expected;
};

constexpr Engine kPg = Engine::kPostgres, kMy = Engine::kMySql, kLite = Engine::kSqlite;

TEST_CASE("expressions have one spelling", "[schema][expression]") {
  const std::vector<Case> cases = {
      {kPg, "lower((email)::text)", "lower(email)"},
      {kPg, "LOWER(\"email\")", "lower(email)"},
      {kMy, "lower(`email`)", "lower(email)"},
      {kLite, "Lower( [email] )", "lower(email)"},
      {kPg, "(deleted_at IS NULL)", "deleted_at is null"},
      {kPg, "((((deleted_at))) IS NULL)", "deleted_at is null"},
      {kLite, "deleted_at ISNULL", "deleted_at is null"},
      {kPg, "NOT (deleted_at IS NULL)", "deleted_at is not null"},
      {kPg, "((status)::text = 'pending'::text)", "status = 'pending'"},
      {kPg, "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))", "status in ('a', 'b')"},
      {kPg, "status <> ALL (ARRAY['a'::text])", "status not in ('a')"},
      {kPg, "t.a = 1 AND (public.t.b = 2)", "a = 1 and b = 2"},
      {kPg, "(a = 1) OR ((b = 2) AND (c = 3))", "a = 1 or b = 2 and c = 3"},
      {kPg, "((a = 1) OR (b = 2)) AND c", "(a = 1 or b = 2) and c"},
      {kPg, "NOT active", "not active"},
      {kPg, "n = '-1'::integer", "n = -1"},
      {kPg, "n = -1", "n = -1"},
      {kPg, "(n = (-1))", "n = -1"},
      {kPg, "COALESCE(b, '-1'::integer)", "coalesce(b, -1)"},
      {kPg, "a - (b - c)", "a - (b - c)"},
      {kPg, "(a - b) - c", "a - b - c"},
      {kPg, "price::numeric(10,2) >= (0)::numeric", "price >= 0"},
      {kPg, "created_at::timestamp(3) with time zone > now()", "created_at > now()"},
      {kPg, "\"userId\" = 1", "\"userId\" = 1"},
      {kMy, "`userId` = 1", "userid = 1"},
      {kPg, "x != 3", "x <> 3"},
      {kLite, "x == 3", "x = 3"},
      {kPg, "name ~~ 'a%'::text", "name like 'a%'"},
      {kPg, "name NOT LIKE 'it''s%'", "name not like 'it''s%'"},
      {kMy, "name = \"it's\"", "name = 'it''s'"},
      {kPg, "name = E'it\\'s'", "name = 'it''s'"},
      {kMy, "cast(`a` as char(10) charset utf8mb4)", "a"},
      {kPg, "CAST(a AS double precision)", "a"},
      {kPg, "CASE WHEN (deleted_at IS NULL) THEN email ELSE NULL::text END", "case when deleted_at is null then email end"},
      {kMy, "if(`deleted_at` is null, 1, NULL)", "if(deleted_at is null, 1, null)"},
      {kMy, "a || b", "a or b"},
      {kPg, "a || b || c", "a || b || c"},
      {kMy, "current_timestamp()", "current_timestamp()"},
      {kPg, "CURRENT_TIMESTAMP", "current_timestamp()"},
      {kPg, "nextval('public.t_id_seq'::regclass)", "nextval('public.t_id_seq')"},
      {kPg, "a BETWEEN 1 AND 2 AND b", "a between 1 and 2 and b"},
      {kPg, "a IS NOT DISTINCT FROM 3", "a is not distinct from 3"},
      {kLite, "email COLLATE nocase", "email collate nocase"},
      {kPg, "count(*) > 1", "count(*) > 1"},
      {kPg, "extract(year FROM at)", "extract(year from at)"},
      {kPg, "(SELECT 1)", "(select 1)"},
      {kPg, "true", "true"},
      {kPg, "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const std::string once = normalise_expression(std::string_view(c.text), c.engine);
    CHECK(once == c.expected);
    CHECK(normalise_expression(std::string_view(once), c.engine) == once);
  }
}

TEST_CASE("an expression that is not understood is kept as text", "[schema][expression]") {
  for (const char* text : {"a = ", "(((", ") a", "a b c", "case when", "a in (", "x[1]", "a not", "1 +", "::", "cast(a as", "array[1", "'",
                           "\"", "a between 1"}) {
    CAPTURE(text);
    const std::string once = normalise_expression(std::string_view(text), Engine::kPostgres);
    CHECK(normalise_expression(std::string_view(once), Engine::kPostgres) == once);
  }
}

TEST_CASE("deep and long expressions end", "[schema][expression]") {
  std::string deep(100000, '('), chain = "a", words = "a", minus = "a";
  deep += "a";
  deep += std::string(100000, ')');
  for (int i = 0; i < 50000; ++i) {
    chain += " AND a";
    words += " - a";
    minus += " NOT";
  }
  CHECK_FALSE(normalise_expression(std::string_view(deep), Engine::kPostgres).empty());
  CHECK(normalise_expression(std::string_view(chain), Engine::kPostgres).size() == 50000 * 6 + 1);
  CHECK_FALSE(normalise_expression(std::string_view(words), Engine::kPostgres).empty());
  CHECK_FALSE(normalise_expression(std::string_view(minus), Engine::kPostgres).empty());
  std::string nots;
  for (int i = 0; i < 50000; ++i) nots += "not ";
  CHECK_FALSE(normalise_expression(std::string_view(nots + "a"), Engine::kPostgres).empty());
}

TEST_CASE("a slot stands for any value", "[schema][expression]") {
  const auto parsed = [](const char* text) { return parse_expression(std::string_view(text), Engine::kMySql); };
  CHECK(same_expression(parsed("coalesce(b, ?)"), parsed("coalesce(`B`, -1)")));
  CHECK_FALSE(same_expression(parsed("coalesce(b, 0)"), parsed("coalesce(b, -1)")));
  CHECK_FALSE(same_expression(parsed("coalesce(b, ?)"), parsed("coalesce(b, c)")));
  CHECK_FALSE(same_expression(parsed("lower(a)"), parsed("upper(a)")));
  CHECK_FALSE(same_expression(parsed("f('A')"), parsed("f('a')")));
}

}  // namespace
}  // namespace dbaudit
