#include "analyzers/sql/templates.h"

#include <string>

#include "tests/catch.h"

namespace dbaudit {
namespace {

const Dialect& pg() { return dialect_of(Engine::kPostgres); }

}  // namespace

TEST_CASE("statements of one shape share a template") {
  Templates templates(pg());
  const Template* first = templates.intern("SELECT * FROM t WHERE id = 5", false);
  CHECK(first->id == 1);
  CHECK(first->text.str() == "select * from t where id = ?");
  CHECK(first->slots == 1);
  CHECK(first->facts.kind == StatementKind::kSelect);
  CHECK(templates.intern("select *\nfrom \"t\" where id=$1", false) == first);
  const Template* other = templates.intern("SELECT * FROM u WHERE id = 5", false);
  CHECK(other != first);
  CHECK(other->id == 2);
  CHECK(templates.size() == 2);
  CHECK(&templates[1] == first);
  CHECK(first->text.str() == "select * from t where id = ?");
  CHECK(templates.dropped() == 0);
}

TEST_CASE("rows of an insert are told by the template") {
  Templates templates(pg());
  const Template* t = templates.intern("INSERT INTO t (a, b) VALUES (1, 2), (3, 4) RETURNING 5", false);
  CHECK(t->slots == 3);
  CHECK(t->row_slots == 2);
  CHECK(t->first_row_slot == 0);
  CHECK(t == templates.intern("INSERT INTO t (a, b) VALUES (1, 2) RETURNING 5", false));
  Arena arena;
  templates.intern("INSERT INTO t (a, b) VALUES (1, 2), (3, 4) RETURNING 5", false);
  CHECK(templates.bind({}, false, arena).more_rows().size() == 2);
}

TEST_CASE("a cut statement never shares a template with a whole one") {
  Templates templates(pg());
  const Template* whole = templates.intern("UPDATE t SET a = 1", false);
  const Template* cut = templates.intern("UPDATE t SET a = 1", true);
  CHECK(whole != cut);
  CHECK(whole->text.str() == cut->text.str());
  CHECK(whole->fingerprint != cut->fingerprint);
  CHECK_FALSE(whole->facts.truncated);
  CHECK(cut->facts.truncated);
  // An open quote says itself that the end is missing.
  const Template* open_quote = templates.intern("UPDATE t SET a = '1", false);
  CHECK(open_quote == cut);
}

TEST_CASE("directives keep a template apart") {
  Templates templates(pg());
  const Template* plain = templates.intern("SELECT 1 /* note */", false);
  const Template* ignored = templates.intern("SELECT 1 /* dbaudit:ignore DBA201 because */", false);
  CHECK(plain != ignored);
  CHECK(plain->directives.empty());
  REQUIRE(ignored->directives.size() == 1);
  CHECK(ignored->directives[0] == "ignore DBA201 because");
  CHECK(templates.intern("select 2 -- dbaudit:ignore DBA201 because", false) ==
        templates.intern("SELECT 2 -- dbaudit:ignore DBA201 because", false));
  CHECK(templates.intern("SELECT 1", false) == plain);
}

TEST_CASE("past the cap statements share the opaque template and are counted") {
  Templates templates(pg(), 2);
  const Template* a = templates.intern("SELECT a", false);
  templates.intern("SELECT b", false);
  const Template* c = templates.intern("SELECT c WHERE d = 1", false);
  CHECK(c == &templates[0]);
  CHECK(c->facts.quality == Quality::kOpaque);
  CHECK_FALSE(c->facts.reason.empty());
  Arena arena;
  CHECK(templates.bind({}, false, arena).slots.empty());
  CHECK(templates.intern("SELECT c", false) == c);
  CHECK(templates.intern("SELECT A", false) == a);
  CHECK(templates.size() == 2);
  CHECK(templates.dropped() == 2);
}

TEST_CASE("the name of a savepoint is told beside the template") {
  Templates templates(pg());
  std::string name;
  const Template* t = templates.intern(R"(SAVEPOINT "s1_x1")", false);
  templates.object_name(name);
  CHECK(name == "s1_x1");
  CHECK(templates.intern("SAVEPOINT trx2;", false) == t);
  templates.object_name(name);
  CHECK(name == "trx2");
  templates.intern("COMMIT", false);
  templates.object_name(name);
  CHECK(name.empty());
}

TEST_CASE("a text that comes again is known, and its values with it") {
  Templates templates(pg());
  Arena arena;
  const std::string sql = "SELECT a FROM t WHERE b = 'it''s' AND c = $1 /* who */";
  const Template* first = templates.intern(sql, false);
  for (int i = 0; i < 4; ++i) {
    CHECK(templates.intern(sql, false) == first);
    CHECK(templates.has_comment());
    CHECK(templates.bind({}, false, arena).slots[0].text == "it's");
    templates.intern("COMMIT", false);
    CHECK_FALSE(templates.has_comment());
  }
  CHECK(templates.size() == 2);
}

}  // namespace dbaudit
