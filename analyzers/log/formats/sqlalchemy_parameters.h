#pragma once
// The parameters that SQLAlchemy prints behind a statement.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzers/base/bind_value.h"
#include "analyzers/log/formats/python_repr.h"

namespace dbaudit {

/// Reads the parameters of one message: one set of them, or a list of sets (executemany).
class SqlalchemyParameters {
 public:
  /// `sql` has the placeholders; both must outlive the reading.
  void open(std::string_view sql, std::string_view repr);
  /// The first set has a value for every placeholder and no other: for logs that do not say which thread wrote what.
  [[nodiscard]] bool fits() const { return fits_; }
  /// Several sets behind a statement that gives rows back: only 1.x with psycopg2 writes that, which makes one statement of them.
  [[nodiscard]] bool one_of_many() const { return one_of_many_; }
  /// Executions that the message stands for.
  [[nodiscard]] uint64_t executions() const { return executions_; }
  /// Appends the values of the next execution in the order in which the SQL's placeholders ask for them: by position, or by name as each name
  /// first occurs. False when the log does not show them (past `executions()`, or left out of a long list).
  bool next(std::vector<BindValue>& out);
  /// Something of the last set, or the set itself, was left out.
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  struct Field {
    std::string_view key, value;
    bool cut;  // only the beginning and the end of the value are there
    bool gap;  // stands for fields that are not there
  };
  size_t read_set(size_t at);
  size_t read_value(size_t at, bool& cut) const;
  size_t behind_set(size_t at);
  [[nodiscard]] const Field* find(std::string_view name) const;
  [[nodiscard]] bool check_fit() const;
  void bind(std::vector<BindValue>& out);

  std::string_view text_;
  size_t at_ = 0;
  uint64_t executions_ = 0, left_out_ = 0;
  size_t positions_ = 0;                 // placeholders without a name
  std::vector<std::string_view> names_;  // of the others: distinct, in order of occurrence
  std::vector<Field> fields_;            // of one set; many with names are sorted by them
  bool many_ = false, truncated_ = false, named_ = false, fits_ = false, has_cuts_ = false;
  bool one_of_many_ = false;
  bool sorted_ = false, is_read_ = false, is_whole_ = false;  // of fields_
  PythonDecoder decoder_;
};

}  // namespace dbaudit
