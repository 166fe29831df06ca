#pragma once
// The vocabulary rules are written in: which read decided which write, what protects the pair, what a column is.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/schema/catalog.h"
#include "analyzers/trace/transaction.h"
#include "rules/finding.h"
#include "rules/rule.h"
#include "rules/suggest/suggest.h"
#include "rules/verdict.h"

namespace dbaudit {

/// How far back, in ops of the unit, the read that decided a write is looked for. A request reads what it writes soon before; a bulk load of a million
/// statements must not be compared pair by pair.
constexpr uint32_t kReach = 1000;
[[nodiscard]] constexpr uint32_t reach_from(uint32_t op) { return op > kReach ? op - kReach : 0; }

/// How a read and a write are known to mean the same row.
enum class RowLink : uint8_t {
  kNone,
  kPicked,  ///< the read picked one row of the table, the write then names one by its primary key: no value contradicts it, none proves it
  kValues,  ///< they share a key value
};

/// One access of one op of a unit.
struct ReadRef {
  uint32_t op = 0;
  const ReadAccess* access = nullptr;
};

/// Something one work unit did that decides about what another one did: a version compared, two rows locked in this order, a parent deleted. Rules
/// note it (RuleContext::note) and need it (Match::needs); whether it was noted is known at the end of the log.
[[nodiscard]] uint64_t note_key(std::string_view what, std::string_view table, std::string_view detail = {});

/// The same for what is noted of many statements: the words are hashed once, the names by whoever knows their hash.
class NoteKind {
 public:
  explicit NoteKind(std::string_view what);
  /// Equal to note_key(what, table, detail); hashes of the names.
  [[nodiscard]] uint64_t of(const AccessedTable& table) const;
  [[nodiscard]] uint64_t of(const AccessedTable& table, uint64_t detail) const;

 private:
  uint64_t what_, nothing_;
};

struct Need {
  uint64_t key = 0;                               ///< note_key()
  std::optional<uint64_t> unless = std::nullopt;  ///< note_key(): not met when this was noted too
  bool of_another_session = false;                ///< a note of the match's own session does not do
  std::string_view evidence_kind = {};            ///< Evidence::kind for the place of the note; empty: it is no evidence
  std::string evidence_text = {};
  bool observed = false;  ///< the note, met, shows that it happened
};

/// Another statement that a match is about, beside its read and its write.
struct OtherOp {
  uint32_t op = 0;
  std::string_view role;  ///< `lock`, `re-read`, …
};

/// What a rule saw once. The runner folds equal ones into a finding.
struct Match {
  const Table* table = nullptr;
  std::string table_name;
  std::vector<std::string> more_tables;  ///< in the order the finding names them, behind table_name
  std::vector<OtherOp> others;           ///< shown behind the read and the write
  std::vector<std::string> columns, key_columns, null_columns;
  const WorkUnit* unit = nullptr;
  uint32_t read = 0, write = 0;  ///< ops of the pair; read == write when there is one statement only
  bool has_read = false, has_write = false;
  std::string_view read_role = "read", write_role = "write";
  Pattern pattern = Pattern::kGetOrCreate;
  Level level = Level::kAutocommit;
  Scope scope = Scope::kNone;
  bool level_known = true;           ///< false: the log shows no transaction boundaries, or the level is not known
  std::optional<Severity> severity;  ///< whatever the verdict gives
  Confidence confidence = Confidence::kLikely;
  uint64_t row = 0;                  ///< identity of the key the pair is about: two sessions on one row can meet
  bool refutes = false;              ///< the application shows here that it does the right thing: no finding for this table and statement
  bool counted = false;              ///< the lookup counts: many rows of one key may be what is wanted
  bool random_key = false;           ///< the key looks made up by the client: a finding only when two work units use the same one
  bool blind_insert = false;         ///< the write inserts the key (two inserts of one key are duplicates)
  uint64_t written = 0;              ///< hash of the numbers written; two sessions that read the row and write the same ones lose an update
  bool value_moved_by_step = false;  ///< evidence `value-follows-read`
  bool value_moved_down = false;     ///< … downwards: there is a bound below which it must not go
  bool value_stayed = false;  ///< wrote what was there already: says nothing alone, and much beside a write that moved it to the same value
  TimePoint stood_since;      ///< when the value was put there
  bool writes_one_column = false;  ///< nothing else can have been the purpose of the write
  bool gives_out_number =
      false;                  ///< `row` is a series and `written` its next number: the same number inserted by two sessions is one too many
  bool halves_tell = false;   ///< the shape needs no chance: where each statement is run by several sessions, a pool deals them out
  std::optional<Need> needs;  ///< a finding only when some unit of the log noted this
  std::optional<uint64_t> refuted_by;   ///< note_key(): no finding when any unit of the log noted this
  std::optional<uint64_t> softened_by;  ///< note_key(): a note, no more, when any unit of the log noted this
  std::string message_detail;           ///< rule-specific words for the message
  std::vector<Evidence> evidence;
  uint32_t evidence_op = 0;  ///< op whose place the evidence takes
  std::string near_miss;     ///< why an existing key does not protect
  /// What the live data could show, where Rule::proven_by and key_columns do not say it: a number and the scope it must be unique in, a child and its
  /// parent.
  std::optional<DataCheck> data;
};

/// Equal matches of one rule, as a rule describes them.
struct Folded {
  suggest::Material material;  ///< tables, columns, statements: what fixes are made from
  Pattern pattern = Pattern::kGetOrCreate;
  Level level = Level::kAutocommit;
  Outcome outcome = Outcome::kUnknown;
  Scope scope = Scope::kNone;
  bool value_moved_by_step = false, value_moved_down = false;
  bool has_read = false, has_write = false;
  std::string near_miss;  ///< why an existing key does not protect
  std::string detail;     ///< Match::message_detail
};

/// `user_id, name`.
[[nodiscard]] std::string list_of(const std::vector<std::string>& names);
/// Appends fixes.
void add_fixes(Finding& finding, std::vector<Fix> fixes);

/// Lookup columns of a read that the insert repeats with the same values: K of RULES.md. Empty when the insert does not follow from the lookup.
struct LookupMatch {
  std::vector<std::string> key_columns;   ///< columns and expressions
  std::vector<std::string> null_columns;  ///< tested with IS NULL
  std::vector<LookupColumn> lookup;       ///< for protects()
  std::vector<Value> values;              ///< parallel to key_columns
  uint64_t row = 0;
};

[[nodiscard]] LookupMatch match_lookup(const Op& read, const ReadAccess& lookup, const Op& write, const WriteAccess& insert);
/// The same of an UPDATE that looked for the row by its WHERE.
[[nodiscard]] LookupMatch match_update(const Op& op, const WriteAccess& update, const Op& write, const WriteAccess& insert);

/// Does the read ask about one row or existence (LIMIT, EXISTS, SELECT 1, COUNT, a lock), as a get-or-create does, and not list or take the latest?
/// A plain SELECT without LIMIT may be either.
[[nodiscard]] bool asks_for_one(const ReadAccess& read);

/// Is one of the columns a name rather than a reference: text, in no foreign key? What is looked up by name is meant to be one.
[[nodiscard]] bool is_natural_key(const Table* table, const std::vector<std::string>& columns);

/// Do two sets of equalities share a column with the same value, and none with different ones?
enum class Agreement : uint8_t { kNothingShared, kShared, kContradicted };
[[nodiscard]] Agreement agree(const Op& a, const std::vector<KeyColumn>& left, const Op& b, const std::vector<KeyColumn>& right);

[[nodiscard]] RowLink link_rows(const Op& read, const ReadAccess& r, const Op& write, const WriteAccess& w);

/// The last read of the row that `write` changes, before it in the unit.
[[nodiscard]] std::optional<ReadRef> deciding_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w, RowLink at_least);

/// Is a lock of RULES.md section 1 held from `read` (or before it) to `write`, on the row or on something every such pair locks first? A shared lock counts: with
/// it nothing is lost, but DBA407. rules/protection.h tells which lock, or why not.
[[nodiscard]] bool protected_by_lock(const WorkUnit& unit, uint32_t read, uint32_t write, const WriteAccess& w);

[[nodiscard]] bool same_transaction(const WorkUnit& unit, uint32_t a, uint32_t b);
[[nodiscard]] bool boundaries_known(const WorkUnit& unit, uint32_t a, uint32_t b);

[[nodiscard]] bool is_locking(LockStrength s);    ///< NO KEY UPDATE or UPDATE
[[nodiscard]] bool looks_random(const Value& v);  ///< uuid, long hexadecimal or token: cannot collide when a client made it

/// Has the write a condition beyond the row's key that repeats what was read: compare-and-set, whatever the column is called? What it compares and then
/// writes unchanged (a soft delete's `deleted_at = NULL … WHERE deleted_at IS NULL`) is none.
[[nodiscard]] bool has_guard(const Op& write, const WriteAccess& w, const ReadAccess& r);
/// A column that says yes or no: by its type, or without a schema by the value itself.
[[nodiscard]] bool is_flag(const WriteAccess& w, const ColumnWrite& column, const Value& v);

/// Is the value one of those that the op brings: in its WHERE, its SET, its row? Asked before it is looked where.
[[nodiscard]] bool mentions(const Op& op, const Value& v);

/// A number that is the time of the op, in seconds or milliseconds since 1970: a clock was read, not the row.
[[nodiscard]] bool is_clock_reading(double number, const Op& op);

/// Does a CHECK or an unsigned type refuse a negative value of the column?
[[nodiscard]] bool refuses_negative(const Table* table, std::string_view column, Engine engine);

struct LookupInsert;  // rules/lookup_insert.h
struct Decision;      // rules/protection.h

/// What a rule is given besides the unit.
class RuleContext {
 public:
  virtual ~RuleContext() = default;
  [[nodiscard]] virtual const Catalog* catalog() const = 0;  ///< null without a schema
  [[nodiscard]] virtual Engine engine() const = 0;
  virtual void report(Match match) = 0;
  /// Sets level, scope and level_known of a match from where its read and write stand.
  void place(Match& match) const;
  /// The same for a match of one statement, which its isolation level governs in autocommit too.
  void place_alone(Match& match) const;
  /// The lookups and the INSERTs that follow from them, in the unit that is being visited; found once for all rules that ask.
  [[nodiscard]] virtual const std::vector<LookupInsert>& lookup_inserts(const WorkUnit& unit) = 0;
  /// deciding_read() of RowLink::kPicked, found once for all rules that ask of the unit that is being visited.
  [[nodiscard]] virtual std::optional<ReadRef> picking_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w) = 0;
  /// decision_of(), found once for all rules that ask of the unit that is being visited.
  [[nodiscard]] virtual const std::optional<Decision>& decision(const WorkUnit& unit, uint32_t write, const WriteAccess& w) = 0;
  /// protects(), with a schema; valid while the unit is visited.
  [[nodiscard]] virtual const Protection& protection(const Table& table, const std::vector<LookupColumn>& lookup) = 0;
  [[nodiscard]] virtual bool snapshot_isolation() const = 0;  ///< innodb_snapshot_isolation=ON
  /// Has any session read this column of this very row (by its identity) so far in the log?
  [[nodiscard]] virtual bool row_was_read(uint64_t row, Name column) const = 0;
  /// Have several sessions run the op's template before? Then what its text alone says has been noted.
  [[nodiscard]] virtual bool is_well_known(const Op& op) const = 0;
  /// Remembers note_key() with the unit's session and the op's place, for Match::needs. Bounded: past a cap new keys are not remembered.
  virtual void note(uint64_t key, const WorkUnit& unit, uint32_t op) = 0;

 private:
  void set_level_of(const Transaction& tx, Match& match) const;
};

}  // namespace dbaudit
