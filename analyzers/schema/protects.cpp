// protects(): is there a unique key that allows at most one row for this lookup?
//
// A key answers for a lookup when the lookup fixes every part of it: then two rows that the lookup finds, or two rows that racing sessions insert
// after missing it, have the same key. A part is fixed when its column is looked up, or when it is an expression of columns that are. What defeats
// such a key, each measured (ISOLATION headline 21): a part that may be NULL, where NULLs are distinct; a predicate that the rows need not satisfy;
// an index that is not valid; a check that waits for COMMIT; a comparison that finds more rows equal than the key does. What does not
// defeat it: being stricter than the lookup (a prefix, lower(email) for email, a NOCASE key). Then there is never a duplicate, but an INSERT may
// fail on a row the lookup cannot see: such a key is returned both as `key` and as `near_miss`.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "analyzers/base/text.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/expression.h"

namespace dbaudit {
namespace {

constexpr int kMaxDepth = 64;

std::optional<double> number(std::string_view text) {
  const std::string s(trim(text));
  if (s.empty() || s.size() > 40 || s.find_first_not_of("+-.0123456789eE") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double d = std::strtod(s.c_str(), &end);
  if (end != s.c_str() + s.size() || !std::isfinite(d)) return std::nullopt;
  return d;
}

std::optional<bool> truth(std::string_view text) {
  if (iequals(text, "true") || iequals(text, "t")) return true;
  if (iequals(text, "false") || iequals(text, "f")) return false;
  if (const auto n = number(text)) return *n != 0;
  return std::nullopt;
}

bool is_word_bool(const Expr& e) { return e.kind == ExprKind::kLiteral && !e.quoted && (e.text == "true" || e.text == "false"); }

/// The value certainly equals the literal.
bool equals(std::string_view value, const Expr& literal) {
  if (is_word_bool(literal)) {
    const auto v = truth(value);
    return v && *v == (literal.text == "true");
  }
  if (literal.quoted || std::max(value.size(), literal.text.size()) > 15) return value == literal.text;  // doubles are exact to 15 digits
  const auto a = number(value), b = number(literal.text);
  if (a && b) return *a == *b;
  if (const auto v = truth(value); v && !a && b) return *v == (*b != 0) && (*b == 0 || *b == 1);  // active = 1 and a value `true`
  return value == literal.text;
}

/// The value certainly does not, whatever the collation.
bool differs(std::string_view value, const Expr& literal) {
  if (is_word_bool(literal)) {
    const auto v = truth(value);
    return v && *v != (literal.text == "true");
  }
  const auto a = number(value), b = number(literal.text);
  if (a && b) return *a != *b;
  const auto ascii = [](std::string_view s) {
    return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  };
  return ascii(value) && ascii(literal.text) && !iequals(trim(value), trim(literal.text)) && !truth(value) == !truth(literal.text);
}

/// LOWER and UPPER find the same rows equal, but for a few letters outside ASCII that no schema relies on.
std::string_view case_folded(const Expr& e) {
  if (e.kind == ExprKind::kCall && e.args.size() == 1 && e.args[0].kind == ExprKind::kColumn &&
      (e.text == "lower" || e.text == "upper" || e.text == "lcase" || e.text == "ucase")) {
    return e.args[0].text;
  }
  return {};
}

/// One lookup, with its expressions parsed once.
class Lookup {
 public:
  Lookup(const Catalog& catalog, const Table& table, const std::vector<LookupColumn>& columns) : table_(table), columns_(columns) {
    for (const LookupColumn& c : columns)
      expressions_.push_back(c.column.empty() ? parse_expression(c.expression, catalog.engine) : Expr{});
  }

  const LookupColumn* column(std::string_view name) const {
    for (const LookupColumn& c : columns_) {
      if (!c.column.empty() && iequals(c.column, name)) return &c;
    }
    return nullptr;
  }
  const LookupColumn* expression(const Expr& wanted) const {
    if (wanted.kind == ExprKind::kColumn) return column(wanted.text);
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].column.empty()) continue;
      if (same_expression(expressions_[i], wanted)) return &columns_[i];
      const std::string_view a = case_folded(expressions_[i]), b = case_folded(wanted);
      if (!a.empty() && iequals(a, b)) return &columns_[i];
    }
    return nullptr;
  }
  /// A looked-up lower(column) or upper(column).
  const LookupColumn* folded(std::string_view name) const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].column.empty() && iequals(case_folded(expressions_[i]), name) && !name.empty()) return &columns_[i];
    }
    return nullptr;
  }
  const std::vector<LookupColumn>& columns() const { return columns_; }
  const Expr& parsed(size_t i) const { return expressions_[i]; }

  static bool is_null(const LookupColumn* c) { return c != nullptr && c->is_null; }
  static bool not_null(const LookupColumn* c) { return c != nullptr && !c->is_null && (c->known_not_null || c->has_value); }

  /// No row that the lookup finds or inserts has NULL there.
  bool never_null(const Expr& e, int depth = 0) const;
  /// Every row that the lookup finds or inserts satisfies `p`. Sound, not complete.
  bool implies(const Expr& p, int depth = 0) const;
  /// All that `e` reads is fixed by the lookup.
  bool determines(const Expr& e) const {
    std::vector<std::string> names;
    bool complete = true;
    collect_columns(e, names, complete);
    return complete && !names.empty() &&
           std::all_of(names.begin(), names.end(), [&](const std::string& n) { return column(n) != nullptr; });
  }

 private:
  const Table& table_;
  const std::vector<LookupColumn>& columns_;
  std::vector<Expr> expressions_;
};

bool Lookup::never_null(const Expr& e, int depth) const {
  if (depth > kMaxDepth) return false;
  const auto all_args = [&](size_t from) {
    for (size_t i = from; i < e.args.size(); ++i) {
      if (!never_null(e.args[i], depth + 1)) return false;
    }
    return true;
  };
  if (not_null(expression(e))) return true;
  switch (e.kind) {
    case ExprKind::kLiteral: return true;
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull: return true;
    case ExprKind::kColumn: {
      const Column* c = table_.column(e.text);
      return c != nullptr && !c->nullable;
    }
    case ExprKind::kCall: {
      if (e.text == "coalesce" || e.text == "ifnull" || e.text == "nvl") {
        return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& a) { return never_null(a, depth + 1); });
      }
      if (e.text == "if" && e.args.size() == 3) return implies(e.args[0], depth + 1) ? never_null(e.args[1], depth + 1) : all_args(1);
      // Functions that are NULL only for a NULL argument.
      static constexpr std::array<std::string_view, 26> kStrict = {
          "lower",  "upper",      "lcase", "ucase",  "trim",        "btrim",    "ltrim",    "rtrim",     "md5",
          "sha1",   "sha2",       "abs",   "length", "left",        "right",    "substr",   "substring", "replace",
          "concat", "date_trunc", "round", "binary", "char_length", "casefold", "unaccent", "reverse"};
      return std::find(kStrict.begin(), kStrict.end(), e.text) != kStrict.end() && all_args(0);
    }
    case ExprKind::kCase: {
      if (e.text.find('o') != std::string::npos) return false;
      const size_t pairs_end = e.args.size() - (e.text.find('e') != std::string::npos ? 1 : 0);
      bool all = true;
      for (size_t i = 0; i + 1 < pairs_end; i += 2) {
        all = all && never_null(e.args[i + 1], depth + 1);
        if (all && implies(e.args[i], depth + 1)) return true;
      }
      return all && pairs_end < e.args.size() && never_null(e.args[pairs_end], depth + 1);
    }
    case ExprKind::kBinary:
      if (e.text == "collate") return never_null(e.args[0], depth + 1);
      if (e.text == "+" || e.text == "-" || e.text == "*" || e.text == "||") return all_args(0);
      return false;
    case ExprKind::kUnary: return all_args(0);
    default: return false;
  }
}

bool Lookup::implies(const Expr& p, int depth) const {
  if (depth > kMaxDepth) return false;
  const auto known = [](const LookupColumn* c) { return c != nullptr && c->has_value && !c->is_null; };
  switch (p.kind) {
    case ExprKind::kLiteral: return is_word_bool(p) ? p.text == "true" : number(p.text).value_or(0) != 0;
    case ExprKind::kColumn: {
      const LookupColumn* c = column(p.text);
      return known(c) && truth(c->value).value_or(false);
    }
    case ExprKind::kUnary: {
      if (p.text != "not") return false;
      const LookupColumn* c = expression(p.args[0]);
      return known(c) && !truth(c->value).value_or(true);
    }
    case ExprKind::kIsNull: return is_null(expression(p.args[0]));
    case ExprKind::kIsNotNull: return never_null(p.args[0], depth + 1);
    case ExprKind::kIn: {
      const LookupColumn* c = expression(p.args[0]);
      return known(c) && std::any_of(p.args.begin() + 1, p.args.end(),
                                     [&](const Expr& v) { return v.kind == ExprKind::kLiteral && equals(c->value, v); });
    }
    case ExprKind::kNotIn: {
      const LookupColumn* c = expression(p.args[0]);
      return known(c) && std::all_of(p.args.begin() + 1, p.args.end(),
                                     [&](const Expr& v) { return v.kind == ExprKind::kLiteral && differs(c->value, v); });
    }
    case ExprKind::kBetween: {
      const LookupColumn* c = expression(p.args[0]);
      if (!known(c)) return false;
      const auto v = number(c->value), low = number(p.args[1].text), high = number(p.args[2].text);
      return v && low && high && *v >= *low && *v <= *high;
    }
    case ExprKind::kBinary: break;
    default: return false;
  }
  if (p.text == "and") return std::all_of(p.args.begin(), p.args.end(), [&](const Expr& a) { return implies(a, depth + 1); });
  if (p.text == "or") return std::any_of(p.args.begin(), p.args.end(), [&](const Expr& a) { return implies(a, depth + 1); });
  if (p.args.size() != 2) return false;
  const bool literal_left = p.args[0].kind == ExprKind::kLiteral;
  const Expr& subject = p.args[literal_left ? 1 : 0];
  const Expr& literal = p.args[literal_left ? 0 : 1];
  if (literal.kind != ExprKind::kLiteral) return false;
  const LookupColumn* c = expression(subject);
  if ((p.text == "is not" || p.text == "is distinct from") && is_null(c)) return true;
  if (!known(c)) return false;
  if (p.text == "=" || p.text == "is" || p.text == "<=>" || p.text == "is not distinct from") return equals(c->value, literal);
  if (p.text == "<>" || p.text == "is not" || p.text == "is distinct from") return differs(c->value, literal);
  const auto a = number(c->value), b = number(literal.text);
  if (!a || !b) return false;
  const double left = literal_left ? *b : *a, right = literal_left ? *a : *b;
  if (p.text == "<") return left < right;
  if (p.text == "<=") return left <= right;
  if (p.text == ">") return left > right;
  if (p.text == ">=") return left >= right;
  return false;
}

/// What a collation calls equal.
enum class CaseRule { kSensitive, kInsensitive, kUnknown };

CaseRule case_rule(const Catalog& catalog, const Column* column, std::string_view collation) {
  if (column != nullptr && (column->type == "citext" || column->type.str().ends_with(".citext"))) return CaseRule::kInsensitive;
  const std::string lower = to_lower(collation.empty() && column != nullptr ? std::string_view(column->collation) : collation);
  switch (catalog.engine) {
    case Engine::kSqlite:
      return lower == "nocase"                                        ? CaseRule::kInsensitive
             : lower.empty() || lower == "binary" || lower == "rtrim" ? CaseRule::kSensitive
                                                                      : CaseRule::kUnknown;
    case Engine::kMySql:
    case Engine::kMariaDb:
      // Every default collation of either is case-insensitive; names say the rest (_ci, _cs, _bin, _0900_as_cs).
      if (lower.ends_with("_cs") || lower.ends_with("_bin") || lower == "binary") return CaseRule::kSensitive;
      return lower.empty() || lower.ends_with("_ci") ? CaseRule::kInsensitive : CaseRule::kUnknown;
    default: {
      // PostgreSQL's own collations are deterministic: equal means the same bytes. One made by CREATE COLLATION need not be.
      const bool own = lower.empty() || lower == "c" || lower == "posix" || lower == "default" || lower == "ucs_basic" ||
                       lower == "unicode" || lower.ends_with(".utf8") || lower.ends_with(".utf-8") ||
                       lower.find("-x-icu") != std::string::npos || (lower.size() == 5 && lower[2] == '_');
      return own ? CaseRule::kSensitive : CaseRule::kUnknown;
    }
  }
}

std::string describe(const Catalog& catalog, const Table& table, const Key& key) {
  std::vector<std::string> parts;
  for (const KeyPart& p : key.parts) parts.push_back(p.column.empty() ? p.expression : p.column);
  const bool named = !key.name.empty() && !key.name.starts_with("sqlite_autoindex_") && key.name != "PRIMARY";
  const std::string kind = key.primary                                           ? "primary key"
                           : key.exclusion                                       ? "exclusion constraint"
                           : !key.constraint && catalog.engine != Engine::kMySql ? "unique index"
                                                                                 : "unique key";
  return kind + " " + (named ? key.name : table.name.str() + "(" + join(parts, ", ") + ")");
}

/// How one key stands to the lookup.
struct Standing {
  enum class Kind { kUnrelated, kSuperset, kDefeated, kProtects } kind = Kind::kUnrelated;
  bool stricter = false;
  bool certain = true;
  std::string reason;
  int hazards = 0;
};

class KeyJudge {
 public:
  KeyJudge(const Catalog& catalog, const Table& table, const Lookup& lookup) : catalog_(catalog), table_(table), lookup_(lookup) {}

  Standing judge(const Key& key) {
    Standing s;
    name_ = describe(catalog_, table_, key);
    std::vector<std::string> missing;
    std::vector<bool> used(lookup_.columns().size(), false);
    for (const KeyPart& p : key.parts) {
      if (!part(key, p, s, used)) missing.push_back(p.column.empty() ? p.expression : p.column);
    }
    const bool touches = std::find(used.begin(), used.end(), true) != used.end();
    if (!missing.empty()) {
      // A superset: all that the lookup fixes, and more. (Columns that its predicate reads count as said.)
      bool covers = touches;
      for (size_t i = 0; i < used.size(); ++i) covers = covers && (used[i] || read_by_predicate(key, lookup_.columns()[i]));
      if (!covers) return Standing{};
      s.kind = Standing::Kind::kSuperset;
      s.reason = name_ + " also has " + join(missing, ", ") + ", which the lookup does not fix";
      return s;
    }
    if (!key.predicate.empty() && !lookup_.implies(parse_expression(key.predicate, catalog_.engine))) {
      hazard(s, name_ + " is partial (WHERE " + key.predicate.str() + ") and the lookup does not imply it");
    }
    // Which of the two it is not, depends on how far CREATE INDEX CONCURRENTLY came: once indisready, it refuses new duplicates (manual, CREATE INDEX;
    // tried on 15.18), and those from before are there all the same.
    if (!key.valid)
      hazard(s, name_ + " is INVALID: it was never finished, so rows that are there may be duplicates and new ones may be let in");
    if (key.deferred)
      hazard(s, name_ + " is INITIALLY DEFERRED: a duplicate shows only at COMMIT, outside any savepoint, and ON CONFLICT cannot use it");
    s.kind = s.hazards == 0 ? Standing::Kind::kProtects : Standing::Kind::kDefeated;
    return s;
  }

 private:
  void hazard(Standing& s, std::string reason) const {
    if (s.hazards++ > 0) s.reason += "; ";
    s.reason += reason;
  }
  void stricter(Standing& s, std::string reason) const {
    if (!s.stricter && s.hazards == 0) s.reason = std::move(reason);
    s.stricter = true;
  }

  bool read_by_predicate(const Key& key, const LookupColumn& c) const {
    if (key.predicate.empty() || c.column.empty()) return false;
    std::vector<std::string> names;
    bool complete = true;
    collect_columns(parse_expression(key.predicate, catalog_.engine), names, complete);
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return iequals(n, c.column); });
  }

  void mark(std::vector<bool>& used, const LookupColumn* c) const {
    if (c != nullptr) used[static_cast<size_t>(c - lookup_.columns().data())] = true;
  }

  void null_check(const Key& key, const Expr& e, const std::string& what, bool is_column, Standing& s) const {
    if (key.nulls_not_distinct || lookup_.never_null(e)) return;
    if (is_column && key.primary && catalog_.engine != Engine::kSqlite) return;
    if (is_column && table_.column(what) == nullptr) {
      s.certain = false;
      hazard(s, name_ + " has the column " + what + ", of which it is not known whether it may be NULL");
      return;
    }
    if (is_column)
      hazard(s, name_ + " has the nullable column " + what + ", and NULLs are distinct");
    else
      hazard(s, name_ + " has " + what + ", which may be NULL, and NULLs are distinct");
  }

  /// True when the lookup fixes this part; what is wrong with it goes to `s`.
  bool part(const Key& key, const KeyPart& p, Standing& s, std::vector<bool>& used) const {
    if (!p.column.empty()) {
      Expr column;
      column.kind = ExprKind::kColumn;
      column.text = p.column;
      const Column* c = table_.column(p.column);
      if (const LookupColumn* l = lookup_.column(p.column); l != nullptr) {
        mark(used, l);
        null_check(key, column, p.column, true, s);
        compare_collations(p, c, s);
        if (p.prefix_length > 0) {
          stricter(s, name_ + " compares only the first " + std::to_string(p.prefix_length) + " characters of " + p.column.str());
        }
        return true;
      }
      if (const LookupColumn* l = lookup_.folded(p.column); l != nullptr) {
        // lower(email) = ? finds more than the plain key calls equal, unless the key ignores case itself.
        mark(used, l);
        null_check(key, column, p.column, true, s);
        const CaseRule rule = case_rule(catalog_, c, p.collation);
        if (rule == CaseRule::kInsensitive) return true;
        if (rule == CaseRule::kUnknown) s.certain = false;
        hazard(s, name_ + " is on " + p.column.str() +
                      " as it is, and the lookup ignores case: values that differ only in case are different to the key");
        return true;
      }
      if (c == nullptr || !c->generated || !c->default_expression) return false;
      return expression_part(key, parse_expression(*c->default_expression, catalog_.engine), "the generated column " + p.column.str(), s,
                             used);
    }
    return expression_part(key, parse_expression(p.expression, catalog_.engine), p.expression, s, used);
  }

  bool expression_part(const Key& key, const Expr& e, const std::string& what, Standing& s, std::vector<bool>& used) const {
    if (const LookupColumn* l = lookup_.expression(e); l != nullptr) {
      mark(used, l);
      null_check(key, e, what, false, s);
      return true;
    }
    std::vector<std::string> names;
    bool complete = true;
    collect_columns(e, names, complete);
    for (const std::string& n : names) mark(used, lookup_.column(n));
    if (!lookup_.determines(e)) return false;
    if (!key.nulls_not_distinct && !lookup_.never_null(e)) {
      if (e.kind == ExprKind::kCall && !known_function(e.text)) s.certain = false;
      null_check(key, e, what, false, s);
    }
    // coalesce(b, -1) and CASE are how a key is made to hold for NULL; anything else makes values equal that the lookup tells apart.
    const bool names_null =
        e.kind == ExprKind::kCase || (e.kind == ExprKind::kCall && (e.text == "coalesce" || e.text == "ifnull" || e.text == "if"));
    if (!names_null) stricter(s, name_ + " is on " + what + ", which may be equal for rows that the lookup does not find");
    return true;
  }

  static bool known_function(std::string_view f) {
    return f == "nullif" || f == "if" || f == "coalesce" || f == "ifnull" || f == "lower" || f == "upper" || f == "concat";
  }

  void compare_collations(const KeyPart& p, const Column* c, Standing& s) const {
    if (p.collation.empty() || c == nullptr) return;
    const CaseRule key = case_rule(catalog_, c, p.collation), column = case_rule(catalog_, c, "");
    if (iequals(p.collation, c->collation)) return;
    if (catalog_.engine == Engine::kPostgres && key == CaseRule::kSensitive && column == CaseRule::kSensitive) return;
    if (key == CaseRule::kInsensitive && column == CaseRule::kSensitive) {
      stricter(s, name_ + " ignores case (COLLATE " + p.collation.str() + ") and the lookup does not");
      return;
    }
    const std::string of_column = c->collation.empty() ? "the default collation" : "COLLATE " + c->collation.str();
    if (key == CaseRule::kUnknown || column == CaseRule::kUnknown) s.certain = false;
    hazard(s, name_ + " compares " + p.column.str() + " with COLLATE " + p.collation.str() + ", the lookup with " + of_column);
  }

  const Catalog& catalog_;
  const Table& table_;
  const Lookup& lookup_;
  std::string name_;
};

}  // namespace

Protection protects(const Catalog& catalog, const Table& table, const std::vector<LookupColumn>& lookup_columns) {
  Protection result;
  const Lookup lookup(catalog, table, lookup_columns);
  KeyJudge judge(catalog, table, lookup);
  if (lookup_columns.empty()) {
    result.why_not = "the lookup fixes no column";
    return result;
  }

  const Key* stricter = nullptr;
  Standing stricter_standing, best;
  const Key* best_key = nullptr;
  for (const Key& key : table.keys) {
    if (!key.unique || key.parts.empty()) continue;
    Standing s = judge.judge(key);
    if (s.kind == Standing::Kind::kProtects && !s.stricter) {
      result.key = &key;
      return result;
    }
    if (s.kind == Standing::Kind::kProtects && stricter == nullptr) {
      stricter = &key;
      stricter_standing = std::move(s);
      continue;
    }
    if (s.kind == Standing::Kind::kUnrelated || s.kind == Standing::Kind::kProtects) continue;
    // The nearest miss: one that is fixed whole and fails for the fewest reasons, else the first superset.
    const bool nearer = best_key == nullptr ||
                        (s.kind == Standing::Kind::kDefeated && (best.kind == Standing::Kind::kSuperset || s.hazards < best.hazards));
    if (nearer) {
      best = std::move(s);
      best_key = &key;
    }
  }
  if (stricter != nullptr) {
    result.key = result.near_miss = stricter;
    result.why_not = stricter_standing.reason;
    result.certain = stricter_standing.certain;
    return result;
  }
  result.certain = !table.keys_incomplete && !table.is_view;
  if (best_key != nullptr) {
    result.near_miss = best_key;
    result.why_not = best.reason;
    result.certain = result.certain && best.certain;
    return result;
  }
  std::vector<std::string> names;
  for (const LookupColumn& c : lookup_columns) names.push_back(c.column.empty() ? c.expression : c.column);
  if (table.is_view)
    result.why_not = table.name.str() + " is a view: the keys are those of the tables under it";
  else if (table.keys_incomplete)
    result.why_not = "not all keys of " + table.name.str() + " are known";
  else
    result.why_not = "no unique key of " + table.name.str() + " is on " + join(names, ", ") + " or part of it";
  return result;
}

}  // namespace dbaudit
