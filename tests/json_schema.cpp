#include "tests/json_schema.h"

#include <regex.h>

#include <algorithm>
#include <set>

namespace dbaudit {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

/// A schema's patterns keep to what POSIX extended and ECMA 262 expressions have in common.
bool matches(const std::string& pattern, const std::string& text, bool* valid_pattern) {
  regex_t compiled;
  *valid_pattern = regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) == 0;
  if (!*valid_pattern) return false;
  const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

bool has_type(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

class Validator {
 public:
  explicit Validator(const json& root) : root_(root) {}

  void check(const json& schema, const json& value, const std::string& path, int depth) {
    if (depth > kMaxDepth) return error(path, "the schema refers to itself too deeply");
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) error(path, "must not be there");
      return;
    }
    for (const auto& [keyword, argument] : schema.items()) check_keyword(schema, keyword, argument, value, path, depth);
  }

  std::vector<std::string> errors;

 private:
  void error(const std::string& path, const std::string& what) { errors.push_back((path.empty() ? "/" : path) + ": " + what); }

  bool valid(const json& schema, const json& value, int depth) {
    Validator inner(root_);
    inner.check(schema, value, "", depth);
    return inner.errors.empty();
  }

  void check_keyword(const json& schema, const std::string& keyword, const json& argument, const json& value, const std::string& path,
                     int depth) {
    // `format` is one by default, says draft 7.
    static const std::set<std::string> kAnnotations = {"$schema", "$id",         "$comment", "$defs",   "definitions",
                                                       "title",   "description", "examples", "default", "format"};
    if (kAnnotations.count(keyword) != 0) return;
    if (keyword == "$ref") {
      const std::string target = argument.get<std::string>();
      const json::json_pointer pointer(target.substr(1));
      if (target.empty() || target[0] != '#' || !root_.contains(pointer)) return error(path, "the schema has no " + target);
      return check(root_.at(pointer), value, path, depth + 1);
    }
    if (keyword == "type") return check_type(argument, value, path);
    if (keyword == "const") {
      if (value != argument) error(path, "is not " + argument.dump());
      return;
    }
    if (keyword == "enum") {
      if (std::find(argument.begin(), argument.end(), value) == argument.end())
        error(path, value.dump() + " is none of " + argument.dump());
      return;
    }
    if (keyword == "anyOf") {
      const bool any = std::any_of(argument.begin(), argument.end(), [&](const json& s) { return valid(s, value, depth + 1); });
      if (!any) error(path, value.dump() + " fits none of the alternatives");
      return;
    }
    if (keyword == "oneOf") {
      const auto n = std::count_if(argument.begin(), argument.end(), [&](const json& s) { return valid(s, value, depth + 1); });
      if (n != 1) error(path, value.dump() + " fits " + std::to_string(n) + " of the alternatives");
      return;
    }
    if (keyword == "properties" || keyword == "required" || keyword == "additionalProperties") {
      if (value.is_object()) check_object(schema, keyword, argument, value, path, depth);
      return;
    }
    if (keyword == "items" || keyword == "minItems" || keyword == "maxItems" || keyword == "uniqueItems") {
      if (value.is_array()) check_array(keyword, argument, value, path, depth);
      return;
    }
    if (keyword == "minimum" || keyword == "maximum") {
      const bool low = keyword == "minimum";
      if (value.is_number() && (low ? value < argument : value > argument))
        error(path, value.dump() + " is beyond " + keyword + " " + argument.dump());
      return;
    }
    if (keyword == "minLength" || keyword == "pattern") {
      if (value.is_string()) check_string(keyword, argument, value.get<std::string>(), path);
      return;
    }
    error(path, "the schema's keyword " + keyword + " is not one this validator knows");
  }

  void check_type(const json& argument, const json& value, const std::string& path) {
    const json types = argument.is_array() ? argument : json::array({argument});
    const bool fits = std::any_of(types.begin(), types.end(), [&](const json& t) { return has_type(value, t.get<std::string>()); });
    if (!fits) error(path, value.dump() + " is not of type " + argument.dump());
  }

  void check_object(const json& schema, const std::string& keyword, const json& argument, const json& value, const std::string& path,
                    int depth) {
    if (keyword == "required") {
      for (const json& name : argument) {
        if (!value.contains(name.get<std::string>())) error(path, "lacks " + name.dump());
      }
      return;
    }
    if (keyword == "properties") {
      for (const auto& [name, property] : argument.items()) {
        if (value.contains(name)) check(property, value.at(name), path + "/" + name, depth + 1);
      }
      return;
    }
    for (const auto& [name, member] : value.items()) {
      if (schema.contains("properties") && schema.at("properties").contains(name)) continue;
      check(argument, member, path + "/" + name, depth + 1);
    }
  }

  void check_array(const std::string& keyword, const json& argument, const json& value, const std::string& path, int depth) {
    if (keyword == "items") {
      for (size_t i = 0; i < value.size(); ++i) check(argument, value[i], path + "/" + std::to_string(i), depth + 1);
    } else if (keyword == "uniqueItems") {
      for (size_t i = 0; argument.get<bool>() && i < value.size(); ++i) {
        if (std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
            value.begin() + static_cast<std::ptrdiff_t>(i)) {
          error(path, value[i].dump() + " is there twice");
        }
      }
    } else if (keyword == "minItems" ? value.size() < argument.get<size_t>() : value.size() > argument.get<size_t>()) {
      error(path, "holds " + std::to_string(value.size()) + " items, " + keyword + " is " + argument.dump());
    }
  }

  void check_string(const std::string& keyword, const json& argument, const std::string& value, const std::string& path) {
    if (keyword == "minLength") {
      if (value.size() < argument.get<size_t>()) error(path, "is shorter than " + argument.dump());
      return;
    }
    bool valid_pattern = false;
    const bool found = matches(argument.get<std::string>(), value, &valid_pattern);
    if (!valid_pattern) return error(path, "the schema's pattern " + argument.dump() + " cannot be compiled");
    if (!found) error(path, json(value).dump() + " does not match " + argument.dump());
  }

  const json& root_;
};

}  // namespace

std::vector<std::string> validate_json(const json& schema, const json& document) {
  Validator validator(schema);
  validator.check(schema, document, "", 0);
  return validator.errors;
}

}  // namespace dbaudit
