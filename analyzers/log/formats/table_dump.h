#pragma once
// Rows of a server's table in a file, as the usual tools write them:
//   tab-separated   `mysql --batch`: a line of column names, one line a row, \n \t \\ \0 for those bytes, NULL for NULL
//   CSV             an export of a tool: a line of column names, fields in "" when they need it, "" for a quote, line ends as they are
//   CSV, escaped    a CSV engine's own file (general_log.CSV) or SELECT … INTO OUTFILE: no names, \" \\ \n inside quotes, \N for NULL

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/log/lines.h"

namespace dbaudit {

enum class TableSyntax : uint8_t { kTabs, kCsv, kEscapedCsv };

/// The line of column names at the start of a dump: three or more, each an identifier. Its syntax is that of the rows.
struct TableHeader {
  TableSyntax syntax = TableSyntax::kTabs;
  std::vector<std::string> columns;
  [[nodiscard]] int find(std::string_view column) const;  ///< whatever its case; -1 when it is not there
};
[[nodiscard]] std::optional<TableHeader> parse_table_header(std::string_view line);

/// Reads rows. A new line of column names between them begins another table.
class TableRows {
 public:
  /// `unnamed`: the columns of an escaped CSV, which has no names.
  TableRows(Lines& lines, std::span<const std::string_view> unnamed);

  /// The next row with as many fields as there are columns; false at the end. Lines that are none are counted.
  bool next();
  [[nodiscard]] const TableHeader& header() const { return header_; }
  /// Another table begins with this row: the header is a new one since the last row. (The first row's, too.)
  [[nodiscard]] bool is_new_table() const { return new_table_; }
  /// The field's bytes, unescaped, good until the next row; empty for NULL and for a column of -1.
  [[nodiscard]] std::string_view get(int column);
  [[nodiscard]] bool is_null(int column) const;
  /// A field that is a number; nullopt when it is none.
  [[nodiscard]] std::optional<uint64_t> number(int column);
  [[nodiscard]] uint64_t line() const { return line_; }
  [[nodiscard]] bool was_cut() const { return cut_; }
  [[nodiscard]] uint64_t unrecognised_lines() const { return unrecognised_; }

 private:
  struct Field {
    size_t at = 0, size = 0;
    bool quoted = false, escaped = false;
  };
  bool read_tabs();
  bool read_csv();

  Lines& lines_;
  TableHeader header_;
  std::vector<std::string> unnamed_;
  std::vector<Field> fields_;
  std::string_view row_;
  std::string decoded_;  // never grows past the size reserved for a row: views into it stay good
  uint64_t line_ = 0, unrecognised_ = 0;
  bool new_table_ = false, cut_ = false;
};

}  // namespace dbaudit
