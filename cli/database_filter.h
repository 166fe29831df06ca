#pragma once
// A server's log holds the statements of all its databases; an audit is of one.

#include <cstdint>
#include <set>
#include <string>

#include "analyzers/log/record.h"

namespace dbaudit {

class DatabaseFilter {
 public:
  /// The database to keep; empty keeps everything.
  explicit DatabaseFilter(std::string database) : database_(std::move(database)) {}

  /// Does the record belong to another database? One whose database the log does not tell does not. Connects and disconnects are nobody's statements: a
  /// session that ends, ends.
  [[nodiscard]] bool leaves_out(const LogRecord& record);

  [[nodiscard]] uint64_t statements() const { return left_out_; }  ///< left out so far
  /// There were statements, all of other databases.
  [[nodiscard]] bool left_nothing() const { return left_out_ != 0 && kept_ == 0; }
  /// One line: how many, of which databases.
  [[nodiscard]] std::string explain() const;

 private:
  std::string database_;
  uint64_t kept_ = 0, left_out_ = 0;
  std::set<std::string, std::less<>> others_;  // the first few, for explain()
  bool more_others_ = false;
};

}  // namespace dbaudit
