// One JSON object a line, through simdjson's on-demand parser, or without it where the object is as loggers mostly write it: flat, all values strings
// and numbers, no blanks between them but one behind a colon or a comma. Such a line is checked and unescaped in one pass; at anything else in it
// the parser takes over, so that what is accepted, and what is made of what is broken, is decided in one place.
//
// The parser wants padding behind the text and errors on bytes that are no UTF-8, so each line is copied once into a buffer that is kept; a line with
// bad bytes is copied again with them replaced. Values inside arrays are parsed by a second parser over the same buffer, whose strings then live
// beside those of the first.

#include "analyzers/log/formats/json_lines.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <string>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/// What stands behind a backslash in JSON; 0: nothing this simple.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (const char c : {'"', '\\', '/'}) escapes[static_cast<unsigned char>(c)] = c;
  escapes['b'] = '\b';
  escapes['f'] = '\f';
  escapes['n'] = '\n';
  escapes['r'] = '\r';
  escapes['t'] = '\t';
  return escapes;
}();

/// What kinds of bytes went by.
class BytesSeen {
 public:
  void add(char c) {
    has_control_ |= static_cast<unsigned char>(c) < ' ';
    has_high_ |= static_cast<unsigned char>(c) >= 0x80;
  }
#if defined(__SSE2__)
  void add(__m128i x) {
    lowest_ = _mm_min_epu8(lowest_, x);
    all_ = _mm_or_si128(all_, x);
  }
  [[nodiscard]] bool has_controls() const {
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(lowest_, _mm_set1_epi8(' ' - 1)), lowest_);
    return has_control_ || _mm_movemask_epi8(controls) != 0;
  }
  [[nodiscard]] bool is_ascii() const { return !has_high_ && _mm_movemask_epi8(all_) == 0; }
#else
  [[nodiscard]] bool has_controls() const { return has_control_; }
  [[nodiscard]] bool is_ascii() const { return !has_high_; }
#endif

 private:
  bool has_control_ = false, has_high_ = false;
#if defined(__SSE2__)
  __m128i lowest_ = _mm_set1_epi8(' '), all_ = _mm_setzero_si128();
#endif
};

/// Reads a flat object. Strings are copied to `out`, which has room for the whole line and kRegister bytes.
class FlatObject {
 public:
  static constexpr size_t kRegister = 16;

  FlatObject(std::string_view line, char* out) : p_(line.data()), end_(p_ + line.size()), out_(out), line_(line) {}

  /// Calls add(key, kind, text) for each field; false when it is no flat object, whatever was added.
  template <class Add>
  bool read(Add add) {
    if (!take('{')) return false;
    do {
      std::string_view key, text;
      if (!take('"') || !read_short_string(key) || !take(':')) return false;
      auto kind = JsonField::Kind::kString;
      if (p_ < end_ && *p_ == '"') {
        ++p_;
        if (!read_short_string(text) && !read_long_string(text)) return false;
      } else {
        kind = JsonField::Kind::kNumber;
        if (!read_number(text)) return false;
      }
      add(key, kind, text);
    } while (take(','));
    return take('}') && p_ == end_ && has_good_bytes();
  }

 private:
  /// The byte, and a blank behind it.
  bool take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    if ((c == ':' || c == ',') && p_ < end_ && *p_ == ' ') ++p_;
    return true;
  }
  // The rest of a string, behind its opening quote.
  bool read_short_string(std::string_view& text);
  bool read_long_string(std::string_view& text);
  bool read_number(std::string_view& text);
  /// At its closing quote, copied to `out`.
  void end_string(const char* quote, char* out, std::string_view& text) {
    text = {out_, static_cast<size_t>(out - out_)};
    out_ = out;
    p_ = quote + 1;
  }
  /// No control characters, and UTF-8.
  [[nodiscard]] bool has_good_bytes() const {
    return !seen_.has_controls() && (seen_.is_ascii() || simdjson::validate_utf8(line_.data(), line_.size()));
  }

  const char* p_;
  const char* const end_;
  char* out_;
  BytesSeen seen_;
  const std::string_view line_;
};

/// A string of at most a register that holds no escape. (No key of a logger's is longer.)
inline bool FlatObject::read_short_string(std::string_view& text) {
  size_t size = 0;
#if defined(__SSE2__)
  if (end_ - p_ > static_cast<ptrdiff_t>(kRegister)) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p_));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out_), x);
    const __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')), _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
    size = static_cast<size_t>(std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(stops)) | 1U << kRegister));
    if (p_[size] != '"') return false;
    seen_.add(x);
  } else
#endif
  {
    const auto most = std::min(kRegister, static_cast<size_t>(end_ - p_));
    for (; size < most && p_[size] != '"' && p_[size] != '\\'; ++size) seen_.add(out_[size] = p_[size]);
    if (p_ + size == end_ || p_[size] != '"') return false;
  }
  text = {out_, size};
  out_ += size;
  p_ += size + 1;
  return true;
}

inline bool FlatObject::read_long_string(std::string_view& text) {
  const char* p = p_;
  char* out = out_;
#if defined(__SSE2__)
  // A log of quoted names has an escape every few bytes: all marks of a register are found at once, so that none waits for what the one before it was.
  const auto load = [](const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  const auto bits = [](__m128i x, char c) { return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(c)))); };
  constexpr ptrdiff_t kReach = 2 * kRegister + 1;  // of the bytes looked at
  while (end_ - p > kReach) {
    const __m128i x = load(p);
    seen_.add(x);
    const unsigned quotes = bits(x, '"');
    unsigned marks = quotes | bits(x, '\\');
    size_t from = 0;
    for (; marks != 0; marks &= ~3U << (from - 2)) {
      const auto at = static_cast<size_t>(std::countr_zero(marks));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), load(p + from));
      out += at - from;
      if ((quotes >> at & 1U) != 0) {
        end_string(p + at, out, text);
        return true;
      }
      const char c = kEscapes[static_cast<unsigned char>(p[at + 1])];
      if (c == '\0') return false;
      *out++ = c;
      from = at + 2;
    }
    if (from > kRegister) seen_.add(p[kRegister]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), load(p + from));
    const size_t size = std::max(from, kRegister);
    out += size - from;
    p += size;
  }
#endif
  for (; p < end_ && *p != '"'; ++p) {
    seen_.add(*p);
    char c = *p;
    if (c == '\\') {
      c = ++p < end_ ? kEscapes[static_cast<unsigned char>(*p)] : '\0';
      if (c == '\0') return false;
    }
    *out++ = c;
  }
  if (p == end_) return false;
  end_string(p, out, text);
  return true;
}

inline bool FlatObject::read_number(std::string_view& text) {
  const char* const begin = out_;
  if (p_ < end_ && *p_ == '-') *out_++ = *p_++;
  const char* const digits = out_;
  while (p_ < end_ && *p_ >= '0' && *p_ <= '9') *out_++ = *p_++;
  text = {begin, static_cast<size_t>(out_ - begin)};
  return out_ != digits && p_ < end_ && (*p_ == ',' || *p_ == '}');
}

}  // namespace

struct JsonLines::State {
  json::parser parser, inner;
  std::vector<char> buffer;
  size_t size = 0;
  std::array<JsonField, kMaxFields> fields;
  size_t field_count = 0;
  std::deque<std::string> keys;  // of nested fields; reused
  size_t keys_used = 0;
  // Of the first fields, as many as were there when one was looked for: their key_kinds, and a bit for each of these.
  std::array<uint8_t, kMaxFields> key_kinds;
  size_t known_kinds = 0;
  uint64_t all_kinds = 0;

  void add(std::string_view key, JsonField::Kind kind, std::string_view text) {
    JsonField& field = fields[field_count++];
    field.key = key;
    field.kind = kind;
    field.text = text;
  }
  /// The first field with that key for which `is_wanted`.
  template <typename IsWanted>
  const JsonField* find(std::string_view key, IsWanted is_wanted) {
    for (; known_kinds < field_count; ++known_kinds) {
      key_kinds[known_kinds] = kind_of_key(fields[known_kinds].key);
      all_kinds |= uint64_t{1} << key_kinds[known_kinds];
    }
    const uint8_t kind = kind_of_key(key);
    if ((all_kinds >> kind & 1U) == 0) return nullptr;
    for (size_t i = 0; i < field_count; ++i) {
      if (key_kinds[i] == kind && fields[i].key == key && is_wanted(fields[i])) return &fields[i];
    }
    return nullptr;
  }
  /// The line without the parser; false when it takes that.
  bool parse_flat(std::string_view line) {
    if (buffer.size() < line.size() + FlatObject::kRegister) grow(line.size());
    size = line.size();
    bool is_small = true;
    const auto put = [&](std::string_view key, JsonField::Kind kind, std::string_view text) {
      is_small = is_small && field_count < kMaxFields;
      if (is_small) add(key, kind, text);
    };
    if (FlatObject(line, buffer.data()).read(put) && is_small) return true;
    clear();
    return false;
  }
  void clear() {
    field_count = 0;
    keys_used = known_kinds = 0;
    all_kinds = 0;
  }
  void grow(size_t line_size) { buffer.resize(line_size + line_size / 2 + 4096 + simdjson::SIMDJSON_PADDING); }
  bool load(std::string_view text) {
    if (buffer.size() < text.size() + simdjson::SIMDJSON_PADDING) grow(text.size());
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
        if (field_count < kMaxFields) {
          add(joined(prefix, key), out.kind, out.text);
          const std::string_view inside = fields[field_count - 1].key;
          if (!flatten(nested, inside, depth + 1)) return false;
        }
        continue;
      }
      if (!read_value(value, all(), out)) return false;
      if (field_count < kMaxFields) add(joined(prefix, key), out.kind, out.text);
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

JsonLines::JsonLines() : state_(std::make_unique<State>()) {}
JsonLines::~JsonLines() = default;

bool JsonLines::parse(std::string_view line) {
  State& s = *state_;
  s.clear();
  line = trim(line);
  if (line.size() < 2 || line.front() != '{' || line.back() != '}') return false;
  if (s.parse_flat(line)) return true;
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
  s.field_count = 0;
  return false;
}

std::span<const JsonField> JsonLines::fields() const { return std::span(state_->fields).first(state_->field_count); }

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
