#include <string>
#include <vector>

#include "analyzers/log/formats/json_lines.h"
#include "analyzers/log/reader.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace dbaudit {
extern const Format kFormat_django;
extern const Format kFormat_jsonl;

namespace {

std::string spell(const LogRecord& r) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    if (!value.empty()) out.append(out.empty() ? "" : " ").append(name).append("=").append(value);
  };
  constexpr std::string_view kKinds[] = {"statement", "error", "completion", "connect", "disconnect", "other"};
  constexpr std::string_view kBoundaries[] = {"", "inferred", "explicit"};
  constexpr std::string_view kStates[] = {"", "idle", "in", "aborted"};
  add("kind", kKinds[static_cast<int>(r.kind)]);
  add("session", r.session);
  add("app", r.app);
  add("user", r.user);
  add("db", r.database);
  add("sql", r.sql_unknown ? "<unknown>" : r.sql);
  if (r.has_params) {
    std::string params = "[";
    for (const BindValue& v : r.params)
      params.append(params.size() > 1 ? "," : "").append(v.is_null ? "null" : v.text).append(v.is_number ? "#" : "");
    add("params", params + "]");
  }
  add("time", to_iso8601(r.time));
  add("end", to_iso8601(r.end_time));
  if (r.duration_us >= 0) add("us", std::to_string(r.duration_us));
  if (r.rows >= 0) add("rows", std::to_string(r.rows));
  add("txid", r.txid);
  add("code", r.error_code);
  add("error", r.error_message);
  if (r.has_error && r.error_code.empty() && r.error_message.empty()) add("error", "yes");
  for (const Tag& t : r.tags) add(std::string("tag:").append(t.name), t.value);
  add("file", r.source_file);
  if (r.source_line != 0) add("line", std::to_string(r.source_line));
  add("boundary", kBoundaries[static_cast<int>(r.tx_boundary)]);
  add("state", kStates[static_cast<int>(r.tx_state)]);
  if (r.protocol != Protocol::kUnknown) add("proto", r.protocol == Protocol::kSimple ? "simple" : "extended");
  if (r.truncated) add("truncated", "yes");
  return out;
}

struct Log {
  std::vector<std::string> records;
  ReaderCounts counts;
};

Log read(const std::string& text, const ReaderOptions& options = {}) {
  Log log;
  auto reader = kFormat_jsonl.open(std::make_unique<Lines>(memory_source(text)), options);
  LogRecord r;
  while (reader->next(r)) log.records.push_back(spell(r));
  log.counts = reader->counts();
  return log;
}

TEST_CASE("jsonl: keys and their other spellings") {
  struct Case {
    std::string line, record;
  };
  const std::vector<Case> cases = {
      {R"({"sql": "SELECT 1"})", "kind=statement sql=SELECT 1"},
      {R"({"sql": "not sql at all"})", "kind=statement sql=not sql at all"},
      {R"({"session": 7, "sql": "COMMIT"})", "kind=statement session=7 sql=COMMIT boundary=explicit"},
      {R"({"connection_id": "c1", "statement": "select 1", "parameters": []})", "kind=statement session=c1 sql=select 1 params=[]"},
      {R"({"pid": 4, "thread": "w1", "query": "select ?", "bindings": [1, "1", null, true, 1.5, [2], {"a": 3}]})",
       "kind=statement session=4:w1 sql=select ? params=[1#,1,null,true,1.5#,[2],{\"a\": 3}]"},
      {R"({"request_id": "r9", "message": "UPDATE t SET a = :a", "params": {"a": 5}})",
       "kind=statement session=r9 sql=UPDATE t SET a = :a params=[5#] tag:request_id=r9"},
      {R"({"sql": "SELECT 1", "time": "2026-01-09T10:00:00.000100Z", "end_time": "2026-01-09T10:00:00.000350Z"})",
       "kind=statement sql=SELECT 1 time=2026-01-09T10:00:00.000100Z end=2026-01-09T10:00:00.000350Z us=250"},
      {R"({"sql": "SELECT 1", "ts": 1767952800.5, "duration_ms": 1.25})",
       "kind=statement sql=SELECT 1 time=2026-01-09T10:00:00.500Z end=2026-01-09T10:00:00.501250Z us=1250"},
      {R"({"sql": "SELECT 1", "end": 1767952800500, "duration_s": 0.25})",
       "kind=statement sql=SELECT 1 time=2026-01-09T10:00:00.250Z end=2026-01-09T10:00:00.500Z us=250000"},
      {R"({"sql": "SELECT 1", "timestamp": "2026-01-09 10:00:00,5", "duration": 3, "elapsed": "2.5 ms"})",
       "kind=statement sql=SELECT 1 time=2026-01-09T10:00:00.000"},
      {R"({"sql": "SELECT 1", "duration": "2.5 ms"})", "kind=statement sql=SELECT 1 us=2500"},
      {R"({"sql": "INSERT", "error": {"code": "23505", "message": "dup"}, "rows": 0, "txid": "3/7"})",
       "kind=statement sql=INSERT rows=0 txid=3/7 code=23505 error=dup"},
      {R"({"sql": "INSERT", "error": "database is locked", "errno": 5, "rows_affected": -1})",
       "kind=statement sql=INSERT code=5 error=database is locked"},
      {R"({"sql": "INSERT", "error": true})", "kind=statement sql=INSERT error=yes"},
      {R"({"sql": "INSERT", "error": null})", "kind=statement sql=INSERT"},
      {R"({"sql": "SELECT 1", "app": "web", "user": "u", "database": "shop", "tags": {"route": "/cart", "n": 3, "x": null}, "controller": "c"})",
       "kind=statement app=web user=u db=shop sql=SELECT 1 tag:route=/cart tag:n=3 tag:controller=c"},
      {R"({"sql": "SELECT 1", "source": {"file": "a.py", "line": 8}, "truncated": true})",
       "kind=statement sql=SELECT 1 file=a.py line=8 truncated=yes"},
      {R"({"sql": "SELECT 1", "line": 12, "tx_boundary": "inferred", "tx_state": "in transaction", "proto": "extended"})",
       "kind=statement sql=SELECT 1 boundary=inferred state=in proto=extended"},
      {R"({"sql": "BEGIN", "tx_boundary": "unknown", "tx_state": "idle", "proto": "simple"})",
       "kind=statement sql=BEGIN state=idle proto=simple"},
      {R"({"sql": null, "kind": "statement", "error": "x"})", "kind=statement sql=<unknown> error=x"},
      {R"({"kind": "connect", "session": "7", "user": "u"})", "kind=connect session=7 user=u"},
      {R"({"kind": "disconnect", "session": "7", "sql": null})", "kind=disconnect session=7"},
      {R"({"kind": "error", "session": "7", "error": {"code": "40001"}})", "kind=error session=7 code=40001"},
      {R"({"kind": "completion", "session": "7", "rows": 3, "duration_ms": 2})", "kind=completion session=7 us=2000 rows=3"},
      {R"({"db": {"statement": "SELECT 1", "name": "shop", "user": "u"}})", "kind=statement user=u db=shop sql=SELECT 1"},
      {"{\"sql\": \"SELECT '\\u20ac\\n\\ud83d\\ude00'\"}", "kind=statement sql=SELECT '\xE2\x82\xAC\n\xF0\x9F\x98\x80'"},
  };
  for (const Case& c : cases) {
    INFO(c.line);
    const Log log = read(c.line + "\n");
    REQUIRE(log.records.size() == 1);
    CHECK(log.records[0] == c.record);
    CHECK(log.counts.unrecognised_lines == 0);
  }
}

TEST_CASE("jsonl: what is no record") {
  for (const char* line : {"not json", "{", "{}", "[]", "\"SELECT 1\"", "{\"sql\": \"SELECT 1\"", "{\"sql\": \"SELECT 1\"} x",
                           "{\"sql\": 5}", "{\"message\": \"hello\"}", "{\"query\": \"page=2\"}", "{\"kind\": \"unheard of\"}",
                           "{\"sql\": \"SELECT 1\"}{\"sql\": \"SELECT 2\"}", "{\"sql\": \"\"}"}) {
    INFO(line);
    const Log log = read(std::string(line) + "\n{\"sql\": \"SELECT 2\"}\n\n  \n");
    CHECK(log.records == std::vector<std::string>{"kind=statement sql=SELECT 2"});
    CHECK(log.counts.unrecognised_lines == 1);
    CHECK(log.counts.records == 1);
  }
}

TEST_CASE("jsonl: what the log could not show") {
  CHECK(read("{\"sql\": \"SELECT ?\"}\n").counts.incomplete ==
        std::vector<std::string>{"no-parameters", "no-session", "no-time", "no-transaction-boundaries"});
  const std::string whole = R"({"session": 1, "time": "2026-01-09T10:00:00Z", "sql": )";
  CHECK(read(whole + "\"BEGIN\"}\n" + whole + "\"SELECT '?'\"}\n").counts.incomplete.empty());
  CHECK(read(whole + "\"BEGIN\"}\n" + whole + "\"SELECT $1\", \"params\": [1]}\n").counts.incomplete.empty());
  CHECK(read(whole + "\"SELECT 1\"}\n").counts.incomplete == std::vector<std::string>{"no-transaction-boundaries"});
  CHECK(read(whole + "\"SELECT 1\"}\n" + whole + "\"COMMIT\"}\n").counts.incomplete.empty());  // told by the head
  const Log log =
      read(whole + "\"BEGIN\", \"truncated\": true}\n{\"summary\": {\"sampled\": true, \"incomplete\": [\"no-time\", \"sampled\"]}}\n");
  CHECK(log.counts.sampled);
  CHECK(log.counts.truncated_statements == 1);
  CHECK(log.counts.incomplete == std::vector<std::string>{"no-time", "sampled", "truncated"});
  CHECK(log.counts.records == 1);
  CHECK(log.counts.unrecognised_lines == 0);

  ReaderOptions options;
  options.zone_offset_minutes = 60;
  CHECK(read("{\"sql\": \"SELECT 1\", \"time\": \"2026-01-09 10:00:00.000\"}\n", options).records[0] ==
        "kind=statement sql=SELECT 1 time=2026-01-09T09:00:00.000Z");
}

TEST_CASE("jsonl: whose lines these are") {
  for (const FormatSample& sample : kFormat_jsonl.samples) {
    INFO(std::string(sample.text));
    CHECK(kFormat_jsonl.score(sample.text, {}) >= 200);
    CHECK(kFormat_django.score(sample.text, {}) == 0);
    CHECK(read(std::string(sample.text)).counts.statements == static_cast<uint64_t>(sample.statements));
  }
  const std::vector<const char*> foreign = {
      R"({"timestamp":"2026-11-20 14:25:56.336 UTC","pid":1,"error_severity":"LOG","message":"statement: SELECT 1","statement":"SELECT 1"})",
      R"({"level":20,"time":1795185525595,"__knexUid":"__knexUid2","sql":"SELECT 1","bindings":[]})",
      R"j({"logger": "peewee", "message": "('SELECT 1', None)"})j",
      R"({"logger": "sqlalchemy.engine.Engine", "message": "SELECT 1"})",
      R"({"logger": "django.db.backends", "sql": "SELECT 1"})",
      R"({"level":"debug","msg":"Executed (default): SELECT 1","elapsed":7})",
      R"({"msg": "hello"})",
      "SELECT 1;",
      "",
      "[]"};
  for (const char* line : foreign) {
    INFO(line);
    CHECK(kFormat_jsonl.score(std::string(line) + "\n", {}) == 0);
  }
  // A few statements among the other lines of an application's log are enough.
  std::string mixed = "{\"msg\": \"UPDATE t SET a = 1\", \"sql\": \"UPDATE t SET a = 1\"}\n";
  for (int i = 0; i < 50; ++i) mixed += "{\"msg\": \"hello\"}\n";
  CHECK(kFormat_jsonl.score(mixed, {}) >= 200);
}

TEST_CASE("jsonl: damage") {
  const std::string text = fixture("jsonl/shop.jsonl");
  const Log whole = read(text);
  REQUIRE(whole.records.size() == 6);
  CHECK(whole.records[5] ==
        "kind=statement session=2 sql=INSERT INTO sale(id, note) VALUES (?, ?) params=[1#,null] time=2026-01-09T10:00:00.000600Z "
        "end=2026-01-09T10:00:00.000800Z us=200 code=2067 error=UNIQUE constraint failed: sale.id boundary=explicit");
  size_t before = 0;
  for (size_t n = 0; n <= text.size(); ++n) {
    const Log part = read(text.substr(0, n));
    CHECK(part.records.size() >= before);
    before = part.records.size();
    for (size_t i = 0; i < part.records.size(); ++i) CHECK(part.records[i] == whole.records[i]);
  }
  for (size_t at = 0; at < text.size(); at += 3) {
    for (const char c : {'\0', '"', '\xff', '{', '\n', '\\'}) {
      std::string damaged = text;
      damaged[at] = c;
      const Log log = read(damaged);
      CHECK(log.records.size() <= 7);
      CHECK(log.records.size() >= 4);  // a lost newline costs two
    }
  }
  std::string crlf;
  for (const char c : text) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  CHECK(read(crlf).records == whole.records);

  // Bytes that are no UTF-8 are replaced; the line still counts.
  CHECK(read("{\"sql\": \"SELECT '\xff'\"}\n").records == std::vector<std::string>{"kind=statement sql=SELECT '\xEF\xBF\xBD'"});
  const std::string big(10 << 20, 'x');
  CHECK(read("{\"sql\": \"SELECT '" + big + "'\"}\n{\"sql\": \"SELECT 2\"}\n").records.size() == 2);
  CHECK(read("{\"sql\": " + std::string(5000, '[') + "\n").records.empty());
  std::string many = "{\"sql\": \"SELECT 1\"";
  for (int i = 0; i < 2000; ++i) many += ", \"k" + std::to_string(i) + "\": {\"a\": {\"b\": {\"c\": {\"d\": {\"e\": 1}}}}}";
  CHECK(read(many + "}\n").records.size() == 1);
}

TEST_CASE("json lines: fields are flattened") {
  JsonLines json;
  REQUIRE(json.parse(R"(  {"a": 1, "b": {"c": "x", "d": {}}, "e": [1, {"f": 2}], "g": NaN, "h": null, "i": "\ud800"}  )"));
  std::string fields;
  for (const JsonField& f : json.fields()) fields.append(f.key).append("=").append(f.text).append(";");
  CHECK(fields == R"(a=1;b={"c": "x", "d": {}};b.c=x;b.d={};e=[1, {"f": 2}];g=NaN;h=;i=\ud800;)");
  CHECK(json.find({"h"}) == nullptr);
  REQUIRE(json.find_any({"h"}) != nullptr);
  CHECK(json.text({"z", "b.c"}) == "x");
  std::vector<BindValue> values;
  CHECK(json.values(*json.find({"e"}), values));
  REQUIRE(values.size() == 2);
  CHECK(values[1].text == R"({"f": 2})");
  std::vector<JsonField> elements;
  CHECK_FALSE(json.elements(*json.find({"a"}), elements));

  struct Case {
    std::string json, iso;
    int32_t tick;
  };
  for (const Case& c : std::vector<Case>{{"1767952800", "2026-01-09T10:00:00.000Z", 1000000},
                                         {"1767952800123", "2026-01-09T10:00:00.123Z", 1000},
                                         {"1767952800123456", "2026-01-09T10:00:00.123456Z", 1},
                                         {"1767952800123456789", "2026-01-09T10:00:00.123456Z", 1},
                                         {"1767952800.123", "2026-01-09T10:00:00.123Z", 1000},
                                         {"\"2026-01-09T10:00:00+01:00\"", "2026-01-09T09:00:00.000Z", 1000000},
                                         {"\"yesterday\"", "", 0},
                                         {"-5", "", 0},
                                         {"true", "", 0},
                                         {"99999999999999999999999", "", 0},
                                         {"1e300", "", 0}}) {
    INFO(c.json);
    REQUIRE(json.parse("{\"t\": " + c.json + "}"));
    const auto t = json_time(*json.find({"t"}));
    CHECK((t ? to_iso8601(*t) : "") == c.iso);
    if (t) CHECK(t->tick == c.tick);
  }
}

}  // namespace
}  // namespace dbaudit
