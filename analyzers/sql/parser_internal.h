#pragma once
// The parser's inside, shared by parser.cpp (statements, packets), parser_select.cpp, parser_from.cpp (queries), parser_write.cpp (INSERT, UPDATE,
// DELETE, MERGE), parser_control.cpp (transactions, SET, locks), parser_ddl.cpp, expression.cpp, operand.cpp, call.cpp (expressions → nodes) and predicate.cpp
// (nodes → conjuncts, operands, select items). Included by nobody else.

#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/sql/dialect.h"
#include "analyzers/sql/facts.h"
#include "analyzers/sql/keywords.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit::sql_parser {

/// A token as the parser wants it: keyword found, folded elements gone.
struct Tok {
  TokenKind kind = TokenKind::kEnd;
  char punct = 0;  ///< of kPunct: the character
  Kw kw = Kw::kNone;
  bool plain = false;  ///< a quoted name that is known to hold nothing but [a-z0-9_]
  mutable Name name;   ///< what it names, once name_of() was asked
  int slot = -1;
  int list_length = 0;  ///< of the first element of a folded list
  int folded_rows = 0;  ///< rows of VALUES folded away right after this token
  std::string_view text;
};

enum class NodeKind : uint8_t {
  kBad,    ///< not understood
  kValue,  ///< literal or placeholder; slot may be -1
  kColumn,
  kStar,
  kSubquery,  ///< (SELECT …), ARRAY(SELECT …), ANY(SELECT …)
  kExists,
  kNow,
  kDefault,
  kValuesOf,  ///< VALUES(c) of ON DUPLICATE KEY UPDATE
  kCall,      ///< function call; kids are its arguments
  kRow,       ///< (a, b) and ROW(a, b)
  kCast,      ///< left::type, CAST(left AS type), left COLLATE c
  kSum,       ///< left ± right
  kCompare,
  kAnd,
  kOr,  ///< n-ary: kids
  kNot,
  kIn,       ///< left [NOT] IN right: a kValue (folded list), kRow (other list) or kSubquery
  kAny,      ///< left op ANY/ALL (right)
  kBetween,  ///< left [NOT] BETWEEN right AND third
  kIsNull,
  kLike,
  kOther,  ///< understood in place, of no interest beyond the columns it reads
};

struct Node {
  NodeKind kind = NodeKind::kBad;
  CompareOp op = CompareOp::kOther;
  bool negated = false;  ///< NOT IN, NOT LIKE, NOT BETWEEN, IS NOT NULL, minus in kSum, ALL in kAny
  bool reads_now = false;
  bool list = false;       ///< kValue: a folded list of values
  bool aggregate = false;  ///< an aggregate call is inside, outside of subqueries
  int begin = 0, end = 0;  ///< tokens
  int left = -1, right = -1, third = -1;
  int kids_begin = 0, kids_end = 0;
  int slot = -1;
  int column = -1;  ///< index into columns_
  int block = -1;
  int name = -1;  ///< token of a function's name
  int columns_begin = 0, columns_end = 0;
};

/// The qualifier of the column in VALUES(c).
constexpr int kExcludedRow = -2;

/// How tightly an operator binds; what an expression is asked for at least.
enum Power : int {
  kAssign = 1,
  kOrPower,
  kXorPower,
  kAndPower,
  kNotPower,
  kComparePower,
  kAnyOperator,
  kAdditive,
  kMultiplicative,
  kCaret,
  kConcat,
  kCollatePower,
  kPrefix,
  kTight,
};

/// The comparison an operator spells, or kOther.
[[nodiscard]] CompareOp comparison(std::string_view op);

/// A column as it stands in the text: token numbers.
struct ColumnAt {
  int qualifier = -1;
  int name = -1;
};

/// A CTE name in scope.
struct CteName {
  std::string name;
};

/// A list that is read into a spare one and copied when its size is known: lists of facts are kept for good, and take no more than they need.
/// Readers inside one another find the spare one taken, and do with an empty list.
template <typename T>
class Scratch {
 public:
  explicit Scratch(std::vector<T>& spare) : spare_(spare) { list_.swap(spare_); }
  ~Scratch() {
    list_.clear();
    if (list_.capacity() > spare_.capacity()) list_.swap(spare_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] std::vector<T>& operator*() { return list_; }
  [[nodiscard]] std::vector<T>* operator->() { return &list_; }
  void move_to(std::vector<T>& out) { out.insert(out.end(), std::make_move_iterator(list_.begin()), std::make_move_iterator(list_.end())); }

 private:
  std::vector<T>& spare_;
  std::vector<T> list_;
};

struct Parser {
  explicit Parser(const Dialect& dialect);

  /// Of one statement after another; `sql` and `all` must live until it returns.
  StatementFacts parse(std::string_view sql, std::span<const SlotToken> all, bool truncated);
  void begin(std::string_view sql, std::span<const SlotToken> all, bool truncated);
  StatementFacts run();

  // --- parser.cpp: tokens -----------------------------------------------------------------------------------------------------------
  [[nodiscard]] const Tok& tok(int ahead = 0) const {
    const size_t at = pos_ + static_cast<size_t>(ahead);
    return at < tokens_.size() ? tokens_[at] : tokens_.back();
  }
  [[nodiscard]] Kw kw(int ahead = 0) const { return tok(ahead).kw; }
  [[nodiscard]] bool is(Kw k, int ahead = 0) const { return tok(ahead).kw == k; }
  [[nodiscard]] bool is_punct(char c, int ahead = 0) const { return tok(ahead).punct == c; }
  [[nodiscard]] bool is_op(std::string_view op, int ahead = 0) const {
    return tok(ahead).kind == TokenKind::kOperator && tok(ahead).text == op;
  }
  [[nodiscard]] bool is_word(std::string_view word, int ahead = 0) const;  ///< an unquoted word that is no Kw
  [[nodiscard]] bool is_name(int ahead = 0) const {
    return tok(ahead).kind == TokenKind::kWord || tok(ahead).kind == TokenKind::kQuotedName;
  }
  [[nodiscard]] bool is_string(int ahead = 0) const { return tok(ahead).kind == TokenKind::kString && tok(ahead).list_length == 0; }
  [[nodiscard]] bool is_value(int ahead = 0) const;  ///< literal or placeholder
  [[nodiscard]] bool at_end() const { return tok().kind == TokenKind::kEnd || tok().punct == ';'; }
  [[nodiscard]] bool at_text_end() const { return tok().kind == TokenKind::kEnd; }
  /// The text ended inside what was just parsed, so what comes next could change it: it must not be believed.
  /// A few tokens that nobody took may be the beginning of what would have been taken (WITHIN GROUP, NOT IN, SKIP LOCKED).
  [[nodiscard]] bool cut() const {
    if (!truncated_) return false;
    if (at_text_end()) return true;
    return pos_ + 4 >= tokens_.size() && tok().punct == 0 && tok(1).punct != ';' && tok(2).punct != ';';
  }
  [[nodiscard]] int here() const { return static_cast<int>(pos_); }
  void advance() {
    if (pos_ + 1 < tokens_.size()) ++pos_;
  }
  bool accept(Kw k);
  bool accept_punct(char c);
  bool accept_op(std::string_view op);
  bool accept_word(std::string_view word);
  /// Consumes `c`; a missing one lowers the quality.
  bool expect_punct(char c);
  /// Skips to the `)` that closes the current level and consumes it.
  void skip_to_close();
  /// Consumes `( … )`.
  void skip_parens();
  /// Skips to the end of the statement.
  void skip_statement();
  /// Something was not understood. The first reason is kept.
  void partial(std::string_view reason);
  [[nodiscard]] bool mysql() const { return mysql_; }
  [[nodiscard]] bool postgres() const { return dialect_.engine == Engine::kPostgres; }
  [[nodiscard]] bool sqlite() const { return dialect_.engine == Engine::kSqlite; }
  [[nodiscard]] bool lenient() const { return dialect_.engine == Engine::kUnknown; }

  // --- parser.cpp: names and text ---------------------------------------------------------------------------------------------------
  [[nodiscard]] std::string name_at(int token) const;  ///< unquoted; folded when the dialect does
  [[nodiscard]] Name name_of(int token) const;         ///< the same, made once
  [[nodiscard]] Name make_name(int token) const;
  [[nodiscard]] bool same_name(Name a, Name b) const;
  bool parse_object_name(ObjectName& out);
  [[nodiscard]] std::string text_of(int begin, int end) const;
  [[nodiscard]] ColumnRef column_ref(int column) const;
  /// `( a, b, … )` of plain names.
  bool parse_name_list(std::vector<std::string>& out);

  // --- parser.cpp: statements -------------------------------------------------------------------------------------------------------
  void parse_one();
  void finish_statement();
  void statement();
  void with_statement();
  /// [WITH …] then a query or a write into block `b`. `own`: it is the statement itself, not a CTE.
  void query_or_write(int b, bool own);
  void explain();
  void resolve_columns();
  void resolve(ColumnRef& c, int block, bool only_table_tells);
  void resolve(Operand& o, int block, bool only_table_tells);
  void resolve(std::vector<Conjunct>& list, int block, bool only_table_tells);
  void resolve(std::vector<Assignment>& list, int block, bool only_table_tells);
  void hidden_body(std::string_view body);

  // --- parser_select.cpp --------------------------------------------------------------------------------------------------------------
  int new_block(int parent);
  void forget_blocks(size_t count);  ///< at a cut: those from `count` on, and the writes in them
  int wrap(int b, size_t first_inside);
  QueryBlock& block(int b) { return facts_.blocks[static_cast<size_t>(b)]; }
  /// In ON DUPLICATE KEY UPDATE, VALUES(c) is the value that the row would have had.
  [[nodiscard]] bool values_is_function() const { return in_upsert_ && !postgres(); }
  [[nodiscard]] bool at_query() const;  ///< SELECT, VALUES, TABLE, WITH, or `(` before one
  [[nodiscard]] bool query_in_parens(int ahead = 0) const;
  /// A whole query expression with its set operations and trailing clauses, into block `b` (already made).
  void query(int b);
  void query_primary(int b);
  void select_core(int b);
  void select_items(int b);
  bool plain_item(int b, ColumnRef& column);
  void values_rows(int b);
  void query_tail(int b);
  bool tail_clause(int b);
  bool core_clause(int b);
  void clause_order(Kw before, Kw clause);
  void with_clause(int b);
  bool cte_in_scope(const ObjectName& name) const;
  void from_clause(int b);
  void table_list(int b, TableRole role);
  void join_condition(int b, bool filters);
  void time_travel();
  void join_tree(int b, TableRole role);
  void table_factor(int b, TableRole role);
  void table_alias(TableRef& t);
  void index_hints();
  void where_clause(int b);
  void order_by(int b);
  void limit_clause(int b);
  bool lock_clause(int b);
  void into_clause();
  /// Skips what could not be read up to the next clause of this level.
  void resynchronise(std::string_view reason);
  void skip_to_clause();
  void skip_to_item_end();
  [[nodiscard]] bool at_clause() const;

  // --- parser_write.cpp ---------------------------------------------------------------------------------------------------------------
  /// Each fills the write it is given (an index into facts_.writes) and uses block `b` for its own tables and predicate.
  void insert(int w, int b);
  void update(int w, int b);
  void remove(int w, int b);
  void merge(int w, int b);
  int new_write(StatementKind kind);
  Write& write(int w) { return facts_.writes[static_cast<size_t>(w)]; }
  void values_of_insert(int w, int b);
  void on_conflict(int w, int b);
  void on_duplicate(int w, int b);
  void set_list(int w, int b, std::vector<Assignment>& out, bool upsert);
  void returning(int w);
  void insert_columns(int w, int b);
  void forget_write(int w, int b, size_t blocks);
  void updated_tables(int w, int b);
  void deleted_tables(int w, int b, const std::vector<ObjectName>& names);
  void select_as_values(int w, int b);

  // --- parser_control.cpp -------------------------------------------------------------------------------------------------------------
  void settle_control();  ///< of a statement that was cut: forgets what only the whole one can say
  void begin_or_start();
  void commit_or_rollback();
  void savepoint_or_release();
  void transaction_modes();
  void set_statement();
  void set_variable();
  void lock_statement();
  void unlock_statement();
  void prepare_statement();
  void xa_statement();
  void advisory_call(const Node& call);
  void mysql_implicit_commit();

  // --- parser_ddl.cpp -----------------------------------------------------------------------------------------------------------------
  void create_statement();
  void create_table();
  void create_index(bool unique);
  void table_elements();
  void alter_table();
  void drop_statement();
  void routine_body();
  void unique_key();
  bool key_columns(std::vector<std::string>& out);

  // --- expression.cpp -----------------------------------------------------------------------------------------------------------------
  /// An expression; the index of its node, which lives until release(). Never fails: what it cannot read is kBad and lowers quality.
  int expression(int b, int min_power = 0);
  int operand(int b);
  int operand_word(int b);
  int paren(int b);
  int postfix(int b, int node, int start);
  int call(int b, int start);
  int call_tail(int b, int node);
  int arguments(int b, int node);
  int subquery(int b, NodeKind kind, int start);
  int sequence(int b, int start);
  int array_elements(int b);
  int case_expression(int b, int start);
  int in_list(int b, int left, int start, bool negated);
  int column_or_call(int b);
  int column_or_call_at(int b, int name);  ///< the call whose last name is token `name`
  int infix(int b, int left, int start, int min_power, bool& done);
  void type_name();
  void over_clause(int b);
  void interval_unit();
  int make(NodeKind kind, int start, int columns_begin);
  int finish(int node);  ///< sets where it ends
  int bad(int start);
  Node& node(int n) { return nodes_[static_cast<size_t>(n)]; }
  [[nodiscard]] const Node& node(int n) const { return nodes_[static_cast<size_t>(n)]; }
  struct Mark {
    size_t nodes, kids, columns;
  };
  [[nodiscard]] Mark mark() const { return {nodes_.size(), kids_.size(), columns_.size()}; }
  void release(const Mark& m);

  // --- predicate.cpp ------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] int strip(int n) const;         ///< without casts and collations
  [[nodiscard]] bool is_constant(int n) const;  ///< a truth value or comparison made of nothing but values
  void add_conjuncts(int n, std::vector<Conjunct>& out, bool& exact, bool from_join);
  void add_conjunct(int n, std::vector<Conjunct>& out, bool& exact, bool from_join, bool negated, int whole);
  bool add_comparison(int left, CompareOp op, int right, Conjunct& out);
  void set_left(int n, Conjunct& c);
  [[nodiscard]] Operand operand_of(int n) const;
  [[nodiscard]] std::vector<ColumnRef> columns_of(const Node& n) const;
  [[nodiscard]] int block_inside(const Node& n) const;
  [[nodiscard]] SelectItem item_of(int n) const;
  [[nodiscard]] Operand assigned(int n, const ColumnRef& target, const Write& w, bool upsert) const;
  [[nodiscard]] bool is_self(const ColumnRef& c, const ColumnRef& target, const Write& w, bool upsert) const;
  [[nodiscard]] bool is_excluded(const ColumnRef& c) const;

  // --- state --------------------------------------------------------------------------------------------------------------------------
  const Dialect& dialect_;
  std::string_view sql_;
  int own_write_ = -1;  ///< index of the statement's own write
  bool mysql_ = false;
  bool truncated_ = false;
  bool hit_end_ = false;  ///< the text ended where something had to follow
  bool hidden_ = false;   ///< parsing the body of a function
  int depth_ = 0;
  size_t pos_ = 0;
  std::span<Tok> tokens_;        ///< in token_room_; the last is kEnd
  std::vector<Tok> token_room_;  ///< of this statement and of longer ones before it
  StatementFacts facts_;
  std::vector<Node> nodes_;
  std::vector<int> kids_;
  std::vector<ColumnAt> columns_;
  std::vector<CteName> ctes_;
  std::vector<bool> from_known_;  ///< parallel to facts_.blocks: its tables are all there (false when the text was cut before)
  std::string row_alias_;         ///< `AS new` of an INSERT
  std::vector<std::string> row_alias_columns_;
  bool in_upsert_ = false;
  bool element_written_ = false;  ///< SET a.field = …
  int capture_block_ = -1;        ///< the block whose select items also become insert_values
  std::vector<Operand> captured_;
  std::vector<int> closes_;      ///< parallel to tokens_: of `(` the token of its `)`, else -1
  std::vector<int> open_;        ///< while closes_ is made
  std::vector<ColumnAt> outer_;  ///< qualified columns of the subqueries being read: those of no table inside belong to the outside
  int bad_nodes_ = 0;            ///< how often an expression was not understood
  int query_level_ = 0;          ///< subqueries open around the current token

  // Room for lists while they are read; see Scratch.
  std::vector<int> spare_kids_;
  std::vector<SelectItem> spare_items_;
  std::vector<Name> spare_names_;
  std::vector<Conjunct> spare_conjuncts_;
  std::vector<Assignment> spare_assignments_;
};

/// Deeper nesting than this is not read: its facts would be lost anyway, and the stack is finite.
constexpr int kMaxDepth = 100;

/// One level deeper for the life of the object.
class Deeper {
 public:
  explicit Deeper(Parser& p) : p_(p) { ++p_.depth_; }
  ~Deeper() { --p_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  [[nodiscard]] bool too_deep() const { return p_.depth_ > kMaxDepth; }

 private:
  Parser& p_;
};

}  // namespace dbaudit::sql_parser
