// Matches → findings.
//
// A rule reports what it sees in one work unit. Equal sights (same rule, table and writing statement) are folded into a group that counts them and
// remembers, per row, when each session had the row in hand. Only when the whole log has been read does the group become a finding: then it is known
// whether sessions met on one row (observed), whether a "unique" key was in truth inserted again and again by sessions that had seen it (no finding), and
// whether one session alone ever ran it. Everything is bounded: groups by the number of templates, rows and visits by caps.

#include "rules/runner.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "analyzers/base/arena.h"
#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/text.h"
#include "analyzers/base/tight.h"
#include "analyzers/trace/history.h"
#include "rules/directive.h"
#include "rules/group.h"
#include "rules/key_account.h"
#include "rules/lookup_insert.h"
#include "rules/masked_name.h"
#include "rules/match.h"
#include "rules/orm.h"
#include "rules/protection.h"
#include "rules/read_rows.h"
#include "rules/statement_text.h"
#include "rules/suggest/check.h"
#include "rules/verdict.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxRows = 50'000;       // rows remembered per group
constexpr size_t kMaxVisits = 24;         // visits remembered per row
constexpr size_t kMaxWindows = 4096;      // window lengths remembered per group
constexpr size_t kMaxSessions = 100'000;  // names of sessions remembered
constexpr size_t kMaxEvidence = 5;
constexpr size_t kMaxNotes = 400'000;  // keys remembered for Match::needs
constexpr uint64_t kMaxSecond = 1000;  // matches among which a second example is looked for
constexpr size_t kMaxPartners = 500;   // units kept of those that noted something
// Of the examples of all groups: the fixes of findings that come when this is full are not tried on one.
constexpr size_t kMaxExampleBytes = size_t{5} << 20;
constexpr uint64_t kManySessions = 4;  // from here on, "one session only" is worth a doubt

/// Spells it out: only then is it known whether it is short enough. Empty: it is not, or there is none.
FindingExample example_of(const KeptExample* kept) {
  FindingExample example;
  if (kept == nullptr) return example;
  example.unit = example_of(kept->unit);
  if (example.unit.empty()) return example;
  const std::span<const uint32_t> about = kept->unit.about;
  if (kept->has_read) example.read = static_cast<int>(about.front());
  if (kept->has_write) example.write = static_cast<int>(about[kept->has_read ? 1 : 0]);
  for (const uint32_t op : about) {
    const bool is_partner = kept->unit.whole;  // its locks are not the finding's
    if (!is_partner && !kept->unit.ops[op].facts().locks.empty()) example.locks.push_back(static_cast<int>(op));
  }
  if (example.read == example.write) example.read = -1;
  return example;
}

/// The first kManySessions that did something.
class FewSessions {
 public:
  void add(uint32_t session) {
    const std::span<const uint32_t> known = all();
    if (!are_many() && std::find(known.begin(), known.end(), session) == known.end()) sessions_[count_++] = session;
  }
  [[nodiscard]] std::span<const uint32_t> all() const { return std::span(sessions_).first(count_); }
  [[nodiscard]] bool are_many() const { return count_ == kManySessions; }

 private:
  std::array<uint32_t, kManySessions> sessions_{};
  uint32_t count_ = 0;
};

Rare<DataCheck> data_check(const Group& g) {
  const Sight& m = g.first;
  DataCheck check;
  if (m.rare->data) {
    check = *m.rare->data;
  } else if (g.rule->proven_by == DataQuestion::kDuplicates) {
    check.question = DataQuestion::kDuplicates;
    check.table = m.table_name;
    check.columns = texts_of(m.key_columns.all());
    check.null_columns = texts_of(m.rare->null_columns);
  } else {
    return {};
  }
  // A rule that doubts its own match doubts that the key is one. (What the runner doubts, sessions and boundaries, is no doubt about the key.)
  check.proves = check.proves && g.confidence >= Confidence::kLikely && !m.counted;
  return check;
}

// Could what was done at `a` be seen at `b`? The log tells when a COMMIT came, not when it was done: on a busy server the next lookup still misses the row.
bool long_before(const TimePoint& a, const TimePoint& b) {
  constexpr int64_t kCommitTakes = 200'000;  // µs
  return certainly_before(a, b) && b.micros - a.micros > kCommitTakes;
}

// Had whoever made `y` seen what `x` did?
bool had_seen(const Visit& x, const Visit& y) { return long_before(x.end, y.start); }

// Each read came before the other's write. Where the clock counts seconds, the order in which the server received the statements shows it.
bool came_between(const Visit& x, const Visit& y) {
  if (certainly_before(x.start, y.end) && certainly_before(y.start, x.end)) return true;
  return x.read_line != 0 && y.read_line != 0 && x.file == y.file && x.read_line < y.line && y.read_line < x.line;
}

TimePoint start_of(const Op& op) { return op.start.known() ? op.start : op.end; }
TimePoint end_of(const Op& op) { return op.end.known() ? op.end : op.start; }

}  // namespace

class Audit::Folder final : public RuleContext {
 public:
  explicit Folder(const AuditOptions& options) : options_(options) {
    if (options.catalog != nullptr) protections_.emplace(*options.catalog);
  }

  [[nodiscard]] const Catalog* catalog() const override { return options_.catalog; }
  [[nodiscard]] Engine engine() const override { return options_.engine; }
  [[nodiscard]] bool snapshot_isolation() const override { return options_.snapshot_isolation; }
  [[nodiscard]] bool row_was_read(uint64_t row, Name column) const override { return read_rows_.contains(row, column); }
  [[nodiscard]] const std::vector<LookupInsert>& lookup_inserts(const WorkUnit& unit) override {
    if (!lookup_inserts_) lookup_inserts_ = find_lookup_inserts(unit, protections_ ? &*protections_ : nullptr);
    return *lookup_inserts_;
  }
  [[nodiscard]] const Protection& protection(const Table& table, const std::vector<LookupColumn>& lookup) override {
    return protections_->of(table, lookup);
  }
  [[nodiscard]] std::optional<ReadRef> picking_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w) override;
  [[nodiscard]] const std::optional<Decision>& decision(const WorkUnit& unit, uint32_t write, const WriteAccess& w) override;
  [[nodiscard]] bool is_well_known(const Op& op) const override { return runs_[op.statement->id].by.are_many(); }
  void note(uint64_t key, const WorkUnit& unit, uint32_t op) override;
  void report(Match match) override;

  void expect(const WorkUnit& unit) const;
  void visit(const WorkUnit& unit);
  std::vector<Finding> finish(uint64_t sessions);
  void check_fixes(std::span<Finding> findings, int jobs);
  [[nodiscard]] uint64_t suppressed() const { return suppressed_; }
  [[nodiscard]] Remarks remarks() const { return {directives_.errors(), remarks_}; }

 private:
  /// What is to be known of all statements at the end, whatever the rules make of them.
  void remember(const WorkUnit& unit, const Op& op);
  Group& group_of(const Match& m, const BoundStatement& statement, bool is_silenced);
  [[nodiscard]] bool assumed_random(const Match& m) const;
  bool assumed_safe(const Finding& f);
  /// Of one that may_be_found(). False: it is none all the same.
  bool to_finding(Group& g, uint64_t sessions, Finding& out);
  /// Who noted what the match needed; nullopt: nobody, or nobody else where it must be another session.
  [[nodiscard]] std::optional<Note::By> met_by(const Wanted& wanted) const;
  [[nodiscard]] bool may_be_found(const Group& g) const;
  void meet_needs(Group& g, Finding& out);
  bool weigh_meetings(Group& g, Finding& out);
  [[nodiscard]] bool run_by_several(const Ref& ref) const {
    if (ref.statement == nullptr) return true;
    const uint32_t id = ref.statement->id;
    return id < runs_.size() && runs_[id].by.all().size() > 1;
  }
  [[nodiscard]] KeyAccounts::Weighing weigh_keys(const Group& g) {
    return g.has_read() ? keys_.weigh(g.read->ref.statement->source->fingerprint) : KeyAccounts::Weighing{};
  }
  void tell_uses_of_tables();
  [[nodiscard]] std::vector<Group*> likely_groups();
  [[nodiscard]] static uint64_t column_id(Name table, Name column) { return hash_combine(table.id(), column.id()); }
  [[nodiscard]] bool among_many(uint32_t session) const;
  Ref ref_of(const WorkUnit& unit, const Op& op);
  void name_session(const WorkUnit& unit);
  [[nodiscard]] std::string name_of(uint32_t session) const;
  std::string shown_session(const WorkUnit& unit) const;
  /// nullptr: none is wanted, it is too long, or those kept already take all that may be taken.
  const KeptExample* keep_example(const WorkUnit& unit, const Match& m);
  [[nodiscard]] std::string path_of(uint32_t file) const { return file < options_.inputs.size() ? options_.inputs[file] : std::string(); }
  [[nodiscard]] Place shown_place(const TightPlace& place) const { return {path_of(place.file()), place.line()}; }

  AuditOptions options_;
  const Rule* rule_ = nullptr;
  uint64_t unit_ = 0;
  uint64_t suppressed_ = 0;
  Directives directives_;
  std::vector<std::string> remarks_;
  std::optional<KnownProtections> protections_;              // with a schema
  std::optional<std::vector<LookupInsert>> lookup_inserts_;  // of the unit being visited
  struct Decided {
    const WriteAccess* write = nullptr;
    std::optional<Decision> decision;
  };
  struct Picked {
    const WriteAccess* write = nullptr;
    std::optional<ReadRef> read;
  };
  std::vector<Picked> picked_;                 // likewise, by op; empty while nobody has asked
  std::vector<Decided> decided_;               // likewise, by op; empty while nobody has asked
  WantedList wanted_;                          // of groups_
  std::deque<Group> groups_;                   // of a rule, tables and a writing template, in the order in which they were seen first
  HashTable<uint32_t> group_ids_;              // their places, from 1, by a hash of these
  HashTable<std::string_view> session_names_;  // by hash_of_session(): of the first that did something, and of those that findings show
  Arena names_;                                // of session_names_
  ReadRows read_rows_;
  HashTable<Note> notes_;
  std::array<uint64_t, 4096> settled_{};  // some keys of notes_ that two sessions have noted: nothing more is to be learnt of them
  HashTable<KeptExample> partners_;       // the first units that noted these keys
  struct Runs {
    const BoundStatement* statement = nullptr;
    FewSessions by;
    uint32_t fetched = 0;  // by its read; by its several reads: the place of the first in fetched_
  };
  std::vector<Runs> runs_;            // by template; some are of none that ran
  std::vector<uint32_t> last_group_;  // by template: the place in groups_, from 1, of one that is not silenced and of one table; 0: none
  std::vector<ReadRows::Columns> fetched_;  // by the reads of the templates with several
  KeyAccounts keys_;
  Arena examples_;          // of groups_
  Arena partner_examples_;  // of partners_
  struct ShownBy {
    const KeptExample *first = nullptr, *second = nullptr, *partner = nullptr;
    Confidence confidence = Confidence::kPossible;
  };
  std::vector<ShownBy> shown_by_;  // made at the end, of groups_ and partners_: Finding::shown_by counts them from 1
  // Made of them at the end: those that used a table, and the tables a session used.
  HashTable<FewSessions> users_of_;                 // by Name::id()
  std::vector<std::pair<uint32_t, Name>> used_by_;  // by session
  HashSet deleted_from_;                            // tables some statement of the log deletes from, by the hashes of their names
  HashSet updated_;                                 // made at the end: column_id() of those some statement of the log sets
};

Ref Audit::Folder::ref_of(const WorkUnit& unit, const Op& op) {
  Ref r;
  r.statement = op.statement;
  if (options_.show_values) r.sql = sql_with_values(op);
  r.place = {op.file, op.line};
  r.session = unit.session;
  name_session(unit);
  r.time = start_of(op);
  return r;
}

std::string Audit::Folder::shown_session(const WorkUnit& unit) const {
  return options_.show_values ? unit.session_key : masked_session(unit.session_key, unit.session);
}

void Audit::Folder::name_session(const WorkUnit& unit) {
  std::string_view& name = session_names_[hash_of_session(unit.session)];
  if (name.empty()) name = names_.copy(shown_session(unit));
}

std::string Audit::Folder::name_of(uint32_t session) const {
  const std::string_view* const name = session_names_.find(hash_of_session(session));
  return std::string(name == nullptr ? "?" : *name);
}

Group& Audit::Folder::group_of(const Match& m, const BoundStatement& statement, bool is_silenced) {
  const bool is_plain = !is_silenced && m.more_tables.empty();
  if (statement.id >= last_group_.size()) last_group_.resize(statement.id + 1);
  uint32_t& place = last_group_[statement.id];
  if (Group* const last = is_plain && place != 0 ? &groups_[place - 1] : nullptr;
      last != nullptr && last->rule == rule_ && last->first.table_name == m.table_name)
    return *last;
  uint64_t id = hash_combine(hash_combine(hash_bytes(rule_->code), hash_bytes(m.table_name)),
                             hash_combine(statement.source->fingerprint, is_silenced ? 1 : 0));
  for (const std::string& t : m.more_tables) id = hash_combine(id, hash_bytes(t));
  uint32_t& known = group_ids_[id];
  if (known == 0) {
    groups_.emplace_back(rule_, m);
    known = static_cast<uint32_t>(groups_.size());
  }
  if (is_plain) place = known;
  return groups_[known - 1];
}

const KeptExample* Audit::Folder::keep_example(const WorkUnit& unit, const Match& m) {
  if (!options_.checks_fixes || examples_.bytes_used() >= kMaxExampleBytes) return nullptr;
  std::vector<uint32_t> about;
  if (m.has_read) about.push_back(m.read);
  if (m.has_write) about.push_back(m.write);
  for (const OtherOp& o : m.others) about.push_back(o.op);
  const UnitPart part = part_of(unit, about, /*whole=*/false, examples_);
  if (part.empty()) return nullptr;
  KeptExample& kept = examples_.array<KeptExample>(1).front();
  kept = {part, m.has_read, m.has_write};
  return &kept;
}

void Audit::Folder::report(Match m) {
  const WorkUnit& unit = *m.unit;
  const Op& read = unit.ops[m.read];
  const Op& write = unit.ops[m.write];
  // What is silenced is folded all the same, apart from the rest: only at the end is it known whether it would have been a finding.
  std::set<std::string> silenced_by;
  for (const Op* op : {&read, &write}) {
    for (const std::string_view d : op->remarks().directives) {
      if (silences(parse_directive(d), *rule_)) silenced_by.emplace(d);
    }
  }
  Group& g = group_of(m, m.has_write ? *write.statement : *read.statement, !silenced_by.empty());
  wanted_.expect(g.wanted);
  if (!silenced_by.empty()) g.rare.edit().silenced_by.merge(silenced_by);
  const bool is_assumed_random = assumed_random(m);
  m.random_key |= is_assumed_random;
  const Transaction& tx = unit.transactions[write.transaction];
  if (tx.end == TxEnd::kRollback) m.blind_insert = false;
  if (g.occurrences == 0) {
    if (m.has_read) g.read = GroupRead{ref_of(unit, read), m.read_role, {}};
    if (m.has_write) g.write = ref_of(unit, write);
    g.write_role = m.write_role;
    const OrmCall orm = recognise_orm(unit.orm, m.has_read ? &read : nullptr, m.has_write ? &write : nullptr, rule_->code);
    g.orm_name = orm.name;
    g.orm_call = orm.call;
    g.isolation = tx.isolation;
    for (const OtherOp& o : m.others) g.rare.edit().others.emplace_back(ref_of(unit, unit.ops[o.op]), o.role);
    g.example = keep_example(unit, m);
  }
  if (g.second == nullptr && g.sessions.size() != 0 && unit.session != g.sessions.first() && g.occurrences < kMaxSecond)
    g.second = keep_example(unit, m);
  if (!m.needs) {
    ++g.unconditional;
  } else {
    wanted_.want(g.wanted, *m.needs, unit.session);
  }
  ++g.occurrences;
  if (m.severity && g.first.severity) g.first.severity = std::min(*g.first.severity, *m.severity);
  g.refuted |= m.refutes;
  if (!m.value_stayed) {
    ++g.telling;
    for (const std::string& c : m.columns) g.columns.see(c);
  }
  g.sessions.see(unit.session);
  if (session_names_.size() < kMaxSessions) name_session(unit);
  const TimePoint begin = start_of(read);
  const TimePoint end = tx.is_explicit && tx.end_time.known() ? tx.end_time : end_of(write);
  const TimePoint first_time = g.first_time.get(), last_time = g.last_time.get();
  if (begin.known() && (!first_time.known() || begin.micros < first_time.micros)) g.first_time = begin;
  if (end.known() && (!last_time.known() || end.micros > last_time.micros)) g.last_time = end;
  if (m.has_read && m.has_write && begin.known() && start_of(write).known() && g.read->windows.size() < kMaxWindows) {
    g.read.edit().windows.push_back(static_cast<double>(std::max<int64_t>(0, start_of(write).micros - begin.micros)) / 1000.0);
  }
  g.places.see({m.level, m.scope});
  if (!m.level_known) ++g.level_unknown;
  if (!unit.sessions_told_apart) g.told_apart = false;
  if (!m.value_stayed) g.confidence = std::max(g.confidence, m.confidence);
  g.all_random &= m.random_key;
  g.assumed_random |= is_assumed_random;
  if (m.value_moved_by_step) ++g.stepped;
  g.down |= m.value_moved_down;
  for (Evidence& e : m.evidence) {
    if (g.rare->evidence.size() >= kMaxEvidence) break;
    if (e.place.line == 0) e.place = {path_of(unit.ops[m.evidence_op].file), unit.ops[m.evidence_op].line};
    g.rare.edit().evidence.push_back(std::move(e));
  }
  if (const std::string_view file = write.remarks().source_file; g.rare->source_file.empty() && !file.empty()) {
    g.rare.edit().source_file = options_.show_values ? std::string(file) : masked_path(file);
    g.rare.edit().source_line = write.remarks().source_line;
  }
  const std::string_view route = !write.remarks().source_route.empty() ? write.remarks().source_route : read.remarks().source_route;
  if (g.rare->source_route.empty() && !route.empty())
    g.rare.edit().source_route = options_.show_values ? std::string(route) : masked_path(route);
  if (m.row != 0 && (g.rows->size() < kMaxRows || g.rows->contains(m.row))) {
    auto& visits = g.rows.edit()[m.row];
    if (visits.size() < kMaxVisits)
      visits.emplace_back(Visit{begin, end, unit.session, unit_, read.in_order_received && read.file == write.file ? read.line : 0,
                                write.line, write.file, m.written, m.blind_insert, m.value_stayed, m.writes_one_column, m.stood_since});
  }
}

std::optional<ReadRef> Audit::Folder::picking_read(const WorkUnit& unit, uint32_t write, const WriteAccess& w) {
  if (picked_.empty()) picked_.resize(unit.ops.size());
  Picked& picked = picked_[write];
  if (picked.write != &w) picked = {&w, deciding_read(unit, write, w, RowLink::kPicked)};
  return picked.read;
}

const std::optional<Decision>& Audit::Folder::decision(const WorkUnit& unit, uint32_t write, const WriteAccess& w) {
  if (decided_.empty()) decided_.resize(unit.ops.size());
  Decided& decided = decided_[write];
  if (decided.write != &w) decided = {&w, decision_of(unit, write, w)};
  return decided.decision;
}

void Audit::Folder::note(uint64_t key, const WorkUnit& unit, uint32_t op) {
  uint64_t& settled = settled_[key % settled_.size()];
  if (settled == key && key != 0) return;
  const Note::By by{unit.session, {unit.ops[op].file, unit.ops[op].line}};
  if (Note* const note = notes_.find(key)) {
    note->see(by);
    if (note->has_another()) settled = key;
  } else if (notes_.size() < kMaxNotes) {
    notes_[key] = Note(by);
    if (!options_.checks_fixes || partners_.size() >= kMaxPartners) return;
    const UnitPart part = part_of(unit, std::span(&op, 1), /*whole=*/true, partner_examples_);
    if (!part.empty()) partners_[key] = {part, /*has_read=*/false, /*has_write=*/true};
  }
}

std::optional<Note::By> Audit::Folder::met_by(const Wanted& wanted) const {
  const Note* const note = notes_.find(wanted.key);
  if (note == nullptr || (wanted.unless != 0 && notes_.contains(wanted.unless))) return std::nullopt;
  if (!wanted.of_another_session || note->first().session != wanted.session) return note->first();
  return note->has_another() ? std::optional(note->another()) : std::nullopt;
}

// Asked before anything is made of a group: of many templates most groups need what was never noted.
bool Audit::Folder::may_be_found(const Group& g) const {
  if (g.refuted || g.telling == 0 || (g.first.rare->refuted_by != 0 && notes_.contains(g.first.rare->refuted_by))) return false;
  return g.unconditional != 0 || wanted_.any_of(g.wanted, [&](const Wanted& wanted) { return met_by(wanted).has_value(); });
}

// Of the matches that need something of another unit, those that got it remain.
void Audit::Folder::meet_needs(Group& g, Finding& out) {
  uint64_t met = g.unconditional;
  for (const Wanted* const each : wanted_.in_order(g.wanted)) {
    const Wanted& wanted = *each;
    const std::optional<Note::By> by = met_by(wanted);
    if (!by) continue;
    met += wanted.occurrences;
    // The example's own need first: the others' may be of another kind (a flag is turned both ways).
    const bool of_example = g.first.need == wanted.key;
    if (const KeptExample* const kept = partners_.find(wanted.key); kept != nullptr && (g.rare->partner == nullptr || of_example))
      g.rare.edit().partner = kept;
    if (wanted.observed) g.confidence = std::max(g.confidence, Confidence::kObserved);
    // The statement that is shown need not be its own witness.
    const Place place = shown_place(by->place);
    const bool shown = place.line == g.write.place.line() && place.file == path_of(g.write.place.file());
    if (!wanted.evidence_kind.empty() && !shown && out.evidence.size() < kMaxEvidence)
      out.evidence.push_back({wanted.evidence_kind, wanted.evidence_text, place});
  }
  g.occurrences = std::min<uint64_t>(g.occurrences, met);
}

void Audit::Folder::remember(const WorkUnit& unit, const Op& op) {
  const BoundStatement& statement = *op.statement;
  for (const std::string_view d : op.remarks().directives) directives_.see(d, {path_of(op.file), op.line});
  const uint32_t id = statement.id;
  if (id >= runs_.size()) {
    if (id >= runs_.capacity()) runs_.reserve(id + id / 4 + 64);
    runs_.resize(id + 1);
  }
  Runs& runs = runs_[id];
  if (runs.statement == nullptr) {
    runs.statement = &statement;
    for (const WriteAccess& w : statement.access.writes) {
      if (w.kind == StatementKind::kDelete) deleted_from_.insert(w.name_hash);
    }
    const bool are_several = statement.access.reads.size() > 1;
    runs.fetched = static_cast<uint32_t>(fetched_.size());
    for (const ReadAccess& r : statement.access.reads) {
      const ReadRows::Columns columns = r.equal.empty() ? 0 : read_rows_.columns_of(r.fetched);
      if (are_several) {
        fetched_.push_back(columns);
      } else {
        runs.fetched = columns;
      }
    }
  }
  runs.by.add(unit.session);
  const ReadRows::Columns* columns = statement.access.reads.size() > 1 ? fetched_.data() + runs.fetched : &runs.fetched;
  for (const ReadAccess& r : statement.access.reads) {
    const uint64_t row = *columns == 0 ? 0 : row_identity(r, r.equal, op);
    if (row != 0) read_rows_.add(row, *columns);
    ++columns;
  }
}

// What statements are bound to stands in memory that was last touched thousands of statements ago: asked for together, it comes together.
void Audit::Folder::expect(const WorkUnit& unit) const {
  if (runs_.size() <= Templates::kMany) return;
  for (const Op& op : unit.ops) {
    const BoundStatement& statement = *op.statement;
    const std::vector<ReadAccess>& reads = statement.access.reads;
    const std::vector<WriteAccess>& writes = statement.access.writes;
    if (!reads.empty()) prefetch(reads.data(), sizeof(ReadAccess));
    if (!writes.empty()) prefetch(writes.data(), sizeof(WriteAccess));
    if (statement.id < runs_.size()) prefetch_to_write(&runs_[statement.id]);
    if (statement.id < last_group_.size()) prefetch(&last_group_[statement.id]);
    keys_.expect(statement.id);
  }
  for (const Op& op : unit.ops) {
    for (const ReadAccess& r : op.statement->access.reads) prefetch(r.equal.data(), r.equal.size() * sizeof(KeyColumn));
    for (const WriteAccess& w : op.statement->access.writes) prefetch(w.set.data(), w.set.size() * sizeof(ColumnWrite));
  }
}

void Audit::Folder::visit(const WorkUnit& unit) {
  ++unit_;
  if (runs_.size() > Templates::kMany) {
    for (const uint32_t w : unit.writers) {
      const uint32_t id = unit.ops[w].statement->id;
      if (id < last_group_.size() && last_group_[id] != 0) prefetch_to_write(&groups_[last_group_[id] - 1], sizeof(Group));
    }
  }
  keys_.observe(unit);
  for (const Op& op : unit.ops) remember(unit, op);
  const TraitMask traits = traits_of(unit);
  lookup_inserts_.reset();
  picked_.clear();
  decided_.clear();
  if (protections_) protections_->forget_old();
  for (const Rule* rule : options_.rules) {
    if (!rule->interest.is_met_by(traits)) continue;
    rule_ = rule;
    rule->check(unit, *this);
  }
}

// What the visits to each row say: did two sessions have it in hand at once, did both insert it, did both write the same value? False: the key is no
// key, sessions that had seen it insert it again.
bool Audit::Folder::weigh_meetings(Group& g, Finding& out) {
  const bool inserts = g.first.pattern == Pattern::kGetOrCreate || g.first.pattern == Pattern::kGetOrCreateLocked ||
                       g.first.pattern == Pattern::kUpdateOrInsert || g.first.pattern == Pattern::kToggleRow;
  // Rows that the statement itself says should be one.
  const bool meant_single = g.first.pattern == Pattern::kUpsertWithoutKey;
  const bool may_vanish = deleted_from_.contains(g.first.table_name.hash()) ||
                          std::any_of(g.first.rare->null_columns.begin(), g.first.rare->null_columns.end(),
                                      [&](Name column) { return updated_.contains(column_id(g.first.table_name, column)); });
  bool met = false, twice = false, same_value = false;
  bool shared_key = false;
  Evidence overlap, both, value;
  const KeyAccounts::Weighing keys = inserts ? weigh_keys(g) : KeyAccounts::Weighing{};
  const bool sums_tell = keys.dealt && !keys.incomplete;
  if (keys.dealt && !may_vanish) {
    // A count may be meant to reach more than one: then nobody may have inserted beside a row that was there.
    if (keys.seen || keys.repeated > (g.first.counted ? 0 : keys.raced)) return false;
    if (keys.raced > 0) {
      twice = true;
      both = {"same-value-written-twice",
              fmt::format("sessions {} and {} inserted the same key, and whoever did had looked for it before the first",
                          name_of(keys.first->session), name_of(keys.second->session)),
              {path_of(keys.second->file), keys.second->line}};
    }
  }
  std::vector<Visit> visits;
  for (const auto& [row, kept] : *g.rows) {
    visits.clear();
    for (const TightVisit& v : kept) visits.push_back(v.get());
    for (size_t a = 0; a < visits.size(); ++a) {
      for (size_t b = a + 1; b < visits.size(); ++b) {
        const Visit& x = visits[a];
        const Visit& y = visits[b];
        shared_key |= x.unit != y.unit;
        const bool apart = certainly_before(x.end, y.start) || certainly_before(y.end, x.start);
        const bool overlapped = came_between(x, y);
        // Inserted again by a session that had seen it: many rows of one key are meant. A count says so by itself unless the two surely met. In a
        // log that does not tell sessions apart nobody can be said to have seen it, and a session that is dealt the halves of requests is nobody.
        if (inserts && x.inserted && y.inserted && !may_vanish && g.told_apart &&
            (had_seen(x, y) || had_seen(y, x) || (!sums_tell && (x.session == y.session || (g.first.counted && !overlapped)))))
          return false;
        if (meant_single && !twice && x.inserted && y.inserted && !may_vanish) {
          twice = true;
          both = {
              "same-value-written-twice", "the same key was inserted again, and the statement met no conflict", {path_of(y.file), y.line}};
        }
        if (x.session == y.session || apart || meant_single) continue;
        if (!met && overlapped) {
          met = true;
          const bool claims = g.first.pattern == Pattern::kQueuePop;
          overlap = {claims ? "claimed-twice" : "overlap",
                     fmt::format("sessions {} and {} {}", name_of(x.session), name_of(y.session),
                                 claims ? "both took the same row" : "were both between these two statements for the same key"),
                     {path_of(y.file), y.line}};
        }
        if (!twice && inserts && x.inserted && y.inserted) {
          twice = true;
          both = {
              "same-value-written-twice",
              fmt::format("sessions {} and {} looked the same key up in vain and both inserted it", name_of(x.session), name_of(y.session)),
              {path_of(y.file), y.line}};
        }
        // One moved the value, the other wrote the same: both had read the one before. Where the two writes cannot be ordered, a write of many columns may
        // only have put back what it found.
        const bool both_wrote = g.first.gives_out_number ? x.inserted && y.inserted : x.stayed != y.stayed;
        if (!same_value && x.written != 0 && x.written == y.written && both_wrote && (overlapped || (x.one_column && y.one_column))) {
          same_value = true;
          value = {"same-value-written-twice",
                   fmt::format(
                       "sessions {} and {} {}", name_of(x.session), name_of(y.session),
                       g.first.gives_out_number ? "inserted the same number" : "read the row and wrote the same value: one change is lost"),
                   {path_of(y.file), y.line}};
        }
      }
    }
  }
  if ((inserts || g.assumed_random) && g.all_random && !shared_key) return false;
  // A flag that is written once more when it has the value, with nobody else about: it is set, not turned over.
  if (g.first.pattern == Pattern::kToggle) {
    const bool several = run_by_several(g.read->ref) && run_by_several(g.write);
    for (const auto& [row, kept] : *g.rows) {
      if (kept.size() >= kMaxVisits) continue;
      visits.clear();
      for (const TightVisit& v : kept) visits.push_back(v.get());
      for (const Visit& v : visits) {
        if (!v.stayed || v.written == 0) continue;
        // Whoever put the value there just before may have met this one unseen, where a pool deals the halves of requests to several sessions.
        if (several && v.stood_since.known() && !long_before(v.stood_since, v.start)) continue;
        const bool alone = std::all_of(visits.begin(), visits.end(), [&](const Visit& o) {
          return o.session == v.session || certainly_before(o.end, v.start) || certainly_before(v.end, o.start);
        });
        if (alone) return false;
      }
    }
  }
  if (met) out.evidence.push_back(std::move(overlap));
  if (twice) out.evidence.push_back(std::move(both));
  if (same_value) out.evidence.push_back(std::move(value));
  // What is only possible stays so: that two sessions met does not supply the schema or the boundaries that are missing.
  if (g.told_apart && (met || twice || same_value) && out.confidence >= Confidence::kLikely)
    out.confidence = std::max(out.confidence, Confidence::kObserved);
  return true;
}

// A key with a column of which no two sessions make up the same value.
bool Audit::Folder::assumed_random(const Match& m) const {
  return std::any_of(options_.assumptions.begin(), options_.assumptions.end(), [&](const TableAssumption& a) {
    return !a.random_key.empty() && names_same_table(m.table_name, a.table) &&
           std::any_of(m.key_columns.begin(), m.key_columns.end(), [&](const std::string& key) {
             return std::any_of(a.random_key.begin(), a.random_key.end(), [&](const std::string& c) { return iequals(c, key); });
           });
  });
}

// Is the finding answered by a lock that the log does not show, or by there being one writer? Sessions that were seen to meet contradict both.
bool Audit::Folder::assumed_safe(const Finding& f) {
  if (!lock_answers(f.code)) return false;
  for (const TableAssumption& a : options_.assumptions) {
    if ((a.locked_by.empty() && !a.single_writer) || !names_same_table(f.tables.front(), a.table)) continue;
    if (f.confidence < Confidence::kObserved) return true;
    const std::string says = a.locked_by.empty() ? std::string("single_writer") : fmt::format("locked_by \"{}\"", a.locked_by);
    remarks_.push_back(fmt::format("{}: {} does not hold: sessions were seen to meet on {} ({}), which is reported", a.place, says,
                                   f.tables.front(), f.code));
    return false;
  }
  return false;
}

void Audit::Folder::tell_uses_of_tables() {
  for (const Runs& runs : runs_) {
    if (runs.statement == nullptr) continue;
    const StatementAccess& access = runs.statement->access;
    const auto use = [&](Name table) {
      for (const uint32_t session : runs.by.all()) {
        users_of_[table.id()].add(session);
        used_by_.emplace_back(session, table);
      }
    };
    for (const ReadAccess& r : access.reads) use(r.name);
    for (const WriteAccess& w : access.writes) {
      use(w.name);
      if (w.kind != StatementKind::kUpdate) continue;
      for (const ColumnWrite& c : w.set) updated_.insert(column_id(w.name, c.column));
    }
  }
  std::sort(used_by_.begin(), used_by_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

// Is the session one of many of its application? Those count that share a table with it: another application on the same server says nothing about this one.
bool Audit::Folder::among_many(uint32_t session) const {
  auto used = std::lower_bound(used_by_.begin(), used_by_.end(), session, [](const auto& u, uint32_t s) { return u.first < s; });
  if (used == used_by_.end() || used->first != session) return true;  // all it ran was run by many before
  FewSessions users;
  for (; used != used_by_.end() && used->first == session; ++used) {
    for (const uint32_t user : users_of_.find(used->second.id())->all()) users.add(user);
    if (users.are_many()) return true;
  }
  return false;
}

bool Audit::Folder::to_finding(Group& g, uint64_t sessions, Finding& out) {
  const Sight& m = g.first;
  meet_needs(g, out);
  // Where most of them stood; of equals, the weaker level.
  const auto places = g.places.all();
  const std::pair<Level, Scope> place = std::min_element(places.begin(), places.end(), [](const auto& a, const auto& b) {
                                          return a.second != b.second ? a.second > b.second : a.first < b.first;
                                        })->first;
  const Level level = place.first;
  const Scope scope = place.second;
  const Verdict verdict = judge(m.pattern, options_.engine, level);
  out.severity = g.rule->severity;
  out.confidence = g.confidence;
  switch (verdict.outcome) {
    case Outcome::kSafe: return false;
    case Outcome::kSilent: break;
    case Outcome::kError: out.severity = Severity::kWarning; break;
    case Outcome::kRetry:
    case Outcome::kDeadlock:
    case Outcome::kWaits: out.severity = Severity::kNote; break;
    case Outcome::kUnknown: out.confidence = Confidence::kPossible; break;
  }
  if (m.severity) out.severity = *m.severity;
  if (m.rare->softened_by != 0 && notes_.contains(m.rare->softened_by)) out.severity = Severity::kNote;
  out.code = g.rule->code;
  out.name = g.rule->name;
  out.scope = scope;
  out.engine = options_.engine;
  out.tables = {m.table_name};
  out.tables.insert(out.tables.end(), m.rare->more_tables.begin(), m.rare->more_tables.end());
  // A column that only a few of many saw is an accident of their values.
  for (const auto& [column, count] : g.columns.all()) {
    if (uint64_t{count} * 5 >= g.telling) out.columns.push_back(column);
  }
  out.key_columns = texts_of(m.key_columns.all());
  out.occurrences = g.occurrences;
  out.sessions = g.sessions.size();
  out.sessions_total = sessions;
  out.first_time = g.first_time.get();
  out.last_time = g.last_time.get();
  if (std::vector<double> windows = g.read->windows.all(); !windows.empty()) {
    std::sort(windows.begin(), windows.end());
    out.window_p50_ms = windows[windows.size() / 2];
    out.window_max_ms = windows.back();
  }
  if (!weigh_meetings(g, out)) return false;
  out.evidence.insert(out.evidence.end(), g.rare->evidence.begin(), g.rare->evidence.end());
  if (g.stepped != 0) {
    out.evidence.push_back({"value-follows-read",
                            fmt::format("{} of {} times the {}", uint64_t{g.stepped}, uint64_t{g.occurrences},
                                        m.gives_out_number ? "number inserted was one more than the highest inserted before"
                                                           : "value written was a step from the last value written to that row"),
                            shown_place(g.write.place)});
  }
  if (!g.told_apart) {
    out.confidence = Confidence::kPossible;
  } else if (g.sessions.size() == 1 && sessions >= kManySessions && among_many(g.sessions.first()) &&
             out.confidence == Confidence::kLikely && !weigh_keys(g).dealt &&
             !(m.halves_tell && run_by_several(g.read->ref) && run_by_several(g.write))) {
    out.confidence = Confidence::kPossible;
  }

  if (!options_.checks_fixes) return true;  // nobody reads more of it

  const bool autocommit = level == Level::kAutocommit;
  out.isolation = autocommit && options_.engine == Engine::kSqlite ? "AUTOCOMMIT"
                  : g.isolation == Isolation::kUnknown             ? std::string()
                                                                   : std::string(isolation_name(g.isolation));
  std::string why = explain_verdict(m.pattern, options_.engine, level, scope);
  if (g.level_unknown * 2 > g.occurrences) {
    why += " This log does not show where transactions begin and end, so the statements may have stood in one transaction or in several.";
  }
  out.why = why;
  out.orm_name = g.orm_name;
  out.orm_call = g.orm_call;
  out.source_file = g.rare->source_file;
  out.source_line = g.rare->source_line;
  out.source_route = g.rare->source_route;

  // Sorted: which table or column was seen first is the log's business, and a baseline's entry outlives it.
  uint64_t print = hash_combine(hash_bytes(g.rule->code), hash_bytes(engine_name(options_.engine)));
  for (const auto* names : {&out.tables, &out.columns}) {
    for (const std::string& name : std::set<std::string>(names->begin(), names->end())) print = hash_combine(print, hash_bytes(name));
  }
  auto add_statement = [&](const Ref& ref, std::string_view role) {
    if (ref.statement == nullptr) return;
    const std::string shown = display_sql(ref.statement->source->text.str());
    out.statements.push_back(
        {std::string(role), ref.sql.empty() ? shown : ref.sql.str(), shown_place(ref.place), name_of(ref.session), ref.time.get()});
  };
  add_statement(g.read->ref, g.read->role);
  add_statement(g.write, g.write_role);
  for (const auto& [ref, role] : g.rare->others) add_statement(ref, role);
  // Of the text alone: a comment to the audit that is added to the statement makes no new finding of it.
  print = hash_combine(print, hash_bytes(g.statement().source->text.str()));
  out.fingerprint = print;

  Folded folded;
  suggest::Material& material = folded.material;
  material.engine = options_.engine;
  material.version = options_.server_version;
  material.isolation = g.isolation;
  material.catalog = options_.catalog;
  material.table = m.table;
  material.table_name = m.table_name;
  material.key_columns = out.key_columns;
  material.null_columns = texts_of(m.rare->null_columns);
  material.columns = out.columns;
  material.orm = g.orm_name;
  if (g.has_read()) {
    material.read = &g.read->ref.statement->facts();
    material.read_sql = display_sql(g.read->ref.statement->source->text.str());
  }
  if (g.write.statement != nullptr) {
    material.write = &g.write.statement->facts();
    material.write_sql = display_sql(g.write.statement->source->text.str());
  }
  folded.pattern = m.pattern;
  folded.level = level;
  folded.outcome = verdict.outcome;
  folded.scope = scope;
  folded.value_moved_by_step = g.stepped != 0;
  folded.value_moved_down = g.down;
  folded.has_read = g.has_read();
  folded.has_write = g.write.statement != nullptr;
  folded.near_miss = m.rare->near_miss;
  folded.detail = m.rare->message_detail;
  out.data = data_check(g);
  g.rule->describe(folded, out);

  if (!out.interleaving.empty()) return true;  // the rule drew its own
  // Two sessions, each step once: the reads first, then the writes; the last write is where it breaks.
  const bool pair = folded.has_read && folded.has_write;
  const std::string read_text = folded.has_read ? short_sql(material.read_sql) : std::string();
  const std::string write_text = folded.has_write ? short_sql(material.write_sql) : std::string();
  const Effects effects = effects_of(m.pattern, material.write != nullptr && material.write->kind == StatementKind::kInsert);
  auto step = [&](int session, const std::string& text, std::string_view effect, bool breaks) {
    out.interleaving.push_back({session, effect.empty() ? text : fmt::format("{}  → {}", text, effect), breaks});
  };
  if (m.pattern == Pattern::kStaleRetry) {
    step(0, read_text, "no row", false);
    step(1, write_text, "committed", false);
    step(0, write_text, "duplicate key", false);
    step(0, read_text, "still no row", true);
  } else if (pair) {
    step(0, read_text, effects.read, false);
    step(1, read_text, effects.read, false);
    step(0, write_text, {}, false);
    step(1, write_text, effects.last_write, true);
  } else if (folded.has_write) {
    step(0, write_text, {}, false);
    step(1, write_text, effects.last_write, true);
  } else {
    step(0, read_text, effects.read, false);
    step(1, read_text, effects.read, true);
  }
  return true;
}

// Those that may_be_found(), in the order of rules, tables and writing templates, which is not that of the log.
std::vector<Group*> Audit::Folder::likely_groups() {
  const auto tables_of = [](const Group& g) {
    std::string tables = g.first.table_name;
    for (const Name t : g.first.rare->more_tables) tables += " " + t.str();
    return tables;
  };
  const auto template_of = [](const Group& g) { return g.statement().source->fingerprint; };
  std::vector<Group*> groups;
  for (Group& g : groups_) {
    if (may_be_found(g)) groups.push_back(&g);
  }
  std::sort(groups.begin(), groups.end(), [&](const Group* a, const Group* b) {
    if (a->rule->code != b->rule->code) return a->rule->code < b->rule->code;
    const bool same_tables = a->first.table_name == b->first.table_name && a->first.rare->more_tables == b->first.rare->more_tables;
    if (!same_tables) return tables_of(*a) < tables_of(*b);
    if (template_of(*a) != template_of(*b)) return template_of(*a) < template_of(*b);
    return a->rare->silenced_by.empty() && !b->rare->silenced_by.empty();
  });
  return groups;
}

std::vector<Finding> Audit::Folder::finish(uint64_t sessions) {
  // The most specific rule wins a pair; the others are named in its `related`. Pairs are told apart by table and writing statement.
  static constexpr std::pair<std::string_view, std::string_view> kOver[] = {
      {"DBA101", "DBA301"}, {"DBA103", "DBA101"}, {"DBA103", "DBA109"}, {"DBA104", "DBA101"}, {"DBA105", "DBA109"}, {"DBA107", "DBA301"},
      {"DBA110", "DBA113"}, {"DBA112", "DBA109"}, {"DBA201", "DBA203"}, {"DBA203", "DBA201"}, {"DBA204", "DBA201"}, {"DBA204", "DBA203"},
      {"DBA206", "DBA403"}, {"DBA207", "DBA103"}, {"DBA207", "DBA109"}, {"DBA208", "DBA201"}, {"DBA209", "DBA101"}, {"DBA209", "DBA201"},
      {"DBA209", "DBA203"}, {"DBA302", "DBA301"}, {"DBA303", "DBA301"}, {"DBA304", "DBA101"}, {"DBA304", "DBA301"}, {"DBA401", "DBA201"},
      {"DBA401", "DBA202"}, {"DBA402", "DBA201"}, {"DBA402", "DBA202"}, {"DBA405", "DBA201"}, {"DBA405", "DBA202"}, {"DBA407", "DBA404"},
      {"DBA408", "DBA201"}, {"DBA408", "DBA202"}, {"DBA409", "DBA201"}, {"DBA409", "DBA202"}, {"DBA410", "DBA101"}, {"DBA410", "DBA301"},
      {"DBA411", "DBA301"}, {"DBA412", "DBA301"}, {"DBA501", "DBA201"}, {"DBA501", "DBA202"}, {"DBA501", "DBA301"}};
  const std::vector<Group*> groups = likely_groups();
  if (!groups.empty()) tell_uses_of_tables();
  std::vector<Finding> findings;
  std::vector<std::pair<uint64_t, uint32_t>> pair_of;  // parallel: writing template, Name::id() of the table
  std::vector<bool> silenced;                          // parallel
  std::vector<const Group*> group_of;                  // parallel
  for (Group* const known : groups) {
    Group& group = *known;
    Finding f;
    if (!to_finding(group, sessions, f)) continue;
    pair_of.emplace_back(group.statement().source->fingerprint, Name(f.tables.front()).id());
    for (const std::string& d : group.rare->silenced_by) directives_.mark_used(d);
    silenced.push_back(!group.rare->silenced_by.empty() || assumed_safe(f));
    group_of.push_back(&group);
    findings.push_back(std::move(f));
  }
  std::vector<bool> gone(findings.size(), false);
  std::vector<size_t> by_pair(findings.size());
  std::iota(by_pair.begin(), by_pair.end(), size_t{0});
  std::stable_sort(by_pair.begin(), by_pair.end(), [&](size_t a, size_t b) { return pair_of[a] < pair_of[b]; });
  for (size_t place = 0; place < by_pair.size(); ++place) {
    const size_t i = by_pair[place];
    size_t first = place, last = place + 1;
    while (first > 0 && pair_of[by_pair[first - 1]] == pair_of[i]) --first;
    while (last < by_pair.size() && pair_of[by_pair[last]] == pair_of[i]) ++last;
    for (size_t other = first; other < last; ++other) {
      const size_t j = by_pair[other];
      if (i == j || gone[i]) continue;
      for (const auto& [over, under] : kOver) {
        if (findings[i].code != over || findings[j].code != under) continue;
        if (findings[i].severity > findings[j].severity || findings[i].confidence < findings[j].confidence) continue;
        gone[j] = true;
        findings[i].related.emplace_back(under);
      }
    }
  }
  size_t kept = 0;
  // What a silenced finding stands over stays below it: another rule's view of the same pair would say what was silenced.
  for (size_t i = 0; i < findings.size(); ++i) {
    if (gone[i]) continue;
    if (silenced[i]) {
      ++suppressed_;
      continue;
    }
    if (options_.checks_fixes) {
      const Group& g = *group_of[i];
      shown_by_.push_back({g.example, g.second, g.rare->partner, findings[i].confidence});
      findings[i].shown_by = static_cast<uint32_t>(shown_by_.size());
    }
    if (kept != i) findings[kept] = std::move(findings[i]);
    ++kept;
  }
  findings.erase(findings.begin() + static_cast<ptrdiff_t>(kept), findings.end());
  for (std::string& line : directives_.unused(options_.rules)) remarks_.push_back(std::move(line));
  sort_for_report(findings);
  return findings;
}

void Audit::Folder::check_fixes(std::span<Finding> findings, int jobs) {
  constexpr size_t kMaxTemplates = 1000;  // each audit of an example has lists as long as there are templates
  std::atomic<size_t> next = 0;
  const auto check = [&] {
    std::optional<Templates> statements;  // of examples and fixes
    for (size_t i = next++; i < findings.size(); i = next++) {
      if (!statements || statements->size() > kMaxTemplates) statements.emplace(dialect_of(options_.engine));
      const uint32_t shown_by = findings[i].shown_by;
      FindingExamples examples;
      FindingExample first, second, partner;
      if (shown_by != 0) {
        const ShownBy& kept = shown_by_[shown_by - 1];
        first = example_of(kept.first);
        second = example_of(kept.second);
        partner = example_of(kept.partner);
        examples = {&first, second.unit.empty() ? nullptr : &second, partner.unit.empty() ? nullptr : &partner, kept.confidence};
      }
      dbaudit::check_fixes(findings[i], examples, options_, *statements);
    }
  };
  std::vector<std::jthread> others;
  try {
    for (size_t i = 1; i < std::min(static_cast<size_t>(jobs), findings.size()); ++i) others.emplace_back(check);
  } catch (const std::system_error&) {
    // The system gives no more of them: those there are will do.
  }
  check();
}

std::vector<Finding> check_schema(const AuditOptions& options) {
  std::vector<Finding> all;
  if (options.catalog == nullptr) return all;
  for (const Rule* rule : options.rules) {
    if (rule->check_schema == nullptr) continue;
    std::vector<Finding> findings;
    rule->check_schema(*options.catalog, findings);
    for (Finding& f : findings) {
      f.code = rule->code;
      f.name = rule->name;
      f.engine = options.engine;
      uint64_t fingerprint = hash_combine(hash_bytes(rule->code), hash_bytes(engine_name(options.engine)));
      for (const auto* names : {&f.tables, &f.columns, &f.key_columns}) {
        fingerprint = hash_combine(fingerprint, names->size());
        for (const std::string& n : *names) fingerprint = hash_combine(fingerprint, hash_bytes(n));
      }
      f.fingerprint = fingerprint;
      all.push_back(std::move(f));
    }
  }
  sort_for_report(all);
  return all;
}

Audit::Audit(const AuditOptions& options) : folder_(std::make_unique<Folder>(options)) {}
Audit::~Audit() = default;
void Audit::expect(const WorkUnit& unit) const { folder_->expect(unit); }
void Audit::visit(const WorkUnit& unit) { folder_->visit(unit); }
std::vector<Finding> Audit::finish(uint64_t sessions) { return folder_->finish(sessions); }
void Audit::check_fixes(std::span<Finding> findings, int jobs) { folder_->check_fixes(findings, jobs); }
uint64_t Audit::suppressed() const { return folder_->suppressed(); }
Remarks Audit::remarks() const { return folder_->remarks(); }

}  // namespace dbaudit
