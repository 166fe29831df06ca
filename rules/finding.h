#pragma once
// What an audit says: findings with their evidence and fixes. A Finding owns its strings, but for the Names: those many findings have in common.
// Reports only print it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/name.h"
#include "analyzers/base/rare.h"
#include "analyzers/base/time.h"

namespace dbaudit {

enum class Severity : uint8_t { kError, kWarning, kNote };                   ///< most severe first
enum class Confidence : uint8_t { kPossible, kLikely, kObserved, kProven };  ///< least sure first
enum class Scope : uint8_t { kNone, kLevelBased, kScopeBased };
enum class Applicability : uint8_t { kSafe, kUnsafe, kDisplayOnly };

[[nodiscard]] std::string_view severity_name(Severity s);      ///< `error`
[[nodiscard]] std::string_view confidence_name(Confidence c);  ///< `likely`
[[nodiscard]] std::string_view scope_name(Scope s);            ///< `level-based`; empty for kNone
[[nodiscard]] std::string_view applicability_name(Applicability a);
[[nodiscard]] std::optional<Severity> parse_severity(std::string_view s);
[[nodiscard]] std::optional<Confidence> parse_confidence(std::string_view s);

/// A place in an input.
struct Place {
  Name file;          ///< path as given; empty when not from a log
  uint64_t line = 0;  ///< 1-based; 0 unknown
};

struct FindingStatement {
  std::string role;  ///< `read`, `write`, `insert`, `lock`, `re-read`, …
  std::string sql;   ///< template with slots as `?` (masked); with values when --show-values
  Place place;
  std::string session;
  TimePoint time;
};

struct Evidence {
  std::string kind;  ///< CLI.md: `overlap`, `duplicate-key-error`, `same-value-written-twice`, `live-duplicates`, …
  std::string text;  ///< one sentence, values masked
  Place place;
};

/// One step of the interleaving drawn by the text and HTML reports: session 0 or 1, what it does, and whether it is where things break.
struct InterleavingStep {
  int session = 0;
  std::string text;  ///< `SELECT … WHERE user_id = ?  → no row`
  bool breaks = false;
};

/// Where the statements of Fix::sql belong, by index; what the checks need to know to put the program together anew. Not reported.
///
/// The first `once` of them are run once, by a person: queries, DDL. The rest is the program's, each time. One that stands where the finding's read (or
/// write) stood is named by `read` (`write`); those before it come directly before, those behind directly after. Where they bring a transaction of their
/// own, or lock for it, they enclose the finding's transactions: what comes first goes to their beginning, what comes last to their end.
struct FixUse {
  static constexpr int kStays = -1;  ///< the program's statement is as it was
  static constexpr int kGoes = -2;   ///< it is not needed any more
  int once = 0;
  int read = kStays, write = kStays;
  int own = -1;  ///< the program's own statements, the finding's among them, stand before this entry; -1: no such place
  /// The kind of the fix of the same finding that must have been applied before: an upsert needs its `unique-index`.
  std::string_view after = {};
};

struct Fix {
  Name kind;  ///< CLI.md `fixes.kind`: `unique-index`, `upsert`, `atomic-update`, `lock`, `orm`, …
  std::string title;
  Applicability applicability = Applicability::kUnsafe;
  std::vector<std::string> sql;      ///< statements to paste, in order; empty for an ORM fix
  std::string code;                  ///< ORM code; empty for SQL
  std::string trade_off;             ///< one line: what it locks, blocks or changes
  std::vector<std::string> checked;  ///< `parses`, `runs`, `silences`: only what was really done
  FixUse use = {};
  /// Parallel to `sql` once the fix was checked: the statements with values in the places of their parameters, for a trial run. Not reported.
  std::vector<std::string> trial = {};
};

/// What the live data can show of a finding (`--check-data`).
enum class DataQuestion : uint8_t {
  kNone,
  kDuplicates,  ///< are there rows that a lookup by the key finds twice?
  kOrphans,     ///< are there rows whose parent is gone?
};

/// The question itself, in names of the schema. Not reported.
struct DataCheck {
  DataQuestion question = DataQuestion::kNone;
  std::string table;                        ///< as in Finding::tables
  std::vector<std::string> columns;         ///< duplicates: K, columns and expressions; orphans: those that name the parent
  std::vector<std::string> null_columns;    ///< duplicates: only rows in which these are NULL count (soft delete)
  std::string parent;                       ///< orphans: the other table
  std::vector<std::string> parent_columns;  ///< orphans: parallel to `columns`
  /// False: many rows of one key may be what is meant, so that finding them proves nothing.
  bool proves = true;
};

struct Finding {
  Name code, name;
  Severity severity = Severity::kError;
  Confidence confidence = Confidence::kPossible;
  Scope scope = Scope::kNone;
  std::string message;  ///< one sentence: what happens to the data
  Name why;             ///< what the engine does at this level, and whether a stronger level helps
  Engine engine = Engine::kUnknown;
  Name isolation;                   ///< `READ COMMITTED`, `AUTOCOMMIT`; empty when unknown
  std::vector<std::string> tables;  ///< qualified when the schema tells
  std::vector<std::string> columns, key_columns;
  uint64_t occurrences = 0;
  uint64_t sessions = 0;        ///< sessions that ran it
  uint64_t sessions_total = 0;  ///< sessions seen in the inputs
  TimePoint first_time, last_time;
  double window_p50_ms = -1, window_max_ms = -1;  ///< between read and write; -1 unknown
  std::string orm_name, orm_call;                 ///< empty when not recognised
  std::string source_file, source_route;
  int64_t source_line = 0;
  std::vector<FindingStatement> statements;
  std::vector<InterleavingStep> interleaving;
  std::vector<Evidence> evidence;
  std::vector<Fix> fixes;
  std::vector<std::string> related;  ///< codes of rules that also fit, less specifically
  uint64_t fingerprint = 0;
  Rare<DataCheck> data;
  uint32_t shown_by = 0;  ///< for Audit::check_fixes: which of its examples show this finding, from 1; 0: none. Not reported.
};

/// Severity, then confidence (surest first), then code, then place.
[[nodiscard]] bool report_order(const Finding& a, const Finding& b);
/// Into report_order; equals stay as they were.
void sort_for_report(std::vector<Finding>& findings);

}  // namespace dbaudit
