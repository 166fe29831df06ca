#include "analyzers/log/formats/table_dump.h"

#include <charconv>
#include <cstring>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxColumns = 128;
constexpr size_t kMaxOpenQuote = size_t{1} << 20;  // a quoted field that has not closed by then was never opened

bool is_name(std::string_view s) {
  if (s.empty() || s.size() > 64 || (s[0] >= '0' && s[0] <= '9')) return false;
  for (char c : s) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

char unescape(char c) {
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    case 'b': return '\b';
    case 'Z': return '\x1A';
    default: return c;
  }
}

}  // namespace

int TableHeader::find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (iequals(columns[i], column)) return static_cast<int>(i);
  }
  return -1;
}

std::optional<TableHeader> parse_table_header(std::string_view line) {
  if (line.size() > kMaxColumns * 65) return std::nullopt;
  const bool has_tabs = line.find('\t') != std::string_view::npos;
  TableHeader header;
  header.syntax = has_tabs ? TableSyntax::kTabs : TableSyntax::kCsv;
  for (std::string_view name : split(line, has_tabs ? '\t' : ',')) {
    if (!has_tabs && name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    if (!is_name(name) || header.columns.size() == kMaxColumns) return std::nullopt;
    header.columns.emplace_back(name);
  }
  if (header.columns.size() < 3) return std::nullopt;
  return header;
}

TableRows::TableRows(Lines& lines, std::span<const std::string_view> unnamed) : lines_(lines), unnamed_(unnamed.begin(), unnamed.end()) {}

bool TableRows::next() {
  new_table_ = false;
  decoded_.clear();
  while (const auto line = lines_.peek()) {
    line_ = lines_.line_number();
    const bool is_letter = !line->empty() && (((*line)[0] | 0x20) >= 'a' && ((*line)[0] | 0x20) <= 'z');
    const bool may_be_names =
        is_letter || (line->size() > 1 && (*line)[0] == '"' && ((*line)[1] | 0x20) >= 'a' && ((*line)[1] | 0x20) <= 'z');
    if (may_be_names) {
      if (auto header = parse_table_header(*line)) {
        header_ = std::move(*header);
        new_table_ = true;
        lines_.take();
        continue;
      }
    }
    if (header_.columns.empty() && !line->empty() && (*line)[0] == '"') {
      header_.syntax = TableSyntax::kEscapedCsv;
      header_.columns = unnamed_;
      new_table_ = true;
    }
    if (line->empty() || header_.columns.empty()) {
      if (!line->empty()) ++unrecognised_;
      lines_.take();
      continue;
    }
    lines_.mark();
    if (header_.syntax == TableSyntax::kTabs ? read_tabs() : read_csv()) {
      cut_ = lines_.record_was_cut();
      decoded_.reserve(row_.size());
      return true;
    }
    ++unrecognised_;
  }
  return false;
}

bool TableRows::read_tabs() {
  lines_.take();
  row_ = lines_.since_mark();
  fields_.clear();
  const char* const begin = row_.data();
  const char* p = begin;
  const char* const end = p + row_.size();
  for (;;) {
    const void* tab = p == end ? nullptr : std::memchr(p, '\t', static_cast<size_t>(end - p));
    const char* const stop = tab == nullptr ? end : static_cast<const char*>(tab);
    Field field;
    field.at = static_cast<size_t>(p - begin);
    field.size = static_cast<size_t>(stop - p);
    field.escaped = field.size != 0 && std::memchr(p, '\\', field.size) != nullptr;
    fields_.push_back(field);
    if (tab == nullptr || fields_.size() > kMaxColumns) break;
    p = stop + 1;
  }
  // A row that was cut in its middle still says what it says.
  return fields_.size() == header_.columns.size();
}

bool TableRows::read_csv() {
  const bool has_escapes = header_.syntax == TableSyntax::kEscapedCsv;
  lines_.take();
  size_t second_at = 0;
  uint64_t second_line = 0;
  fields_.clear();
  Field field;
  bool in_quotes = false;
  size_t at = 0;
  for (;;) {
    row_ = lines_.since_mark();
    while (at < row_.size()) {
      const char c = row_[at];
      if (in_quotes) {
        if (has_escapes && c == '\\') {
          field.escaped = true;
          at += 2;
          continue;
        }
        if (c == '"') {
          if (at + 1 < row_.size() && row_[at + 1] == '"') {
            field.escaped = true;
            ++at;
          } else {
            in_quotes = false;
            field.size = at - field.at;
          }
        }
      } else if (c == '"' && at == field.at && !field.quoted) {
        in_quotes = field.quoted = true;
        field.at = at + 1;
      } else if (c == ',') {
        if (!field.quoted) field.size = at - field.at;
        fields_.push_back(field);
        if (fields_.size() > kMaxColumns) return false;
        field = Field{};
        field.at = at + 1;
      }
      ++at;
    }
    if (!in_quotes) break;
    // The literal goes on: in the next line, unless it never closes.
    const auto line = lines_.peek();
    if (second_at == 0) {
      second_at = lines_.offset();
      second_line = lines_.line_number();
    }
    if (!line || at > kMaxOpenQuote) {
      if (!line) {
        field.size = row_.size() - std::min(row_.size(), field.at);
        cut_ = true;
        break;
      }
      if (!lines_.record_was_cut()) lines_.rewind(second_at, second_line);
      return false;
    }
    lines_.take();
  }
  if (!field.quoted) field.size = row_.size() - std::min(row_.size(), field.at);
  fields_.push_back(field);
  return fields_.size() == header_.columns.size();
}

bool TableRows::is_null(int column) const {
  if (column < 0 || static_cast<size_t>(column) >= fields_.size()) return true;
  const Field& f = fields_[static_cast<size_t>(column)];
  if (f.quoted) return false;
  const std::string_view raw = row_.substr(f.at, f.size);
  return header_.syntax == TableSyntax::kTabs ? raw == "NULL" : raw.empty() || raw == "NULL" || raw == "\\N";
}

std::string_view TableRows::get(int column) {
  if (is_null(column)) return {};
  Field& f = fields_[static_cast<size_t>(column)];
  const std::string_view raw = row_.substr(f.at, f.size);
  if (!f.escaped) return raw;
  const bool doubles_quotes = header_.syntax == TableSyntax::kCsv;
  if (decoded_.size() + raw.size() > decoded_.capacity()) decoded_.clear();  // the same field asked for again and again
  const size_t from = decoded_.size();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (i + 1 < raw.size() && (doubles_quotes ? raw[i] == '"' : raw[i] == '\\' || (f.quoted && raw[i] == '"'))) {
      decoded_ += raw[i] == '\\' ? unescape(raw[i + 1]) : '"';
      ++i;
    } else if (raw[i] != '\\' || doubles_quotes) {  // a lone one at the end is half of something that was cut
      decoded_ += raw[i];
    }
  }
  return std::string_view(decoded_).substr(from);
}

std::optional<uint64_t> TableRows::number(int column) {
  const std::string_view text = get(column);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace dbaudit
