#include <cstdlib>
#include <string>
#include <vector>

#include "analyzers/schema/connection.h"
#include "tests/catch.h"

namespace dbaudit {
namespace {

TEST_CASE("a DSN is taken apart and shown without its password", "[schema][dsn]") {
  struct Case {
    const char *text, *scheme, *shown;
  };
  const std::vector<Case> cases = {
      {"sqlite:///rel.db", "sqlite", "sqlite:///rel.db"},
      {"sqlite:////abs/a@b:c.db", "sqlite", "sqlite:////abs/a@b:c.db"},
      {"SQLite:///x.db", "sqlite", "sqlite:///x.db"},
      {"app.sqlite3", "sqlite", "app.sqlite3"},
      {"postgresql://app@db/shop", "postgresql", "postgresql://app@db/shop"},
      {"postgresql://app:hunter2@db/shop", "postgresql", "postgresql://app@db/shop"},
      {"postgres://app:hunter%402@db:5432/shop?sslmode=require", "postgres", "postgres://app@db:5432/shop?sslmode=require"},
      {"postgresql+psycopg2://app:hunter2@db/shop", "postgresql", "postgresql://app@db/shop"},
      {"mysql+pymysql://root:hunter2@127.0.0.1:3306/shop", "mysql", "mysql://root@127.0.0.1:3306/shop"},
      {"mariadb://root:hunter@2/x:y@db/shop", "mariadb", "mariadb://root@db/shop"},
      {"postgresql://db/shop?user=app&password=hunter2", "postgresql", "postgresql://db/shop?user=app"},
      {"postgresql://db/shop?sslpassword=hunter2", "postgresql", "postgresql://db/shop"},
      {"postgresql://a:hunter2@[::1]:5432,b:5433/shop", "postgresql", "postgresql://a@[::1]:5432,b:5433/shop"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const Result<Dsn> dsn = parse_dsn(c.text);
    REQUIRE(dsn);
    CHECK(dsn->scheme == c.scheme);
    CHECK(dsn->shown == c.shown);
    CHECK(dsn->shown.find("hunter") == std::string::npos);
  }
}

TEST_CASE("env: reads the variable, and says when there is none", "[schema][dsn]") {
  setenv("DBAUDIT_TEST_DSN", "postgresql://app:hunter2@db/shop", 1);
  const Result<Dsn> dsn = parse_dsn("env:DBAUDIT_TEST_DSN");
  REQUIRE(dsn);
  CHECK(dsn->shown == "postgresql://app@db/shop");
  unsetenv("DBAUDIT_TEST_DSN");
  const Result<Dsn> unset = parse_dsn("env:DBAUDIT_TEST_DSN");
  REQUIRE_FALSE(unset);
  CHECK(unset.error().message.find("DBAUDIT_TEST_DSN") != std::string::npos);
}

TEST_CASE("what cannot be opened says why, without the password", "[schema][dsn]") {
  struct Case {
    const char *text, *expected;
  };
  const std::vector<Case> cases = {
      {"", "empty"},
      {"oracle://app:hunter2@db/x", "unknown database scheme 'oracle'; known: sqlite://, postgresql://"},
      {"postgress://app:hunter2@db/x", "did you mean postgres"},
      {"app:hunter2@db://x", "unknown database scheme;"},
      {"postgresql://app:hunter2@127.0.0.1:1/x", "Connection refused"},
      {"mysql://app:hunter2@no-such-host.invalid/x", "cannot connect to mysql://app@no-such-host.invalid/x"},
      {"sqlite://x.db", "three slashes"},
      {"sqlite:///:memory:", "in-memory"},
      {"sqlite:///", "in-memory"},
      {"sqlite:///nowhere/x.db", "no such file"},
      {"app:hunter2@db/x", "no such file"},
      {"sqlite:///a%00b", "NUL"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    std::string message;
    if (const Result<Dsn> dsn = parse_dsn(c.text); !dsn) {
      message = dsn.error().message;
    } else {
      const auto connection = connect(*dsn);
      REQUIRE_FALSE(connection);
      message = connection.error().message;
    }
    CHECK(message.find(c.expected) != std::string::npos);
    CHECK(message.find("hunter2") == std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace dbaudit
