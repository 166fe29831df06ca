// One JSON object a line, through simdjson's on-demand parser.
//
// The parser wants padding behind the text and errors on bytes that are no UTF-8, so each line is copied once into a buffer that is kept; a line with
// bad bytes is copied again with them replaced. Values inside arrays are parsed by a second parser over the same buffer, whose strings then live
// beside those of the first.

#include "analyzers/log/formats/json_lines.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <string>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/python_logging.h"

namespace dbaudit {
namespace {

namespace json = simdjson::ondemand;

constexpr int kMaxDepth = 4;
constexpr size_t kMaxFields = 256;

/// The bytes of a value as they stand in `text`. The parser takes a value to end where the next one begins, which in broken JSON may be anywhere.
std::string_view token_of(json::value& value, std::string_view text) {
  const std::string_view token = value.raw_json_token();
  if (token.data() < text.data() || token.data() >= text.data() + text.size()) return {};
  return trim(token.substr(0, static_cast<size_t>(text.data() + text.size() - token.data())));
}

/// 64 kinds of keys, to look past most fields without comparing their names.
uint8_t kind_of_key(std::string_view key) {
  if (key.empty()) return 0;
  const auto first = static_cast<unsigned char>(key.front()), last = static_cast<unsigned char>(key.back());
  return static_cast<uint8_t>((key.size() * 7 + first * 5U + last * 3U) & 63U);
}

/// One value as a field without its key; false when the JSON breaks off.
bool read_value(json::value value, std::string_view text, JsonField& out) {
  json::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) {  // NaN, Infinity: Python writes them, JSON does not know them
    out.kind = JsonField::Kind::kString;
    out.text = token_of(value, text);
    return true;
  }
  switch (type) {
    case json::json_type::string: {
      out.kind = JsonField::Kind::kString;
      const std::string_view token = token_of(value, text);
      // Most strings stand for themselves; the token is one that stage 1 found to be closed.
      if (token.size() >= 2 && token.back() == '"' && std::memchr(token.data(), '\\', token.size()) == nullptr) {
        out.text = token.substr(1, token.size() - 2);
        return true;
      }
      if (value.get_string().get(out.text) != simdjson::SUCCESS) {  // a lone surrogate: as written
        if (token.size() < 2) return false;
        out.text = token.substr(1, token.size() - 2);
      }
      return true;
    }
    case json::json_type::number:
      out.kind = JsonField::Kind::kNumber;
      out.text = token_of(value, text);
      return true;
    case json::json_type::boolean:
      out.kind = JsonField::Kind::kBool;
      out.text = token_of(value, text);
      return true;
    case json::json_type::null:
      out.kind = JsonField::Kind::kNull;
      out.text = {};
      return true;
    case json::json_type::array: {
      out.kind = JsonField::Kind::kArray;
      json::array array;
      return value.get_array().get(array) == simdjson::SUCCESS && array.raw_json().get(out.text) == simdjson::SUCCESS;
    }
    case json::json_type::object: {
      out.kind = JsonField::Kind::kObject;
      json::object object;
      return value.get_object().get(object) == simdjson::SUCCESS && object.raw_json().get(out.text) == simdjson::SUCCESS;
    }
  }
  return false;
}

BindValue bind_value(const JsonField& field) {
  BindValue v;
  v.text = field.text;
  v.is_null = field.kind == JsonField::Kind::kNull;
  v.is_number = field.kind == JsonField::Kind::kNumber;
  return v;
}

}  // namespace

struct JsonLines::State {
  json::parser parser, inner;
  std::vector<char> buffer;
  size_t size = 0;
  std::vector<JsonField> fields;
  std::deque<std::string> keys;  // of nested fields; reused
  size_t keys_used = 0;
  std::array<uint8_t, kMaxFields> key_kinds;  // of `fields`
  uint64_t all_kinds = 0;                     // a bit for each of them

  void add(std::string_view key, const JsonField& value) {
    const uint8_t kind = kind_of_key(key);
    key_kinds[fields.size()] = kind;
    all_kinds |= uint64_t{1} << kind;
    fields.push_back(value);
    fields.back().key = key;
  }
  /// The first field with that key for which `is_wanted`.
  template <typename IsWanted>
  const JsonField* find(std::string_view key, IsWanted is_wanted) const {
    const uint8_t kind = kind_of_key(key);
    if ((all_kinds >> kind & 1U) == 0) return nullptr;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (key_kinds[i] == kind && fields[i].key == key && is_wanted(fields[i])) return &fields[i];
    }
    return nullptr;
  }
  bool load(std::string_view text) {
    if (buffer.size() < text.size() + simdjson::SIMDJSON_PADDING)
      buffer.resize(text.size() + text.size() / 2 + 4096 + simdjson::SIMDJSON_PADDING);
    std::memcpy(buffer.data(), text.data(), text.size());
    std::memset(buffer.data() + text.size(), ' ', simdjson::SIMDJSON_PADDING);
    size = text.size();
    return true;
  }
  [[nodiscard]] std::string_view all() const { return {buffer.data(), size}; }
  std::string_view joined(std::string_view prefix, std::string_view key) {
    if (prefix.empty()) return key;
    if (keys_used == keys.size()) keys.emplace_back();
    std::string& s = keys[keys_used++];
    s.assign(prefix);
    s += '.';
    s += key;
    return s;
  }
  bool flatten(json::object object, std::string_view prefix, int depth) {
    for (auto item : object) {
      json::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return false;
      std::string_view key;
      if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
      json::value value = field.value();
      json::json_type type{};
      JsonField out;
      if (depth < kMaxDepth && value.type().get(type) == simdjson::SUCCESS && type == json::json_type::object) {
        json::object nested;
        if (value.get_object().get(nested) != simdjson::SUCCESS) return false;
        out.kind = JsonField::Kind::kObject;
        if (nested.raw_json().get(out.text) != simdjson::SUCCESS) return false;
        bool empty = false;
        if (nested.reset().get(empty) != simdjson::SUCCESS) return false;
        if (fields.size() < kMaxFields) {
          add(joined(prefix, key), out);
          const std::string_view inside = fields.back().key;
          if (!flatten(nested, inside, depth + 1)) return false;
        }
        continue;
      }
      if (!read_value(value, all(), out)) return false;
      if (fields.size() < kMaxFields) add(joined(prefix, key), out);
    }
    return true;
  }
  [[nodiscard]] bool holds(std::string_view text) const {
    return text.data() >= buffer.data() && text.data() + text.size() <= buffer.data() + size;
  }

  template <typename Visit>
  bool each(const JsonField& container, Visit visit) {
    if (!holds(container.text)) return false;
    const size_t capacity = buffer.size() - static_cast<size_t>(container.text.data() - buffer.data());
    json::document document;
    if (inner.iterate(container.text.data(), container.text.size(), capacity).get(document) != simdjson::SUCCESS) return false;
    if (container.kind == JsonField::Kind::kArray) {
      json::array array;
      if (document.get_array().get(array) != simdjson::SUCCESS) return false;
      for (auto item : array) {
        json::value value;
        JsonField out;
        if (std::move(item).get(value) != simdjson::SUCCESS || !read_value(value, container.text, out)) return false;
        visit(out);
      }
      return true;
    }
    if (container.kind != JsonField::Kind::kObject) return false;
    json::object object;
    if (document.get_object().get(object) != simdjson::SUCCESS) return false;
    for (auto item : object) {
      json::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return false;
      JsonField out;
      if (field.unescaped_key().get(out.key) != simdjson::SUCCESS || !read_value(field.value(), container.text, out)) return false;
      visit(out);
    }
    return true;
  }
};

JsonLines::JsonLines() : state_(std::make_unique<State>()) { state_->fields.reserve(kMaxFields); }
JsonLines::~JsonLines() = default;

bool JsonLines::parse(std::string_view line) {
  State& s = *state_;
  s.fields.clear();
  s.keys_used = 0;
  s.all_kinds = 0;
  line = trim(line);
  if (line.size() < 2 || line.front() != '{' || line.back() != '}') return false;
  s.load(line);
  json::document document;
  auto error = s.parser.iterate(s.buffer.data(), s.size, s.buffer.size()).get(document);
  if (error == simdjson::UTF8_ERROR) {
    s.load(valid_utf8(line));
    error = s.parser.iterate(s.buffer.data(), s.size, s.buffer.size()).get(document);
  }
  json::object object;
  if (error == simdjson::SUCCESS && document.get_object().get(object) == simdjson::SUCCESS && s.flatten(object, {}, 0) &&
      document.current_location().error() == simdjson::OUT_OF_BOUNDS) {  // nothing behind the object
    return true;
  }
  s.fields.clear();
  return false;
}

std::span<const JsonField> JsonLines::fields() const { return state_->fields; }

const JsonField* JsonLines::find_any(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (const JsonField* f = state_->find(key, [](const JsonField&) { return true; })) return f;
  }
  return nullptr;
}

const JsonField* JsonLines::find(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (const JsonField* f = state_->find(key, [](const JsonField& field) { return field.kind != JsonField::Kind::kNull; })) return f;
  }
  return nullptr;
}

std::string_view JsonLines::text(std::initializer_list<std::string_view> keys) const {
  const auto is_text = [](const JsonField& f) {
    return (f.kind == JsonField::Kind::kString || f.kind == JsonField::Kind::kNumber) && !f.text.empty();
  };
  for (const std::string_view key : keys) {
    if (const JsonField* f = state_->find(key, is_text)) return f->text;
  }
  return {};
}

bool JsonLines::values(const JsonField& container, std::vector<BindValue>& out) {
  return state_->each(container, [&out](const JsonField& f) { out.push_back(bind_value(f)); });
}

bool JsonLines::elements(const JsonField& container, std::vector<JsonField>& out) {
  return state_->each(container, [&out](const JsonField& f) { out.push_back(f); });
}

std::optional<TimePoint> json_time(const JsonField& field) {
  if (field.kind == JsonField::Kind::kString) {
    size_t consumed = 0;
    auto t = parse_python_time(field.text, consumed);
    if (!t || !t->known()) return std::nullopt;
    return t;
  }
  if (field.kind != JsonField::Kind::kNumber) return std::nullopt;
  const size_t point = field.text.find_first_of(".eE");
  TimePoint t;
  t.zone_known = true;
  if (point == std::string_view::npos) {
    int64_t v = 0;
    const auto [end, error] = std::from_chars(field.text.data(), field.text.data() + field.text.size(), v);
    if (error != std::errc() || end != field.text.data() + field.text.size() || v <= 0) return std::nullopt;
    if (v < 100'000'000'000) {  // seconds until the year 5138
      t.micros = v * 1'000'000;
      t.tick = 1'000'000;
    } else if (v < 100'000'000'000'000) {
      t.micros = v * 1000;
      t.tick = 1000;
    } else if (v < 100'000'000'000'000'000) {
      t.micros = v;
      t.tick = 1;
    } else {
      t.micros = v / 1000;
      t.tick = 1;
    }
    return t;
  }
  double v = 0;
  const auto [end, error] = std::from_chars(field.text.data(), field.text.data() + field.text.size(), v);
  if (error != std::errc() || end != field.text.data() + field.text.size() || !(v > 0) || v > 1e14) return std::nullopt;
  const bool seconds = v < 1e11;
  t.micros = std::llround(seconds ? v * 1e6 : v * 1e3);
  const size_t digits = field.text.size() - point - 1;
  t.tick = !seconds || digits >= 6 ? 1 : digits >= 3 ? 1000 : 1'000'000;
  return t;
}

TimePoint json_time(const JsonLines& json, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const JsonField* f = json.find({key});
    if (f == nullptr) continue;
    if (const auto t = json_time(*f)) return *t;
  }
  return {};
}

}  // namespace dbaudit
