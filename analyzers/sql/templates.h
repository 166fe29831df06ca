#pragma once
// The table of templates: every distinct statement shape seen, parsed once.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/hash_table.h"
#include "analyzers/base/shared_text.h"
#include "analyzers/sql/facts.h"
#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/parser.h"
#include "analyzers/sql/statement_start.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {

class KnownShapes;

struct Template {
  /// Bytes at its beginning that hold what is asked of the template of every statement.
  static constexpr size_t kNear = 128;

  uint32_t id = 0;
  bool is_op = false;        ///< is_op(facts)
  bool locks_rows = false;   ///< some block of it has FOR UPDATE or the like
  uint64_t fingerprint = 0;  ///< of the text, and of what keeps it apart: being cut, its directives
  StatementFacts facts;
  SharedText text;  ///< normalised, slots as `?`
  uint32_t slots = 0, row_slots = 0, first_row_slot = 0;
  RareList<std::string> directives;  ///< `dbaudit:` comments
};

class Templates {
 public:
  /// With more of them than this, what belongs to one is mostly far away when it is looked for.
  static constexpr size_t kMany = 4096;

  explicit Templates(const Dialect& dialect, size_t cap = 100'000);
  ~Templates();
  /// The template of `sql`; parsed at its first sight. A truncated statement never shares a template with a whole one. Past the cap an
  /// unseen statement gets the shared opaque template 0 and is counted in dropped(). The pointer stays valid for the table's life.
  const Template* intern(std::string_view sql, bool truncated) { return intern(sql, truncated, start_of(sql)); }
  /// The same with start_of() the statement.
  const Template* intern(std::string_view sql, bool truncated, const StatementStart& start);
  /// For who knows the statements to come: a statement with this start is interned soon. expect() first, expect_shape() a little later, and once more
  /// where it has made the start longer: what one call has fetched says where the next is to look.
  [[nodiscard]] static StatementStart start_of(std::string_view sql);
  void expect(const StatementStart& start) const;
  void expect_shape(StatementStart& start, std::string_view sql) const;
  /// Values of the statement last interned, whose bytes must still be there. Nothing for template 0.
  BoundValues bind(std::span<const BindValue> params, bool has_params, Arena& arena) const;
  /// May the statement last interned hold a comment? False: certainly not.
  [[nodiscard]] bool has_comment() const { return last_has_comment_; }
  /// The savepoint (cursor, prepared statement) that the statement last interned names, unquoted into `out`; the template only has `sp`.
  void object_name(std::string& out) const;
  [[nodiscard]] size_t size() const { return templates_.size() - 1; }  ///< without template 0
  [[nodiscard]] uint64_t dropped() const { return dropped_; }
  [[nodiscard]] const Template& operator[](uint32_t id) const { return *templates_[id]; }
  [[nodiscard]] const Dialect& dialect() const { return dialect_; }

 private:
  /// A text that came more than once: what a placeholder stands for, COMMIT, a health check. Its template is known without a look at its words.
  struct Known {
    const Template* of = nullptr;
    bool truncated = false;
    bool has_comment = false;
    uint32_t name_at = 0, name_size = 0;  ///< of object_name() in the text
    std::string text;
    std::unique_ptr<Lifted> lifted;
  };
  /// Texts whose hashes fall together; of most statements a look at the hashes tells that none of them is theirs.
  struct KnownSet {
    std::array<uint64_t, 4> hashes{};
    std::array<std::unique_ptr<Known>, 4> ways;
    uint8_t next = 0;  ///< the way to be replaced next
  };

  /// nullptr: not known so.
  const Template* by_text(std::string_view sql, uint64_t hash, bool truncated);
  const Template* by_shape(std::string_view sql, const StatementStart& start);
  const Template* by_words(std::string_view sql, bool truncated);
  void remember_shape(std::string_view sql, const Normalised& n, bool cut, const Template* of);
  void remember_text(std::string_view sql, uint64_t hash, bool truncated, const Template* of);

  const Dialect& dialect_;
  size_t cap_;
  uint64_t dropped_ = 0;
  Fingerprinter fingerprinter_;
  StatementParser parser_;
  std::unique_ptr<KnownShapes> shapes_;
  std::vector<KnownSet> known_;      // by hash_of_some()
  std::vector<uint64_t> seen_once_;  // hashes, by their lowest bits
  std::vector<SlotToken> tokens_;    // of the statement that by_words() looks at
  std::string_view last_name_;       // object_name() of the statement last interned
  bool last_has_comment_ = false;
  std::vector<std::unique_ptr<Template>> templates_;
  HashTable<uint32_t> by_fingerprint_;
  bool last_dropped_ = false;
};

}  // namespace dbaudit
