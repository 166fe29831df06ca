#pragma once
// Upserts keep the semantics of the pair they replace: both forms run alone on a real engine, from the same rows, leave the same rows and tell the
// application of the same row. The pairs are a table written by hand and what a seeded generator makes of the engine's types and clauses.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/base/engine.h"

namespace dbaudit {

/// A value of a statement. Nothing: NULL.
struct PairValue {
  std::optional<std::string> text;
  bool quoted = true;  ///< false: a number
};

enum class PlaceholderStyle : uint8_t { kLiterals, kPlaceholders };

/// A lookup, the INSERT when it found nothing, and where they start from.
struct UpsertPair {
  std::string what;
  std::vector<std::string> ddl;
  std::string table;           ///< as SQL
  std::string lookup, insert;  ///< `{0}` stands for values[0]
  std::vector<PairValue> values;
  PlaceholderStyle style = PlaceholderStyle::kPlaceholders;
  std::vector<std::vector<std::string>> starts;  ///< INSERTs, one list a start; a start without rows is always tried
  bool must_have_upsert = true;
  bool key_is_there = false;  ///< so the second session's INSERT is refused
};

struct PairRows {
  std::string error;  ///< empty: it went well
  std::vector<std::vector<std::string>> rows;
};

/// A database of its own on one engine, for the statements of one session.
class PairDatabase {
 public:
  virtual ~PairDatabase() = default;
  [[nodiscard]] virtual Engine engine() const = 0;
  [[nodiscard]] virtual std::string dsn() const = 0;
  /// Drops what `ddl` made and runs it again.
  virtual void make(const UpsertPair& pair) = 0;
  /// Removes all rows; numbers begin again.
  virtual void empty(const UpsertPair& pair) = 0;
  /// One statement with its parameters as the application's driver would send them.
  virtual PairRows run(const std::string& sql, const std::vector<PairValue>& parameters) = 0;
};

/// Scans a log of the pair, takes the fix that the report gives, and compares. Adds to `upserts` when there was one.
void check_pair(PairDatabase& database, const UpsertPair& pair, size_t& upserts);

/// The pairs of the table that this engine can run.
[[nodiscard]] std::vector<UpsertPair> written_pairs(Engine engine);
/// Number `n` of the generator's pairs: the same for the same number.
[[nodiscard]] UpsertPair generated_pair(Engine engine, uint64_t n);

}  // namespace dbaudit
