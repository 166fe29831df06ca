#pragma once
// Values for the parameters of a fix: those that the example had for the same column, or for the one at the other end of a foreign key; else made-up ones of
// the column's type.

#include <cstddef>
#include <string>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/trace/bind.h"
#include "rules/suggest/check.h"

namespace dbaudit {

class TrialValues {
 public:
  /// `catalog` must outlive this. The example may be empty.
  TrialValues(const FindingExample& example, Engine engine, const Catalog& catalog);
  /// The literal of the `nth` value that the unit had for the column (a lower-case name), or of the last one.
  [[nodiscard]] std::string of(const std::string& name, const Table* table, const std::string& column, size_t nth = 0) const;

 private:
  void add(const ExampleStatement& s);
  [[nodiscard]] const std::string* find(const std::string& table, const std::string& column, size_t nth = 0) const;

  Engine engine_;
  const Catalog& catalog_;
  std::vector<ExampleCell> cells_;
};

/// The statement with literals in the places of its parameters.
[[nodiscard]] std::string with_values(const std::string& sql, Templates& templates, Binder& binder, const TrialValues& values);

}  // namespace dbaudit
