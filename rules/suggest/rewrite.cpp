#include "rules/suggest/rewrite.h"

#include <algorithm>

#include "analyzers/base/text.h"
#include "rules/suggest/names.h"

namespace dbaudit::suggest {
namespace {

/// Templates are in lower case. These words are shown in upper case, as people write SQL; not one of them can name a table without quotes in a
/// dialect where the case of a table's name matters.
bool is_clause_word(std::string_view word) {
  static constexpr std::string_view kWords[] = {
      "all",    "and",    "as",    "asc",  "between", "by",     "case",   "cross",  "default", "delete", "desc",  "distinct",  "else",
      "end",    "exists", "for",   "from", "group",   "having", "in",     "inner",  "insert",  "into",   "is",    "join",      "left",
      "like",   "limit",  "lock",  "mode", "not",     "null",   "offset", "on",     "or",      "order",  "outer", "returning", "right",
      "select", "set",    "share", "then", "union",   "update", "using",  "values", "when",    "where",  "with"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

/// Words before a literal that make one token of syntax with it; a parameter cannot stand there. MySQL's `INTERVAL ? DAY` takes one.
bool takes_only_literals(std::string_view word, Engine engine) {
  static constexpr std::string_view kWords[] = {"date", "time", "timestamp", "timestamptz"};
  return (engine == Engine::kPostgres && iequals(word, "interval")) ||
         std::any_of(std::begin(kWords), std::end(kWords), [word](std::string_view w) { return iequals(w, word); });
}

/// Types whose length stands in parentheses after them, and is a literal too. CHAR(?) is a function but on PostgreSQL.
bool is_sized_type(std::string_view word, Engine engine) {
  static constexpr std::string_view kWords[] = {"decimal", "numeric", "varchar", "varying"};
  return (engine == Engine::kPostgres && (iequals(word, "char") || iequals(word, "character") || iequals(word, "bit"))) ||
         std::any_of(std::begin(kWords), std::end(kWords), [word](std::string_view w) { return iequals(w, word); });
}

std::string upper(std::string_view s) {
  std::string result(s);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

void add_names(const StatementFacts& facts, std::vector<std::string>& names) {
  const auto add = [&names](const std::string& name) {
    if (!name.empty()) names.push_back(to_lower(name));
  };
  for (const QueryBlock& b : facts.blocks) {
    for (const TableRef& t : b.tables) {
      add(t.name.name);
      add(t.alias);
    }
    for (const SelectItem& i : b.items) add(i.column.name);
    for (const Conjunct& c : b.where) {
      add(c.column.name);
      for (const ColumnRef& r : c.columns) add(r.name);
    }
    for (const OrderItem& o : b.order_by) add(o.column.name);
  }
  for (const Write& w : facts.writes) {
    for (const ObjectName& t : w.targets) add(t.name);
    add(w.target_alias);
    for (const std::string& c : w.insert_columns) add(c);
    for (const Assignment& a : w.set) add(a.column.name);
  }
}

}  // namespace

Draft& Draft::text(std::string_view s) {
  sql_ += s;
  return *this;
}

Draft& Draft::parameter(int original) { return bind({original, {}}); }

Draft& Draft::new_parameter(std::string_view name) { return bind({-1, std::string(name)}); }

Draft& Draft::bind(Bound b) {
  if (engine_ != Engine::kPostgres) {
    bound_.push_back(std::move(b));
    sql_ += '?';
    return *this;
  }
  size_t number = static_cast<size_t>(std::find(bound_.begin(), bound_.end(), b) - bound_.begin());
  if (number == bound_.size()) bound_.push_back(std::move(b));
  sql_ += '$' + std::to_string(number + 1);
  return *this;
}

std::string Draft::parameters() const {
  bool same = true;
  for (size_t i = 0; i < bound_.size(); ++i) same &= bound_[i].original == static_cast<int>(i);
  if (same) return {};
  std::string result = "Parameters: ";
  for (size_t i = 0; i < bound_.size(); ++i) {
    if (i > 0) result += ", ";
    result += std::to_string(i + 1) + " ";
    result += bound_[i].original < 0 ? bound_[i].name : "the old " + std::to_string(bound_[i].original + 1);
  }
  return result + ".";
}

Pieces::Pieces(std::string_view sql, const Material& m) : m_(m), dialect_(dialect_of(m.engine)), sql_(sql) {
  dialect_.double_quotes_are_strings = false;
  Lexer lexer(sql_, dialect_);
  int depth = 0, slot = 0;
  const char* end = sql_.data();
  for (;;) {
    const Token token = lexer.next();
    if (token.kind == TokenKind::kEnd) break;
    if (token.unterminated) good_ = false;
    if (token.kind == TokenKind::kPunct && token.text == ")") --depth;
    Piece piece{token, depth, -1, token.text.data() != end};
    if (token.kind == TokenKind::kPlaceholder) {
      piece.slot = slot++;
      const size_t n = pieces_.size();
      const bool after_word =
          n > 0 && pieces_[n - 1].token.kind == TokenKind::kWord && takes_only_literals(pieces_[n - 1].token.text, m.engine);
      const bool in_type = n > 1 && is_punct(n - 1, '(') && pieces_[n - 2].token.kind == TokenKind::kWord &&
                           is_sized_type(pieces_[n - 2].token.text, m.engine);
      if (after_word || in_type || cannot_be_typed(m.engine)) good_ = false;
    }
    if (token.kind == TokenKind::kPunct && token.text == "(") ++depth;
    if (token.kind == TokenKind::kPunct && token.text == ";") good_ = false;
    end = token.text.data() + token.text.size();
    pieces_.push_back(piece);
  }
  if (depth != 0 || pieces_.empty()) good_ = false;
  for (const StatementFacts* facts : {m.read, m.write}) {
    if (facts != nullptr) add_names(*facts, names_);
  }
  if (m.table != nullptr) {
    for (const Column& c : m.table->columns) names_.push_back(to_lower(c.name));
  }
}

bool Pieces::cannot_be_typed(Engine engine) const {
  const size_t n = pieces_.size();
  if (engine != Engine::kPostgres || n < 2) return false;
  const Token& before = pieces_[n - 1].token;
  if (before.text == "[" && is(n - 2, "array")) return true;
  static constexpr std::string_view kArithmetic[] = {"+", "-", "*", "/", "%", "^"};
  return pieces_[n - 2].slot >= 0 && std::find(std::begin(kArithmetic), std::end(kArithmetic), before.text) != std::end(kArithmetic);
}

bool Pieces::has_untyped_value(size_t from, size_t to) const {
  if (m_.engine != Engine::kPostgres) return false;
  static constexpr std::string_view kPolymorphic[] = {
      "coalesce", "greatest", "least",   "nullif",   "json_build_object", "jsonb_build_object", "json_build_array", "jsonb_build_array",
      "concat",   "format",   "to_json", "to_jsonb", "json_object_agg",   "concat_ws",          "select",           "then",
      "else",     "row"};
  const auto is_one = [this](size_t i) {
    return std::any_of(std::begin(kPolymorphic), std::end(kPolymorphic), [this, i](std::string_view w) { return is(i, w); });
  };
  for (size_t i = from; i < std::min(to, pieces_.size()); ++i) {
    if (pieces_[i].slot < 0) continue;
    if (i > 0 && is_one(i - 1)) return true;  // SELECT $1, THEN $1
    size_t open = i;
    while (open > from && !(is_punct(open, '(') && pieces_[open].depth < pieces_[i].depth)) --open;
    if (open > from && is_one(open - 1)) return true;
  }
  return false;
}

bool Pieces::lost_its_quotes(size_t i) const {
  const std::string word = to_lower(pieces_[i].token.text);
  if (quote_part(word, m_.engine) == word || is_clause_word(word) || std::find(names_.begin(), names_.end(), word) == names_.end())
    return false;
  // ON DUPLICATE KEY, FOR NO KEY UPDATE; and a function of that name.
  if (i > 0 && (is(i - 1, "duplicate") || is(i - 1, "no") || is(i - 1, "for"))) return false;
  return !is_punct(i + 1, '(') || iequals(word, bare_table(m_));
}

bool Pieces::is(size_t i, std::string_view word) const {
  return i < pieces_.size() && pieces_[i].token.kind == TokenKind::kWord && iequals(pieces_[i].token.text, word);
}

bool Pieces::is_punct(size_t i, char c) const {
  return i < pieces_.size() && pieces_[i].token.kind == TokenKind::kPunct && pieces_[i].token.text[0] == c;
}

size_t Pieces::find(std::initializer_list<std::string_view> words, size_t from) const {
  for (size_t i = from; i < pieces_.size(); ++i) {
    if (pieces_[i].depth != 0) continue;
    // A word after a dot is a name whatever it spells.
    if (i > 0 && is_punct(i - 1, '.')) continue;
    if (std::any_of(words.begin(), words.end(), [this, i](std::string_view w) { return is(i, w); })) return i;
  }
  return pieces_.size();
}

size_t Pieces::find_sign(std::string_view sign, size_t from, size_t to) const {
  for (size_t i = from; i < std::min(to, pieces_.size()); ++i) {
    const Piece& p = pieces_[i];
    const bool kind = p.token.kind == TokenKind::kOperator || p.token.kind == TokenKind::kPunct;
    if (p.depth == pieces_[from].depth && kind && p.token.text == sign) return i;
  }
  return std::min(to, pieces_.size());
}

std::string Pieces::name(size_t i) const {
  if (i >= pieces_.size()) return {};
  const Token& token = pieces_[i].token;
  if (token.kind == TokenKind::kWord) return std::string(token.text);
  std::string result;
  if (token.kind == TokenKind::kQuotedName) unquote(token, dialect_, result);
  return result;
}

void Pieces::copy(size_t from, size_t to, Draft& draft) const {
  const std::string table = bare_table(m_);
  for (size_t i = from; i < std::min(to, pieces_.size()); ++i) {
    const Piece& p = pieces_[i];
    const std::string& so_far = draft.sql();
    if (p.space && !so_far.empty() && so_far.back() != ' ' && so_far.back() != '(') draft.text(" ");
    const bool name = (i > 0 && is_punct(i - 1, '.')) || is_punct(i + 1, '.') || iequals(p.token.text, table);
    if (p.slot >= 0)
      draft.parameter(p.slot);
    else if (p.token.kind == TokenKind::kQuotedName)
      draft.text(quote_part(this->name(i), m_.engine));
    else if (p.token.kind == TokenKind::kWord && lost_its_quotes(i))
      draft.text(iequals(p.token.text, table) ? quote_part(table, m_.engine) : column_sql(m_, to_lower(p.token.text)));
    else if (p.token.kind == TokenKind::kWord && !name && is_clause_word(p.token.text))
      draft.text(upper(p.token.text));
    else
      draft.text(p.token.text);
  }
}

std::string whole(std::string_view sql, const Material& m) {
  const Pieces pieces(sql, m);
  if (!pieces.can_be_rewritten()) return {};
  Draft draft(m.engine);
  pieces.copy(0, pieces.size(), draft);
  return draft.sql();
}

UpdateShape update_shape(const Pieces& pieces) {
  UpdateShape shape;
  const size_t update = pieces.find({"update"});
  const size_t set = pieces.find({"set"}, update);
  const size_t set_end = pieces.find({"from", "where", "returning", "order", "limit"}, set);
  const size_t where = pieces.find({"where"}, set_end);
  if (!pieces.can_be_rewritten() || update != 0 || where >= pieces.size() || pieces.is(where + 1, "current")) return shape;
  // MySQL's UPDATE a, b SET … and UPDATE a JOIN b … SET … write more than one table.
  if (pieces.find_sign(",", update, set) != set || pieces.find({"join"}) < set) return shape;
  shape.joins = pieces.is(set_end, "from");
  shape.where = where + 1;
  shape.tail = pieces.find({"returning", "order", "limit"}, where);
  for (size_t begin = set + 1; begin < set_end;) {
    const size_t end = pieces.find_sign(",", begin, set_end);
    const size_t equal = pieces.find_sign("=", begin, end);
    if (equal >= end || equal == begin) return shape;
    shape.set.push_back({pieces.name(equal - 1), begin, equal + 1, end});
    begin = end + 1;
  }
  shape.good = !shape.set.empty() && shape.where < shape.tail;
  return shape;
}

void copy_where_and(const Pieces& pieces, const UpdateShape& shape, Draft& draft) {
  const bool either = pieces.find({"or", "xor"}, shape.where) < shape.tail || pieces.find_sign("||", shape.where, shape.tail) < shape.tail;
  if (either) draft.text(" (");
  pieces.copy(shape.where, shape.tail, draft);
  draft.text(either ? ") AND " : " AND ");
}

InsertShape insert_shape(const Pieces& pieces) {
  InsertShape shape;
  if (!pieces.is(0, "insert") && !pieces.is(0, "replace")) return shape;
  size_t i = 1;
  if (pieces.is(i, "or")) i += 2;
  while (pieces.is(i, "ignore") || pieces.is(i, "low_priority") || pieces.is(i, "high_priority") || pieces.is(i, "delayed")) ++i;
  shape.into = i;
  shape.returning = pieces.find({"returning"}, i);
  shape.columns = std::min(pieces.find_sign("(", i, shape.returning), pieces.find({"set"}, i));
  shape.conflict = shape.returning;
  for (size_t on = pieces.find({"on"}, i); on < shape.returning; on = pieces.find({"on"}, on + 1)) {
    if (!pieces.is(on + 1, "conflict") && !pieces.is(on + 1, "duplicate")) continue;
    shape.conflict = on;
    break;
  }
  shape.good = pieces.can_be_rewritten() && i < shape.columns && shape.columns < shape.conflict &&
               !pieces.has_untyped_value(shape.columns, shape.conflict);
  return shape;
}

void copy_insert(const Pieces& pieces, const InsertShape& shape, Draft& draft) {
  draft.text("INSERT");
  if (!pieces.is(shape.into, "into")) draft.text(" INTO");
  draft.text(" ");
  pieces.copy(shape.into, shape.columns, draft);
  draft.text(" ");
  pieces.copy(shape.columns, shape.conflict, draft);
}

SelectShape select_shape(const Pieces& pieces) {
  SelectShape shape;
  shape.good = pieces.can_be_rewritten() && pieces.is(0, "select") && pieces.find({"into"}) == pieces.size();
  shape.lock = shape.after_lock = pieces.size();
  for (size_t i = pieces.find({"for", "lock"}); i < pieces.size(); i = pieces.find({"for", "lock"}, i + 1)) {
    size_t end = i + 1;
    if (pieces.is(i, "lock")) {
      if (!pieces.is(i + 1, "in") || !pieces.is(i + 2, "share") || !pieces.is(i + 3, "mode")) continue;
      end = i + 4;
    } else {
      while (pieces.is(end, "no") || pieces.is(end, "key")) ++end;
      if (!pieces.is(end, "update") && !pieces.is(end, "share")) continue;
      ++end;
      if (pieces.is(end, "of")) {
        ++end;
        while (end < pieces.size() && !pieces.is(end, "nowait") && !pieces.is(end, "skip") && !pieces.is(end, "limit") &&
               !pieces.is(end, "wait"))
          ++end;
      }
      if (pieces.is(end, "nowait")) ++end;
      if (pieces.is(end, "skip") || pieces.is(end, "wait")) end += 2;
    }
    shape.lock = i;
    shape.after_lock = std::min(end, pieces.size());
    return shape;
  }
  return shape;
}

}  // namespace dbaudit::suggest
