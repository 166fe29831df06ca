#pragma once
// What PostgreSQL's system catalogs say of a schema. Internal to schema/engines/postgres*.cpp: no libpq here, only SELECTs and rows of text.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/schema/catalog.h"

namespace dbaudit {

/// One row as text; an SQL NULL is an empty view whose data() is null. Valid during the call that hands it over.
using PostgresRow = std::vector<std::string_view>;
/// Runs one SELECT and hands its rows over in order.
using PostgresSelect = std::function<Result<void>(const std::string& sql, const std::function<void(const PostgresRow&)>& row)>;

/// Reads everything Catalog holds, one SELECT for each kind of object. `version_num` is server_version_num (150018), 100000 or newer: columns
/// that came later are asked for only where they are. The caller has begun a transaction whose search_path is empty, as pg_dump's is, so that
/// every name comes qualified and the expressions are spelled alike; `search_path` is what it was before.
///
/// Keys come in the order in which pg_dump writes them (constraints, then indexes, by name): a schema and its dump are the same catalogue.
[[nodiscard]] Result<Catalog> read_postgres_catalog(int version_num, std::vector<std::string> search_path, const PostgresSelect& select);

}  // namespace dbaudit
