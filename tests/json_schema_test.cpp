#include "tests/json_schema.h"

#include "tests/catch.h"

namespace dbaudit {
namespace {

using nlohmann::json;

TEST_CASE("The schema validator accepts and rejects", "[json_schema]") {
  struct Case {
    const char *schema, *document;
    bool valid;
  };
  const Case kCases[] = {
      {R"({})", R"(1)", true},
      {R"(true)", R"(1)", true},
      {R"(false)", R"(1)", false},
      {R"({"type": "object"})", R"([])", false},
      {R"({"type": "integer"})", R"(1.5)", false},
      {R"({"type": "number"})", R"(1)", true},
      {R"({"type": ["string", "null"]})", R"(null)", true},
      {R"({"type": ["string", "null"]})", R"(0)", false},
      {R"({"required": ["a"]})", R"({"b": 1})", false},
      {R"({"required": ["a"]})", R"({"a": null})", true},
      {R"({"properties": {"a": {"type": "string"}}})", R"({"a": 1})", false},
      {R"({"properties": {"a": {}}, "additionalProperties": false})", R"({"a": 1, "b": 2})", false},
      {R"({"properties": {"a": {}}, "additionalProperties": false})", R"({"a": 1})", true},
      {R"({"additionalProperties": {"type": "null"}})", R"({"a": 1})", false},
      {R"({"items": {"type": "integer"}})", R"([1, 2, "3"])", false},
      {R"({"items": {"type": "integer"}})", R"([])", true},
      {R"({"minItems": 1})", R"([])", false},
      {R"({"maxItems": 1})", R"([1, 2])", false},
      {R"({"uniqueItems": true})", R"([1, 2, 1])", false},
      {R"({"uniqueItems": true})", R"([1, 2])", true},
      {R"({"enum": ["a", null]})", R"(null)", true},
      {R"({"enum": ["a", null]})", R"("b")", false},
      {R"({"const": 1})", R"(2)", false},
      {R"({"minimum": 0})", R"(-1)", false},
      {R"({"maximum": 2})", R"(3)", false},
      {R"({"minLength": 1})", R"("")", false},
      {R"({"pattern": "^[0-9a-f]{4}$"})", R"("00fg")", false},
      {R"({"pattern": "^[0-9a-f]{4}$"})", R"("00ff")", true},
      {R"({"anyOf": [{"type": "null"}, {"minimum": 3}]})", R"(2)", false},
      {R"({"anyOf": [{"type": "null"}, {"minimum": 3}]})", R"(4)", true},
      {R"({"oneOf": [{"minimum": 1}, {"minimum": 2}]})", R"(3)", false},
      {R"({"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}})", R"(1)", false},
      {R"({"$ref": "#/$defs/x", "$defs": {"x": {"type": "null"}}})", R"(null)", true},
      {R"({"$ref": "#/$defs/y"})", R"(1)", false},
      {R"({"$ref": "#"})", R"(1)", false},
      {R"({"multipleOf": 2})", R"(2)", false},  // a keyword nobody checks
  };
  for (const Case& c : kCases) {
    INFO(c.schema << "  with  " << c.document);
    CHECK(validate_json(json::parse(c.schema), json::parse(c.document)).empty() == c.valid);
  }
}

TEST_CASE("The schema validator says where", "[json_schema]") {
  const json schema = json::parse(R"({"properties": {"a": {"items": {"type": "null"}}}})");
  const auto errors = validate_json(schema, json::parse(R"({"a": [null, 7]})"));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == "/a/1: 7 is not of type \"null\"");
}

}  // namespace
}  // namespace dbaudit
