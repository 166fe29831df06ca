#include "tests/suggest_semantics.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "analyzers/base/arena.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/templates.h"
#include "rules/suggest/suggest.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

std::string literal(const PairValue& v) {
  if (!v.text) return "NULL";
  if (!v.quoted) return *v.text;
  std::string out = "'";
  for (const char c : *v.text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

/// The statement with `{n}` replaced; with placeholders the values go to `bound`, in the order in which the driver takes them.
std::string render(const std::string& sql, const UpsertPair& pair, Engine engine, bool placeholders, std::vector<PairValue>* bound) {
  std::string out;
  for (size_t i = 0; i < sql.size(); ++i) {
    size_t n = 0;
    const char* const from = sql.data() + i + 1;
    const auto [end, error] = std::from_chars(from, sql.data() + sql.size(), n);
    if (sql[i] != '{' || error != std::errc() || *end != '}') {
      out += sql[i];
      continue;
    }
    i = static_cast<size_t>(end - sql.data());
    if (!placeholders) {
      out += literal(pair.values.at(n));
      continue;
    }
    bound->push_back(pair.values.at(n));
    out += engine == Engine::kPostgres ? "$" + std::to_string(bound->size()) : "?";
  }
  return out;
}

std::string plain(const std::string& sql, const UpsertPair& pair, Engine engine) { return render(sql, pair, engine, false, nullptr); }

/// What stands in the slots of a statement's template, left to right: what a fix that numbers them as the original does is bound to.
std::vector<PairValue> slots_of(const std::string& sql, Engine engine) {
  Templates templates(dialect_of(engine));
  Arena arena;
  templates.intern(sql, false);
  std::vector<PairValue> out;
  const BoundValues bound = templates.bind({}, false, arena);
  for (size_t i = 0; i < bound.slots.size(); ++i) {
    const Value& v = bound.slots[i];
    PairValue& value = out.emplace_back();
    if (i < bound.lists().size() && bound.lists()[i].size() > 1) {  // ARRAY[…] is one parameter
      std::vector<std::string> elements;
      for (const Value& e : bound.lists()[i]) elements.emplace_back(e.text);
      value.text = "{" + join(elements, ",") + "}";
      continue;
    }
    if (!v.is_null()) value.text = std::string(v.text);
    value.quoted = v.kind == ValueKind::kString;
  }
  return out;
}

/// Two sessions that both miss and both insert, as an application's own log tells it.
std::string log_of(const UpsertPair& pair, Engine engine) {
  std::string log;
  int microsecond = 100;
  for (const std::string* sql : {&pair.lookup, &pair.insert}) {
    for (const char* session : {"1", "2"}) {
      std::vector<PairValue> bound;
      nlohmann::json line;
      line["sql"] = render(*sql, pair, engine, pair.style == PlaceholderStyle::kPlaceholders, &bound);
      line["session"] = session;
      line["time"] = "2026-01-09T10:00:00.000" + std::to_string(++microsecond) + "Z";
      line["rows"] = sql == &pair.insert ? 1 : 0;
      line["tx_boundary"] = "explicit";
      if (pair.key_is_there && sql == &pair.insert && session == std::string_view("2")) {
        line["error"] = engine == Engine::kPostgres  ? nlohmann::json{{"code", "23505"}, {"message", "duplicate key"}}
                        : engine == Engine::kMariaDb ? nlohmann::json{{"code", "1062"}, {"message", "Duplicate entry"}}
                                                     : nlohmann::json{{"message", "UNIQUE constraint failed: " + pair.table}};
      }
      if (!bound.empty()) {
        nlohmann::json params = nlohmann::json::array();
        for (const PairValue& v : bound) {
          if (!v.text)
            params.push_back(nullptr);
          else if (v.quoted)
            params.push_back(*v.text);
          else
            params.push_back(std::stoll(*v.text));
        }
        line["params"] = params;
      }
      log += line.dump() + "\n";
    }
  }
  return log;
}

struct Offered {
  std::vector<std::string> dedupe, key, upsert;
  std::string trade_off;  ///< of all fixes of the finding
};

Offered fixes_of(PairDatabase& database, const UpsertPair& pair) {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/app.jsonl", log_of(pair, database.engine()));
  const ProgramResult done =
      run_program({DBAUDIT_BINARY, "scan", "--dsn", database.dsn(), "--format", "json", "app.jsonl"}, directory.path());
  INFO(done.err);
  REQUIRE(done.status < 2);
  Offered offered;
  const nlohmann::json report = nlohmann::json::parse(done.out);
  for (const nlohmann::json& finding : report["findings"]) {
    const std::string code = finding["code"];
    if (!code.starts_with("DBA10") && code != "DBA112") continue;
    for (const nlohmann::json& fix : finding["fixes"]) {
      std::vector<std::string>* to = fix["kind"] == "dedupe"         ? &offered.dedupe
                                     : fix["kind"] == "unique-index" ? &offered.key
                                     : fix["kind"] == "upsert"       ? &offered.upsert
                                                                     : nullptr;
      offered.trade_off += fix["trade_off"].get<std::string>() + "\n";
      if (to == nullptr || !to->empty()) continue;
      for (const nlohmann::json& sql : fix["sql"]) to->push_back(sql);
    }
  }
  return offered;
}

PairRows all_rows(PairDatabase& database, const UpsertPair& pair) {
  PairRows rows = database.run("SELECT * FROM " + pair.table, {});
  REQUIRE(rows.error.empty());
  std::sort(rows.rows.begin(), rows.rows.end());
  return rows;
}

/// Does a lookup that looks like this find its row: is the answer one, and not `0`?
bool found(const PairRows& rows, const std::string& lookup) {
  if (rows.rows.empty()) return false;
  const bool counts = icontains(lookup, "count(") || icontains(lookup, "exists");
  return !counts || (rows.rows[0][0] != "0" && rows.rows[0][0] != "f");
}

bool asks_only(const std::string& lookup) {
  return icontains(lookup, "count(") || icontains(lookup, "exists") || icontains(lookup, "select 1 ");
}

std::string text_of(const PairRows& rows) {
  std::string out = rows.error;
  for (const auto& row : rows.rows) out += "  (" + join(row, ", ") + ")\n";
  return out;
}

void start_from(PairDatabase& database, const UpsertPair& pair, const std::vector<std::string>& start) {
  database.empty(pair);
  for (const std::string& sql : start) {
    INFO(sql);
    const PairRows done = database.run(plain(sql, pair, database.engine()), {});
    REQUIRE(done.error == "");
  }
}

/// What a form left, and what it told the application.
struct Left {
  PairRows rows;
  std::string error;
  std::vector<std::string> row;  ///< the row it has in hand; empty: none
};

Left run_pair(PairDatabase& database, const UpsertPair& pair) {
  const Engine engine = database.engine();
  Left left;
  const std::string lookup = plain(pair.lookup, pair, engine);
  PairRows looked_up = database.run(lookup, {});
  REQUIRE(looked_up.error == "");
  if (!found(looked_up, lookup)) {
    left.error = database.run(plain(pair.insert, pair, engine), {}).error;
    looked_up = database.run(lookup, {});
  }
  if (!looked_up.rows.empty()) left.row = looked_up.rows[0];
  left.rows = all_rows(database, pair);
  return left;
}

Left run_upsert(PairDatabase& database, const UpsertPair& pair, const std::vector<std::string>& upsert) {
  const Engine engine = database.engine();
  Left left;
  for (const std::string& sql : upsert) {
    const bool inserts = istarts_with(sql, "insert");
    const bool parameters = sql.find(engine == Engine::kPostgres ? '$' : '?') != std::string::npos;
    const std::string original = plain(inserts ? pair.insert : pair.lookup, pair, engine);
    const PairRows done = database.run(sql, parameters ? slots_of(original, engine) : std::vector<PairValue>());
    INFO(sql << "\n" << done.error);
    // Only a key that the pair's own INSERT runs into may be run into.
    if (inserts) left.error = done.error;
    if (!inserts) CHECK(done.error == "");
    if (!done.rows.empty()) left.row = done.rows[0];
  }
  left.rows = all_rows(database, pair);
  return left;
}

std::string without_concurrently(const std::string& sql) {
  const size_t at = sql.find("INDEX CONCURRENTLY ");
  return at == std::string::npos || sql.starts_with("DROP")
             ? sql
             : sql.substr(0, sql.find("CREATE")) + "CREATE UNIQUE INDEX " + sql.substr(sql.rfind("INDEX CONCURRENTLY ") + 19);
}

}  // namespace

void check_pair(PairDatabase& database, const UpsertPair& pair, size_t& upserts) {
  const Engine engine = database.engine();
  INFO(engine_name(engine) << ", " << pair.what << "\n"
                           << join(pair.ddl, "\n") << "\n"
                           << plain(pair.lookup, pair, engine) << "\n"
                           << plain(pair.insert, pair, engine));
  database.make(pair);
  const Offered offered = fixes_of(database, pair);
  INFO("key: " << join(offered.key, "; ") << "\nupsert: " << join(offered.upsert, "; ") << "\n" << offered.trade_off);
  if (offered.upsert.empty()) {
    CHECK_FALSE(pair.must_have_upsert);
    return;
  }
  ++upserts;
  std::vector<std::vector<std::string>> starts = pair.starts;
  starts.emplace_back();
  std::vector<Left> originals;
  for (const auto& start : starts) {
    start_from(database, pair, start);
    originals.push_back(run_pair(database, pair));
  }
  database.empty(pair);
  for (const std::string& sql : offered.key) {
    const PairRows done = database.run(without_concurrently(sql), {});
    INFO(sql);
    CHECK(done.error == "");
    if (!done.error.empty()) return;
  }
  for (size_t i = 0; i < starts.size(); ++i) {
    INFO("from: " << plain(join(starts[i], "; "), pair, engine));
    start_from(database, pair, starts[i]);
    const Left& wanted = originals[i];
    for (const int times : {1, 2}) {
      INFO("run " << times << " times");
      const Left got = run_upsert(database, pair, offered.upsert);
      CHECK(text_of(got.rows) == text_of(wanted.rows));
      CHECK(got.error.empty() == wanted.error.empty());
      if (wanted.error.empty() && !wanted.row.empty() && !asks_only(pair.lookup)) {
        CHECK_FALSE(got.row.empty());
        if (got.row.empty()) continue;
        if (got.row.size() == wanted.row.size())
          CHECK(join(got.row, ", ") == join(wanted.row, ", "));
        else
          CHECK(got.row[0] == wanted.row[0]);
      }
    }
  }
}

}  // namespace dbaudit
