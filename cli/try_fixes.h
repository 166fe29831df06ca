#pragma once
// `runs`: the statements of a fix, run by the engine itself on empty copies of the tables they name.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/scratch.h"
#include "rules/finding.h"

namespace dbaudit {

/// A fix that was tried and refused.
struct RefusedFix {
  size_t finding = 0, fix = 0;
  std::string statement;  ///< empty: the tables could not be copied
  std::string why;        ///< in the engine's words; may hold values
};

/// Tries each fix that parses: first what it says to run once (and before it that of the fix it needs), then the program's statements with the values of the
/// example. Adds `runs` to Fix::checked of those that the engine took. A fix of a table that is not known, or is no plain table, is not tried.
[[nodiscard]] std::vector<RefusedFix> try_fixes(std::vector<Finding>& findings, const Catalog& catalog, Scratch& scratch);

/// --scratch-dsn, taken apart; nullopt when there is none. `audited`: --dsn, which may be empty. Errors: no DSN; it names the audited database.
[[nodiscard]] Result<std::optional<Dsn>> parse_scratch_dsn(const std::string& text, const std::string& audited);
/// What fixes for `engine` are tried on: memory for SQLite, else a database on the server of the DSN. Null: there is none. Errors: those of open_scratch(); the
/// server is of another engine.
[[nodiscard]] Result<std::unique_ptr<Scratch>> open_scratch_of(const std::optional<Dsn>& dsn, Engine engine);

}  // namespace dbaudit
