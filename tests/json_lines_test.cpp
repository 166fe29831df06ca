#include "analyzers/log/formats/json_lines.h"

#include <iterator>
#include <string>

#include "tests/log_fixture.h"

namespace dbaudit {
namespace {

/// What is in a line, one field a line; `no` when it is no object.
std::string shown(JsonLines& json, const std::string& line) {
  if (!json.parse(line)) return "no";
  std::string text;
  for (const JsonField& f : json.fields()) {
    text.append(f.key).append(1, "snbxao"[static_cast<size_t>(f.kind)]).append("=").append(f.text).append("\n");
  }
  return text;
}

/// The same object in a shape that only the parser reads: a blank before the first key.
std::string with_blank(const std::string& line) { return line.substr(0, 1) + " " + line.substr(1); }

}  // namespace

TEST_CASE("json lines: fields as they are written") {
  JsonLines json;
  CHECK(shown(json, R"({"a":"x","b":12,"c":-7})") == "as=x\nbn=12\ncn=-7\n");
  CHECK(shown(json, R"({"a": "x", "b": 12})") == "as=x\nbn=12\n");
  CHECK(shown(json, R"({"a":"\"q\" \\ \/ \n\t","b":"é"})") == "as=\"q\" \\ / \n\t\nbs=\xC3\xA9\n");
  CHECK(shown(json, R"({"a":"A","b":{"c":null}})") == "as=A\nbo={\"c\":null}\nb.cx=\n");
  CHECK(shown(json, R"({"a":"x"},)") == "no");
  CHECK(shown(json, R"({"a":"x",})") == "no");
  CHECK(shown(json, R"({"a":"x")") == "no");
  CHECK(shown(json, "{\"a\":\"x\ty\"}") == "no");
  CHECK(shown(json, "{\"a\":\"\xC3\"}") == "as=\xEF\xBF\xBD\n");
  CHECK(json.find({"b", "a"}) != nullptr);
  CHECK(json.find({"b"}) == nullptr);
  // Fields past the 256th are let go.
  std::string many = "{";
  for (int i = 0; i < 300; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  CHECK(json.parse(many + "}"));
  CHECK(json.fields().size() == 256);
}

TEST_CASE("json lines: a flat object is what the parser makes of it") {
  const char* const keys[] = {"a", "timestamp", "application_name", "a_key_of_more_than_16", "", "record.x", "k\\n", "\xC3\xA9"};
  const char* const pieces[] = {"x",          "\\\"",    "\\\\", "\\n", "\\u0041", "\\ud83d", "\\x", "\xC3\xA9", "\xC3", "\\\"id\\\"",
                                "0123456789", "SELECT ", "\x01", "\t",  "\"",      "\\/",     "{",   ",",        "}"};
  const char* const others[] = {"1", "-12", "1.5", "1e3", "-", "007", "12ab", "true", "null", "{}", "{\"b\":1}", "[1]", ""};
  Random random;
  JsonLines json;
  size_t good = 0, bad = 0;
  for (int round = 0; round < 40'000; ++round) {
    const bool is_hostile = random.next() % 4 == 0;
    std::string line = "{";
    for (size_t field = 0, fields = 1 + random.next() % 5; field < fields; ++field) {
      if (field != 0) line += random.next() % 3 == 0 ? ", " : ",";
      line += '"';
      line += keys[random.next() % (is_hostile ? std::size(keys) : 3)];
      line += random.next() % 3 == 0 ? "\": " : "\":";
      if (random.next() % 4 == 0) {
        line += others[random.next() % (is_hostile ? std::size(others) : 2)];
        continue;
      }
      line += '"';
      for (size_t i = random.next() % 12; i > 0; --i)
        line += is_hostile ? pieces[random.next() % std::size(pieces)] : pieces[random.next() % 4];
      line += '"';
    }
    line += is_hostile && random.next() % 8 == 0 ? "}}" : "}";
    INFO(round << ": " << line);
    const std::string fields = shown(json, line);
    REQUIRE(fields == shown(json, with_blank(line)));
    ++(fields == "no" ? bad : good);
  }
  CHECK(good > 20'000);
  CHECK(bad > 1000);
}

}  // namespace dbaudit
