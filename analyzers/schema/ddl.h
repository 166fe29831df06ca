#pragma once
// DDL files → Catalog: pg_dump, mysqldump, `.schema`, hand-written migrations in order.

#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

namespace dbaudit {

/// Applies the statements of one file to `catalog` (engine must be set; kUnknown: guessed from the text). Statements that are not DDL of
/// tables or indexes are skipped; DDL that is not understood is counted and noted with its line, and the table it touched is marked
/// keys_incomplete. A comment `-- dbaudit: keys-incomplete` marks every table made after it in the file: for schemas whose author knows that
/// unique keys are missing. Migration files are read up to their down part (`-- migrate:down`, `-- +goose Down`).
void apply_ddl(std::string_view text, std::string_view file_name, Catalog& catalog);

/// Which engine's DDL this looks like, or kUnknown.
[[nodiscard]] Engine guess_ddl_engine(std::string_view text);

/// Loads `--schema` paths: DDL files, a directory of migrations in name order, or the JSON of `dbaudit schema`. Calls finish().
/// Names sort with their numbers as numbers (V2 before V10), and files that undo (`*.down.sql`, `down.sql`) are left out.
/// Errors: unreadable, a binary file, no table at all in it, JSON of another kind.
[[nodiscard]] Result<Catalog> load_schema(const std::vector<std::string>& paths, Engine engine);

}  // namespace dbaudit
