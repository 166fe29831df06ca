// `--fixes-out`: what the files hold, and what they never do.

#include <filesystem>
#include <string>

#include "cli/fix_files.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

Finding finding() {
  Finding f;
  f.code = "DBA101";
  f.name = "get-or-create-without-unique-key";
  f.engine = Engine::kPostgres;
  f.tables = {"public.tag"};
  f.message = "Two sessions can both miss and both insert.";
  f.fingerprint = 0xabc;
  f.statements.push_back({"read", "SELECT id FROM tag WHERE name = ?", {"app.log", 4}, "1", {}});
  Fix dedupe;
  dedupe.kind = "dedupe";
  dedupe.title = "First: list the duplicates";
  dedupe.sql = {"SELECT name, COUNT(*) FROM tag GROUP BY name", "DELETE FROM tag AS d USING tag AS keep WHERE keep.id < d.id"};
  dedupe.use.once = 2;
  Fix upsert;
  upsert.kind = "upsert";
  upsert.title = "Insert first";
  upsert.sql = {"-- one statement\nINSERT INTO tag (name) VALUES ($1) ON CONFLICT (name) DO NOTHING"};
  upsert.use.write = 0;
  upsert.checked = {"parses", "runs", "silences"};
  f.fixes = {dedupe, upsert};
  return f;
}

TEST_CASE("a file of fixes runs what is done once, and comments what is not", "[cli][fixes]") {
  const std::string text = fix_file(finding());
  CHECK(fix_file_name(finding()) == "DBA101-public.tag-0000000000000abc.sql");
  CHECK(text.starts_with("-- Fixes proposed by dbaudit for PostgreSQL."));
  CHECK(text.find("\nSELECT name, COUNT(*) FROM tag GROUP BY name;\n") != std::string::npos);
  CHECK(text.find("\n--   DELETE FROM tag") != std::string::npos);
  CHECK(text.find("\nDELETE") == std::string::npos);
  CHECK(text.find("\n--   INSERT INTO tag (name) VALUES ($1)") != std::string::npos);
  CHECK(text.find("checked: parses, runs, silences") != std::string::npos);
  CHECK(text == fix_file(finding()));
}

TEST_CASE("nothing from a log gets out of a comment or to the terminal", "[cli][fixes]") {
  Finding f = finding();
  const std::string evil = "x */ ; \n DROP TABLE tag; \r\n-- \x1b[2J\x07\\! rm";
  f.message = f.why = f.source_file = evil;
  f.tables = {"../" + evil};
  f.statements[0].sql = f.statements[0].place.file = f.statements[0].role = evil;
  f.fixes[0].title = f.fixes[0].trade_off = f.fixes[0].kind = evil;
  f.fixes[1].sql[0] = evil;
  f.fixes[1].code = evil;
  const std::string name = fix_file_name(f);
  CHECK(name.find('/') == std::string::npos);
  CHECK(name.find('\x1b') == std::string::npos);
  const std::string text = fix_file(f);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\x07') == std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    INFO(line);
    CHECK((line.empty() || line.starts_with("--") || line == "SELECT name, COUNT(*) FROM tag GROUP BY name;"));
    begin = end + 1;
  }
  // A name with a control byte in it cannot be shown as it is.
  f = finding();
  f.fixes[0].sql[0] = "SELECT \"a\x1b[2J\" FROM tag";
  CHECK(fix_file(f).find("\nSELECT") == std::string::npos);
}

TEST_CASE("files of others are not overwritten", "[cli][fixes]") {
  const TemporaryDirectory directory;
  const std::string out = directory.path() + "/new/fixes";
  REQUIRE(write_fix_files({finding()}, out));
  const std::string path = out + "/" + fix_file_name(finding());
  CHECK(read_file(path) == fix_file(finding()));
  REQUIRE(write_fix_files({finding()}, out));
  write_file(path, "-- mine\n");
  const Result<void> refused = write_fix_files({finding()}, out);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("not overwritten") != std::string::npos);
  CHECK(read_file(path) == "-- mine\n");
  write_file(directory.path() + "/file", "");
  CHECK_FALSE(write_fix_files({finding()}, directory.path() + "/file"));
}

}  // namespace
}  // namespace dbaudit
