#pragma once
// The reader behind apply_ddl(): one file's statements applied to a catalogue. Internal to schema/ddl*.cpp.
//
// ddl.cpp        where statements begin and end, and which of them matter
// ddl_table.cpp  CREATE TABLE: columns, constraints, options
// ddl_index.cpp  key parts, CREATE INDEX, foreign keys: what keys are made of
// ddl_alter.cpp  ALTER, RENAME, DROP

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/hash_table.h"
#include "analyzers/schema/catalog.h"
#include "analyzers/schema/ddl_cursor.h"
#include "analyzers/schema/table_places.h"

namespace dbaudit {

class DdlReader {
 public:
  DdlReader(std::string_view text, std::string_view file_name, Catalog& catalog);
  void run();

 private:
  struct Statement {
    std::vector<Token> tokens;
    size_t offset = 0;  // where it begins in text_
    size_t end = 0;     // behind its terminator
    bool cut = false;   // the text ended inside it
  };
  /// What may follow any constraint.
  struct ConstraintTail {
    bool deferrable = false, deferred = false, enforced = true, visible = true, inherited = true;
  };
  /// What a column's type says of the column.
  struct TypeRead {
    std::string_view text;  ///< of the tokens that were read
    size_t tokens = 0;      ///< how many
    Name type;
    bool is_unsigned = false;
    bool counts = false;  ///< serial
  };
  /// What a column's definition says of other things than the column.
  struct ColumnExtras {
    std::vector<Key> keys;
    std::vector<ForeignKey> foreign_keys;
    std::vector<std::pair<std::string, std::span<const Token>>> checks;  // name, expression
  };

  // ddl.cpp
  size_t skip_blank(size_t pos);
  void note_directive(std::string_view comment);
  bool read_delimiter_command(size_t& pos);
  void read_statement(size_t pos, Statement& s) const;
  void read_delimited(size_t pos, Statement& s) const;
  size_t resync(const Statement& s) const;
  size_t skip_copy_data(size_t pos) const;
  void apply(const Statement& s);
  bool create(DdlCursor& c);
  bool drop(DdlCursor& c);
  bool alter(DdlCursor& c);
  void set_search_path(DdlCursor& c, bool of_the_application);
  void not_understood(const Statement& s, std::string_view what, const DdlCursor& c);
  void note(size_t offset, const std::string& what);
  int line_at(size_t offset);
  void finish();

  // The tables by name. Indexes into catalog_.tables; a dropped table has an empty name until finish().
  Table* find(const QualifiedName& n);
  Table& add_table(const QualifiedName& n);
  void remove_table(Table& t);
  void index_table(size_t i) { by_name_.add(catalog_.tables[i].name, static_cast<uint32_t>(i)); }
  std::string schema_for(const QualifiedName& n) const;
  bool same_name(std::string_view a, std::string_view b) const;

  // ddl_table.cpp
  bool create_table(DdlCursor& c);
  bool table_elements(DdlCursor& c, Table& t);
  bool table_element(DdlCursor& c, Table& t);
  bool table_constraint(DdlCursor& c, Table& t, bool& handled);
  bool column_definition(DdlCursor& c, Table& t, Column& column, ColumnExtras& extras);
  bool column_constraint(DdlCursor& c, Table& t, Column& column, ColumnExtras& extras);
  void add_column(Table& t, Column column, ColumnExtras&& extras, size_t place);
  void column_type(DdlCursor& c, Column& column);
  const TypeRead& known_type(std::span<const Token> tokens);
  [[nodiscard]] TypeRead read_type(std::span<const Token> tokens) const;
  void table_options(DdlCursor& c, Table& t);
  void partition_of(Table& t, const Table& parent);
  void copy_table(Table& t, const Table& source, bool keys);
  void finish_sqlite_table(Table& t);
  bool create_view(DdlCursor& c);
  bool create_trigger(DdlCursor& c);

  // ddl_index.cpp
  bool key_parts(DdlCursor& c, std::vector<KeyPart>& parts);
  bool key_part(DdlCursor& c, KeyPart& part);
  bool create_index(DdlCursor& c, bool unique);
  bool foreign_key(DdlCursor& c, Table& t, ForeignKey& fk);
  bool unique_tail(DdlCursor& c, Key& key);
  ConstraintTail constraint_tail(DdlCursor& c);
  bool exclusion(DdlCursor& c, Table& t, const std::string& name);
  void add_key(Table& t, Key key);
  void add_check(Table& t, const std::string& name, std::span<const Token> expression);
  static void own_collation_only(const Table& t, KeyPart& p);
  std::string generated_name(const Table& t, const std::vector<std::string>& parts, std::string_view label) const;

  // ddl_alter.cpp
  bool alter_table(DdlCursor& c);
  bool alter_action(DdlCursor& c, Table& t);
  bool alter_add(DdlCursor& c, Table& t);
  bool alter_drop(DdlCursor& c, Table& t);
  bool alter_column(DdlCursor& c, Table& t);
  bool alter_rename(DdlCursor& c, Table& t);
  bool alter_index(DdlCursor& c);
  bool attach_partition(DdlCursor& c, Table& t);
  bool change_column(DdlCursor& c, Table& t, const std::string& old_name);
  void place_column(DdlCursor& c, Table& t, const std::string& name);
  void drop_column(Table& t, const std::string& name);
  void rename_column(Table& t, const std::string& from, const std::string& to);
  void rename_table(Table& t, const QualifiedName& to);
  bool rename_tables(DdlCursor& c);
  bool drop_constraint(Table& t, const std::string& name);
  Key* find_key(Table& t, std::string_view name);
  Key* find_index(const QualifiedName& n, Table** owner);

  std::string_view text_;
  std::string file_;
  Catalog& catalog_;
  Engine engine_;
  const Dialect& dialect_;
  std::string delimiter_ = ";";
  std::string current_schema_;
  bool keys_incomplete_ = false;  // the directive was seen
  TablePlaces by_name_;
  HashTable<TypeRead> types_;  // by hash of the text
  size_t line_offset_ = 0;     // line_at's memory
  int line_ = 1;
  size_t notes_ = 0;
  size_t statement_offset_ = 0;
  std::vector<std::string> own_charset_;  // of the CREATE TABLE at hand: columns that the table's COLLATE does not reach
  bool descending_primary_key_ = false;   // SQLite: `INTEGER PRIMARY KEY DESC` in a column is no rowid alias
  std::set<std::pair<std::string, std::string>> not_inherited_;  // PostgreSQL: table and check of CHECK … NO INHERIT
  bool partly_understood_ = false;                               // of the statement at hand: kept, but counted
};

}  // namespace dbaudit
