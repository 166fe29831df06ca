#include "rules/live_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/match.h"
#include "rules/suggest/suggest.h"

namespace dbaudit {

namespace {

bool asks_for_duplicates(const Finding& f) { return f.code == "DBA101"; }

const Table* table_of(const Catalog& catalog, const std::string& name) {
  for (const Table& t : catalog.tables) {
    if (t.qualified() == name) return &t;
  }
  return nullptr;
}

}  // namespace

void check_live_data(Connection& connection, const Catalog& catalog, const LiveCheckOptions& options, std::vector<Finding>& findings,
                     std::vector<std::string>& notes) {
  for (Finding& f : findings) {
    if (!asks_for_duplicates(f) || f.key_columns.empty() || f.tables.empty()) continue;
    const Table* table = table_of(catalog, f.tables.front());
    if (table == nullptr || table->is_view) continue;
    std::vector<std::string> keys;
    std::string nulls;
    for (const std::string& k : f.key_columns) {
      // An expression is already SQL; a column is a name to quote.
      keys.push_back(table->column(k) != nullptr ? suggest::quote_name(k, connection.engine()) : k);
      nulls += fmt::format("{}{} IS NOT NULL", nulls.empty() ? "" : " AND ", keys.back());
    }
    const std::string name = suggest::quote_name(f.tables.front(), connection.engine());
    const std::string list = join(keys, ", ");
    const std::string sql = fmt::format(
        "SELECT {0}, count(*) FROM {1} WHERE {2} GROUP BY {0} HAVING count(*) > 1 ORDER BY count(*) DESC, {0}", list, name, nulls);
    constexpr size_t kMost = 1000;
    const Result<Rows> rows = connection.query(sql, kMost, options.timeout_ms);
    if (!rows) {
      notes.push_back(fmt::format("{}: the live table could not be asked for duplicates: {}", f.tables.front(), rows.error().message));
      continue;
    }
    if (rows->rows.empty()) continue;
    std::string text = fmt::format("the live table holds {}{} value{} of ({}) more than once", rows->rows.size(),
                                   rows->more ? " or more" : "", rows->rows.size() == 1 ? "" : "s", list_of(f.key_columns));
    std::string examples;
    for (size_t i = 0; i < std::min(options.examples, rows->rows.size()); ++i) {
      const auto& row = rows->rows[i];
      std::string values;
      for (size_t c = 0; c + 1 < row.size(); ++c) {
        values += fmt::format("{}{}", values.empty() ? "" : ", ", options.show_values ? printable(row[c]) : std::string("?"));
      }
      examples += fmt::format("{}({}) × {}", examples.empty() ? "" : ", ", values, row.empty() ? std::string("?") : row.back());
    }
    text += ": " + examples;
    f.evidence.push_back({"live-duplicates", std::move(text), {}});
    f.confidence = std::max(f.confidence, Confidence::kObserved);
  }
}

}  // namespace dbaudit
