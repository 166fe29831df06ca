#pragma once
// A statement's template taken apart and put together again with something added. The parts that stay are copied, so a fix reads like the
// statement it comes from; only placeholders are spelt anew, as the engine numbers them.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/sql/lexer.h"
#include "rules/suggest/suggest.h"

namespace dbaudit::suggest {

/// A statement being written. Its parameters are those of the original, by number from 0, and new ones that get a name.
class Draft {
 public:
  explicit Draft(Engine engine) : engine_(engine) {}
  /// Appends text without parameters as it is.
  Draft& text(std::string_view s);
  /// Appends the original's parameter.
  Draft& parameter(int original);
  /// Appends a parameter that the original has not: `name` says to a person what to bind. The same name is the same parameter.
  Draft& new_parameter(std::string_view name);

  [[nodiscard]] const std::string& sql() const { return sql_; }
  /// `Parameters: 1 the amount, 2 as the old 2, 3 the amount.`; empty when they are those of the original, in its order.
  [[nodiscard]] std::string parameters() const;

 private:
  struct Bound {
    int original = -1;
    std::string name;
    friend bool operator==(const Bound&, const Bound&) = default;
  };
  Draft& bind(Bound b);

  Engine engine_;
  std::string sql_;
  std::vector<Bound> bound_;  // in the order in which the driver takes them
};

/// The tokens of a template: slots are `?`, and names that need it stand in double quotes whatever the engine.
class Pieces {
 public:
  Pieces(std::string_view sql, const Material& m);
  Pieces(const Pieces&) = delete;  // the tokens are views into its own copy of the text
  Pieces& operator=(const Pieces&) = delete;

  [[nodiscard]] size_t size() const { return pieces_.size(); }
  /// Token `i` is this unquoted word, any case. False past the end.
  [[nodiscard]] bool is(size_t i, std::string_view word) const;
  [[nodiscard]] bool is_punct(size_t i, char c) const;
  /// The first token at `from` or later, outside of parentheses, that is one of the words; size() when there is none.
  [[nodiscard]] size_t find(std::initializer_list<std::string_view> words, size_t from = 0) const;
  /// The same for an operator or punctuation.
  [[nodiscard]] size_t find_sign(std::string_view sign, size_t from, size_t to) const;
  /// Token `i` as a name, unquoted; empty when it cannot be one.
  [[nodiscard]] std::string name(size_t i) const;
  /// Does a parameter stand among the tokens [from, to) where PostgreSQL would take it for text, or for nothing, whatever column the value is for: in
  /// COALESCE, CASE, a subquery, jsonb_build_object? What the application sends there has a type; a fix cannot say which.
  [[nodiscard]] bool has_untyped_value(size_t from, size_t to) const;
  /// Copies tokens [from, to) into the draft, keywords in upper case, a blank before the first when the draft wants one.
  void copy(size_t from, size_t to, Draft& draft) const;
  /// False when the template cannot be run as a statement again: a value stands where the engine takes no parameter (`interval ?`), or there
  /// are several statements in it.
  [[nodiscard]] bool can_be_rewritten() const { return good_; }

 private:
  struct Piece {
    Token token;
    int depth = 0;
    int slot = -1;
    bool space = false;  // before it
  };
  /// A parameter that would come next, and PostgreSQL could not tell its type: `ARRAY[$1]` is text[] whatever the column is, and of `$1 + $2` it knows no
  /// operator.
  [[nodiscard]] bool cannot_be_typed(Engine engine) const;
  /// A name whose quotes the template left out as needless in most dialects: `key` on MySQL.
  [[nodiscard]] bool lost_its_quotes(size_t i) const;

  const Material& m_;
  Dialect dialect_;
  std::string sql_;
  std::vector<Piece> pieces_;
  std::vector<std::string> names_;  // of tables and columns in the statements and the schema, in lower case
  bool good_ = true;
};

/// The whole template as a statement of the engine; empty when that cannot be.
[[nodiscard]] std::string whole(std::string_view sql, const Material& m);

/// `UPDATE … SET … [FROM …] WHERE … [tail]` as token positions.
struct UpdateShape {
  struct Set {
    std::string column;                    ///< unquoted
    size_t begin = 0, value = 0, end = 0;  ///< the assignment, its value, the end of it
  };
  std::vector<Set> set;
  size_t where = 0;  ///< the token after WHERE
  size_t tail = 0;   ///< RETURNING, ORDER BY, LIMIT, or the end
  bool joins = false;
  bool good = false;  ///< one UPDATE of one table with a WHERE
};
[[nodiscard]] UpdateShape update_shape(const Pieces& pieces);

/// Copies the WHERE and adds ` AND `; an OR gets its parentheses.
void copy_where_and(const Pieces& pieces, const UpdateShape& shape, Draft& draft);

/// `INSERT INTO t (…) VALUES (…) [ON …] [RETURNING …]`, or MySQL's `INSERT INTO t SET …`, as token positions.
struct InsertShape {
  size_t into = 0;       ///< INTO, or the table: behind INSERT, REPLACE, IGNORE, OR REPLACE
  size_t columns = 0;    ///< the list of columns, or SET
  size_t conflict = 0;   ///< ON CONFLICT, ON DUPLICATE KEY; `returning` when there is none
  size_t returning = 0;  ///< RETURNING, or the end
  bool good = false;
};
[[nodiscard]] InsertShape insert_shape(const Pieces& pieces);
/// Copies it as a plain INSERT, to the end of its rows.
void copy_insert(const Pieces& pieces, const InsertShape& shape, Draft& draft);

/// The SELECT without its locking clause, and what that clause was.
struct SelectShape {
  size_t lock = 0, after_lock = 0;  ///< tokens of the clause; equal when there is none
  bool good = false;                ///< begins with SELECT
};
[[nodiscard]] SelectShape select_shape(const Pieces& pieces);

}  // namespace dbaudit::suggest
