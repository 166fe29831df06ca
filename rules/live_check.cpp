// The questions, and what each costs.
//
// Duplicates of K:  SELECT K, count(*) FROM t WHERE … GROUP BY K HAVING count(*) > 1 ORDER BY K LIMIT n
//                   The rows that count are those that the lookup would find twice: outside a soft delete's `deleted_at IS NULL` none do. NULLs
//                   of a key of several columns are listed (a unique key that is to hold must see them, and so do our own dedupe queries), but
//                   prove nothing: `b = ?` never finds them.
// Orphans:          SELECT c.fk, count(*) FROM child c WHERE fk IS NOT NULL AND NOT EXISTS (SELECT 1 FROM parent p WHERE p.id = c.fk) GROUP BY …
//
// In the order of an index that begins with K either is read from the index as it comes, and the LIMIT ends it early. Without one the server reads and
// sorts the table: of a small one, never mind; of a large one only when told to (--check-data=full).

#include "rules/live_check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/duplicate_rows.h"
#include "rules/match.h"
#include "rules/registry.h"
#include "rules/suggest/names.h"

namespace dbaudit {

namespace {

constexpr size_t kMostValues = 1000;
constexpr std::string_view kDuplicateRowsRule = "DBA108";

bool has_name(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](const std::string& n) { return iequals(n, name); });
}

/// `a, b` as the parts of an index hold them: all of `columns`, in the order of an index that begins with them (columns that are fixed to NULL may stand
/// between). Empty: no index does.
std::vector<std::string> index_order(const Table& table, const std::vector<std::string>& columns,
                                     const std::vector<std::string>& null_columns) {
  for (const Key& key : table.keys) {
    if (!key.valid || !key.visible || key.exclusion || !key.predicate.empty()) continue;
    std::vector<std::string> order;
    for (const KeyPart& part : key.parts) {
      const std::string& name = part.column.empty() ? part.expression : part.column;
      if (part.prefix_length > 0) break;
      if (has_name(columns, name) && !has_name(order, name)) {
        order.push_back(name);
      } else if (!has_name(null_columns, name)) {
        break;
      }
      if (order.size() == columns.size()) return order;
    }
  }
  return {};
}

/// What is asked of one table, and what makes it cheap.
struct Question {
  std::string sql;
  std::string about;            ///< `duplicates of (name)`
  std::string needed_index;     ///< what an index would have to begin with; empty: there is one
  const Table* read = nullptr;  ///< the table that is read through without it
  size_t key_parts = 0;
  bool flags_nulls = false;  ///< a last column says that the key has a NULL that the lookup's = never finds
};

/// Tables and columns in the engine's SQL.
class Names {
 public:
  Names(const Catalog& catalog, const Table& table) {
    material_.engine = catalog.engine;
    material_.version = catalog.server.version;
    material_.table = &table;
  }
  [[nodiscard]] std::string table() const { return suggest::table_sql(material_); }
  [[nodiscard]] std::string column(const std::string& name) const { return suggest::column_sql(material_, name); }
  /// A column, or an expression in parentheses; nullopt when a value stood in it.
  [[nodiscard]] std::optional<std::string> part(const std::string& text) const {
    if (suggest::is_column(material_, text)) return column(text);
    if (text.find('?') != std::string::npos) return std::nullopt;
    return "(" + text + ")";
  }

 private:
  suggest::Material material_;
};

class LiveCheck {
 public:
  LiveCheck(Connection& connection, const Catalog& catalog, const LiveCheckOptions& options, std::vector<std::string>& notes)
      : connection_(connection),
        catalog_(catalog),
        options_(options),
        notes_(notes),
        deadline_(Clock::now() + std::chrono::milliseconds(options.total_ms)) {}

  void check(Finding& f);
  /// The DBA108 findings of what check() saw.
  [[nodiscard]] std::vector<Finding> duplicate_rows(std::vector<Finding>& findings) const;

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<Question> ask_duplicates(const DataCheck& check, const Table& table) const;
  std::optional<Question> ask_orphans(const DataCheck& check, const Table& child) const;
  const Rows* answer(const Question& question, Finding& f);
  /// Why the question is too dear; empty when it is not.
  std::string too_dear(const Question& question);
  Result<std::optional<uint64_t>> rows_beyond_limit(const Table& table);
  void not_asked(Finding& f, const std::string& why);
  [[nodiscard]] const Table* table_of(const std::string& name) const;
  [[nodiscard]] std::string examples(const Rows& rows, size_t key_parts) const;

  struct Seen {
    Evidence evidence;
    uint64_t values = 0, rows_too_many = 0;
    bool more = false;
    std::string query;
  };

  Connection& connection_;
  const Catalog& catalog_;
  const LiveCheckOptions& options_;
  std::vector<std::string>& notes_;
  Clock::time_point deadline_;
  std::map<std::string, Result<Rows>> answers_;  // by SQL; an error says why it was not asked, or not answered
  std::map<std::string, Seen> duplicates_;       // by key_of()
};

/// Findings about one key of one table.
std::string key_of(const DataCheck& check) {
  std::vector<std::string> columns, nulls;
  for (const std::string& c : check.columns) columns.push_back(to_lower(c));
  for (const std::string& c : check.null_columns) nulls.push_back(to_lower(c));
  std::sort(columns.begin(), columns.end());
  std::sort(nulls.begin(), nulls.end());
  return check.table + "\n" + join(columns, "\n") + "\n\n" + join(nulls, "\n");
}

const Table* LiveCheck::table_of(const std::string& name) const {
  for (const Table& t : catalog_.tables) {
    if (t.qualified() == name) return &t;
  }
  return nullptr;
}

std::optional<Question> LiveCheck::ask_duplicates(const DataCheck& check, const Table& table) const {
  const Names names(catalog_, table);
  const std::vector<std::string> order = index_order(table, check.columns, check.null_columns);
  std::vector<std::string> parts, where, may_be_null;
  for (const std::string& c : order.empty() ? check.columns : order) {
    const std::optional<std::string> part = names.part(c);
    if (!part) return std::nullopt;
    parts.push_back(*part);
    const Column* column = table.column(c);
    if (column != nullptr && column->nullable && !column->identity && !has_name(check.null_columns, c)) may_be_null.push_back(*part);
  }
  for (const std::string& c : check.null_columns) {
    if (!has_name(check.columns, c)) where.push_back(names.column(c) + " IS NULL");
  }
  Question q;
  q.key_parts = parts.size();
  std::string flag;
  if (parts.size() == 1) {
    for (const std::string& p : may_be_null) where.push_back(p + " IS NOT NULL");
  } else if (!may_be_null.empty()) {
    q.flags_nulls = true;
    flag = fmt::format(", MAX(CASE WHEN {} IS NULL THEN 1 ELSE 0 END)", join(may_be_null, " IS NULL OR "));
  }
  const std::string list = join(parts, ", ");
  q.sql = fmt::format("SELECT {0}, COUNT(*){1} FROM {2}{3}{4} GROUP BY {0} HAVING COUNT(*) > 1 ORDER BY {0} LIMIT {5}", list, flag,
                      names.table(), where.empty() ? "" : " WHERE ", join(where, " AND "), kMostValues + 1);
  q.about = fmt::format("duplicates of ({})", list_of(check.columns));
  q.read = &table;
  if (order.empty()) q.needed_index = list_of(check.columns);
  return q;
}

std::optional<Question> LiveCheck::ask_orphans(const DataCheck& check, const Table& child) const {
  const Table* parent = table_of(check.parent);
  if (parent == nullptr || parent->is_view || check.columns.empty() || check.columns.size() != check.parent_columns.size())
    return std::nullopt;
  const Names of_child(catalog_, child), of_parent(catalog_, *parent);
  const std::vector<std::string> order = index_order(child, check.columns, {});
  std::vector<std::string> list, where, same;
  for (const std::string& c : order.empty() ? check.columns : order) {
    const auto at = std::find_if(check.columns.begin(), check.columns.end(), [&c](const std::string& n) { return iequals(n, c); });
    const std::string& target = check.parent_columns[static_cast<size_t>(at - check.columns.begin())];
    list.push_back("c." + of_child.column(c));
    where.push_back(list.back() + " IS NOT NULL");
    same.push_back("p." + of_parent.column(target) + " = " + list.back());
  }
  Question q;
  q.key_parts = list.size();
  const std::string columns = join(list, ", ");
  q.sql = fmt::format(
      "SELECT {0}, COUNT(*) FROM {1} AS c WHERE {2} AND NOT EXISTS (SELECT 1 FROM {3} AS p WHERE {4}) GROUP BY {0} ORDER BY {0} LIMIT {5}",
      columns, of_child.table(), join(where, " AND "), of_parent.table(), join(same, " AND "), kMostValues + 1);
  q.about = fmt::format("rows whose ({}) is in no row of {}", list_of(check.columns), check.parent);
  q.read = &child;
  if (order.empty()) {
    q.needed_index = list_of(check.columns);
  } else if (index_order(*parent, check.parent_columns, {}).empty()) {
    q.needed_index = list_of(check.parent_columns);
    q.read = parent;
  }
  return q;
}

/// About how many rows, when they are too many to read through; nullopt when they are not. Without statistics they are counted, up to the limit.
Result<std::optional<uint64_t>> LiveCheck::rows_beyond_limit(const Table& table) {
  const Result<std::optional<uint64_t>> estimate = connection_.estimated_rows(table);
  if (!estimate) return estimate;
  if (*estimate) return **estimate > options_.large_table ? *estimate : std::optional<uint64_t>();
  const std::string sql = fmt::format("SELECT COUNT(*) FROM (SELECT 1 AS one FROM {} LIMIT {}) AS some_rows",
                                      Names(catalog_, table).table(), options_.large_table + 1);
  const Result<Rows> counted = connection_.query(sql, 1, options_.timeout_ms);
  if (!counted) return tl::unexpected<Error>(counted.error());
  const bool beyond = !counted->rows.empty() && std::strtoull(counted->rows[0][0].c_str(), nullptr, 10) > options_.large_table;
  return beyond ? std::optional<uint64_t>(options_.large_table) : std::nullopt;
}

std::string LiveCheck::too_dear(const Question& question) {
  if (options_.full || question.needed_index.empty()) return {};
  const Result<std::optional<uint64_t>> rows = rows_beyond_limit(*question.read);
  if (!rows) return rows.error().message;
  if (!*rows) return {};
  return fmt::format("no index begins with ({}) and {} has {} {} rows; --check-data=full asks all the same", question.needed_index,
                     question.read->qualified(), **rows == options_.large_table ? "more than" : "about", **rows);
}

void LiveCheck::not_asked(Finding& f, const std::string& why) {
  f.why = fmt::format("{}{}The live data was not asked: {}.", f.why.str(), f.why.empty() ? "" : " ", why);
}

const Rows* LiveCheck::answer(const Question& question, Finding& f) {
  auto it = answers_.find(question.sql);
  if (it == answers_.end()) {
    std::string why;
    if (Clock::now() > deadline_)
      why = fmt::format("the questions before it took {} s together", options_.total_ms / 1000);
    else
      why = too_dear(question);
    it = answers_
             .emplace(question.sql, why.empty() ? connection_.query(question.sql, kMostValues, options_.timeout_ms) : fail(std::move(why)))
             .first;
    if (!it->second) notes_.push_back(fmt::format("{}: not asked for {}: {}", f.data->table, question.about, it->second.error().message));
  }
  if (it->second) return &*it->second;
  not_asked(f, it->second.error().message);
  return nullptr;
}

/// `(?, ?) × 5, (?, ?) × 3`: those with the most rows first.
std::string LiveCheck::examples(const Rows& rows, size_t key_parts) const {
  std::vector<size_t> order(rows.rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto copies = [&](size_t i) { return std::strtoull(rows.rows[i][key_parts].c_str(), nullptr, 10); };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return copies(a) > copies(b); });
  std::vector<std::string> shown;
  for (const size_t i : order) {
    if (shown.size() == options_.examples) break;
    std::vector<std::string> values;
    for (size_t c = 0; c < key_parts; ++c) values.push_back(options_.show_values ? printable(rows.rows[i][c]) : "?");
    shown.push_back(fmt::format("({}) × {}", join(values, ", "), copies(i)));
  }
  return join(shown, ", ") + (rows.rows.size() > shown.size() ? ", …" : "");
}

void LiveCheck::check(Finding& f) {
  const DataCheck& check = f.data;
  if (check.question == DataQuestion::kNone || check.columns.empty()) return;
  const bool duplicates = check.question == DataQuestion::kDuplicates;
  const Table* table = table_of(check.table);
  if (table == nullptr || table->is_view) {
    not_asked(f, table == nullptr ? fmt::format("there is no table {}", check.table) : fmt::format("{} is a view", check.table));
    return;
  }
  const std::optional<Question> question = duplicates ? ask_duplicates(check, *table) : ask_orphans(check, *table);
  if (!question) return;
  const Rows* rows = answer(*question, f);
  if (rows == nullptr || rows->rows.empty()) return;

  uint64_t total = 0;
  bool found_by_lookup = !question->flags_nulls;
  for (const std::vector<std::string>& row : rows->rows) {
    total += std::strtoull(row[question->key_parts].c_str(), nullptr, 10);
    found_by_lookup = found_by_lookup || row.back() == "0";
  }
  const uint64_t values = rows->rows.size();
  const std::string count = fmt::format("{}{} value{}", rows->more ? "at least " : "", values, values == 1 ? "" : "s");
  std::string of = list_of(check.columns);
  Evidence evidence;
  if (duplicates) {
    std::string nulls;
    for (const std::string& c : check.null_columns) nulls += fmt::format("{}{} is NULL", nulls.empty() ? " where " : " and ", c);
    evidence.kind = "live-duplicates";
    evidence.text = fmt::format("the live table holds {} of ({}){} more than once, {} row{} too many: {}", count, of, nulls, total - values,
                                total - values == 1 ? "" : "s", examples(*rows, question->key_parts));
  } else {
    evidence.kind = "live-orphans";
    evidence.text = fmt::format("the live table holds {} of ({}) that no row of {} has, in {} row{}: {}", count, of, check.parent, total,
                                total == 1 ? "" : "s", examples(*rows, question->key_parts));
  }
  if (!check.proves || !found_by_lookup) evidence.text += check.proves ? "; each with a NULL in it" : "; that may be what is meant";
  f.evidence.push_back(evidence);
  if (!check.proves || !found_by_lookup) return;
  f.confidence = std::max(f.confidence, Confidence::kObserved);
  if (duplicates) duplicates_.try_emplace(key_of(check), Seen{std::move(evidence), values, total - values, rows->more, question->sql});
}

std::vector<Finding> LiveCheck::duplicate_rows(std::vector<Finding>& findings) const {
  std::vector<Finding> made;
  for (const auto& [key, seen] : duplicates_) {
    DuplicateRows found;
    found.catalog = &catalog_;
    found.evidence = seen.evidence;
    found.values = seen.values;
    found.rows_too_many = seen.rows_too_many;
    found.more = seen.more;
    found.query = seen.query;
    for (Finding& f : findings) {
      if (f.data->question != DataQuestion::kDuplicates || !f.data->proves || key_of(f.data) != key) continue;
      if (found.pair == nullptr) {
        found.pair = &f;
        found.table = table_of(f.data->table);
      }
      if (std::find(found.related.begin(), found.related.end(), f.code) == found.related.end()) found.related.push_back(f.code);
      f.related.emplace_back(kDuplicateRowsRule);
    }
    if (found.pair == nullptr) continue;
    std::sort(found.related.begin(), found.related.end());
    made.push_back(duplicate_rows_finding(found));
  }
  return made;
}

}  // namespace

void check_live_data(Connection& connection, const Catalog& catalog, const LiveCheckOptions& options, std::vector<Finding>& findings,
                     std::vector<std::string>& notes) {
  LiveCheck live(connection, catalog, options, notes);
  for (Finding& f : findings) live.check(f);
  if (!options.reports_rows) return;
  std::vector<Finding> made = live.duplicate_rows(findings);
  findings.insert(findings.end(), std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
}

}  // namespace dbaudit
