#pragma once
// What the runner remembers of equal matches until the whole log is read, in few bytes: a log may have as many groups as statements, and each as many rows
// as there are keys. Internal to the runner.

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/few.h"
#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/name.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/base/rare.h"
#include "analyzers/base/tight.h"
#include "analyzers/trace/example.h"
#include "rules/finding.h"
#include "rules/match.h"

namespace dbaudit {

/// When a session had a row in hand, from a read to the end of the write's transaction.
struct Visit {
  TimePoint start, end;
  uint32_t session = 0;
  uint64_t unit = 0;
  uint64_t read_line = 0;  // 0: lines do not tell which statement came first
  uint64_t line = 0;       // of the write
  uint32_t file = 0;
  uint64_t written = 0;
  bool inserted = false;
  bool stayed = false;
  bool one_column = false;
  TimePoint stood_since;
};

/// A Visit as it is kept.
class TightVisit {
 public:
  explicit TightVisit(const Visit& v)
      : start_(v.start),
        end_(v.end),
        stood_since_(v.stood_since),
        place_(v.file, v.line),
        written_(v.written),
        inserted_(v.inserted),
        stayed_(v.stayed),
        one_column_(v.one_column),
        read_line_(v.read_line & kLines),
        session_(v.session),
        unit_(static_cast<uint32_t>(v.unit)) {}
  [[nodiscard]] Visit get() const {
    return {start_.get(),  end_.get(), session_,       unit_,        read_line_,       place_.line(),
            place_.file(), written_,   inserted_ != 0, stayed_ != 0, one_column_ != 0, stood_since_.get()};
  }

 private:
  static constexpr int kLineBits = 61;
  static constexpr uint64_t kLines = (uint64_t{1} << kLineBits) - 1;

  TightTime start_, end_, stood_since_;
  TightPlace place_;
  uint64_t written_;
  uint64_t inserted_ : 1, stayed_ : 1, one_column_ : 1, read_line_ : kLineBits;
  uint32_t session_, unit_;  // of the unit's number what tells it from the next four thousand million
};

/// A statement that the finding shows.
struct Ref {
  const BoundStatement* statement = nullptr;
  RareText sql;  // with values, when they are to be shown
  TightPlace place;
  TightTime time;
  uint32_t session = 0;
};

/// Who noted a key first, and who else did.
class Note {
 public:
  struct By {
    uint32_t session = 0;
    TightPlace place;
  };
  Note() = default;
  explicit Note(const By& by) : first_(by.place), another_(by.place), first_session_(by.session), another_session_(by.session) {}
  [[nodiscard]] By first() const { return {first_session_, first_}; }
  /// The first of another session.
  [[nodiscard]] By another() const { return {another_session_, another_}; }
  [[nodiscard]] bool has_another() const { return another_session_ != first_session_; }
  void see(const By& by) {
    if (has_another() || by.session == first_session_) return;
    another_ = by.place;
    another_session_ = by.session;
  }

 private:
  TightPlace first_, another_;
  uint32_t first_session_ = 0, another_session_ = 0;
};

/// What some matches of one group need.
struct Wanted {
  uint64_t key = 0;     // of the Need
  uint64_t unless = 0;  // 0: nothing
  TightCount occurrences;
  uint32_t session = 0;
  uint32_t before = 0;  // the one of the same group that came before it: its place in the list of all, from 1; 0: none
  Name evidence_kind, evidence_text;
  bool of_another_session = false, observed = false;
};

/// The Wanted of all groups.
class WantedList {
 public:
  /// What one group wants: how many, and its last one's place.
  struct OfGroup {
    uint32_t count = 0;
    uint32_t first = 0, last = 0;  // their places, from 1
  };
  /// One more match of the group, by `session`, needs this. Of one group the first 50,000 different needs are remembered.
  void want(OfGroup& group, const Need& need, uint32_t session);
  /// The group wants something soon.
  void expect(const OfGroup& group) const {
    if (group.last != 0) prefetch_to_write(&all_[group.last - 1], sizeof(Wanted));
  }
  /// Calls visit(wanted) with each of the group until it returns true; did it?
  template <typename Visit>
  bool any_of(const OfGroup& group, const Visit& visit) const {
    for (uint32_t place = group.last; place != 0; place = all_[place - 1].before) {
      if (visit(all_[place - 1])) return true;
    }
    return false;
  }
  /// By what is needed, and who needs it where that matters.
  [[nodiscard]] std::vector<const Wanted*> in_order(const OfGroup& group) const;

 private:
  using Id = std::pair<uint64_t, uint32_t>;

  static uint64_t hash_of(const OfGroup& group, const Id& id) { return hash_combine(hash_combine(group.first, id.first), id.second); }
  /// nullptr: it is new, and the group has as many as it may; `occurrences` 0: it is new.
  Wanted* at(OfGroup& group, const Id& id);

  std::deque<Wanted> all_;
  HashTable<uint32_t> places_;  // of groups with more than a few, by hash_of(); from 1
};

[[nodiscard]] inline std::vector<Name> names_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }
[[nodiscard]] inline std::vector<std::string> texts_of(const std::vector<Name>& names) { return {names.begin(), names.end()}; }

/// What few first matches have.
struct SightRemarks {
  std::vector<Name> more_tables, null_columns;
  std::string message_detail, near_miss;
  std::optional<DataCheck> data;
  uint64_t refuted_by = 0, softened_by = 0;  // keys of notes; 0: none
};

/// What remains of a group's first match: what all of them have in common.
struct Sight {
  explicit Sight(const Match& m)
      : table(m.table),
        table_name(m.table_name),
        pattern(m.pattern),
        severity(m.severity),
        counted(m.counted),
        gives_out_number(m.gives_out_number),
        halves_tell(m.halves_tell),
        need(m.needs ? m.needs->key : 0) {
    for (const std::string& column : m.key_columns) key_columns.push_back(column);
    if (m.more_tables.empty() && m.null_columns.empty() && m.message_detail.empty() && m.near_miss.empty() && !m.data && !m.refuted_by &&
        !m.softened_by)
      return;
    rare = SightRemarks{names_of(m.more_tables),  names_of(m.null_columns), m.message_detail, m.near_miss, m.data,
                        m.refuted_by.value_or(0), m.softened_by.value_or(0)};
  }

  const Table* table;
  Name table_name;
  Pattern pattern;
  std::optional<Severity> severity;
  bool counted, gives_out_number, halves_tell;
  uint64_t need;  // key of the note that it needs; 0: none
  Few<Name, 3> key_columns;
  Rare<SightRemarks> rare;
};

/// What the FindingExample of a match is made of, if it comes to that.
struct KeptExample {
  UnitPart unit;  // about the read, the write, others
  bool has_read = false, has_write = false;
};

/// How often something was seen, in the order in which it was seen first. For few different things; past four thousand million times it is not counted.
template <typename T, size_t N>
class Counts {
 public:
  void see(const T& what) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i].first != what) continue;
      if (counts_[i].second != std::numeric_limits<uint32_t>::max()) ++counts_[i].second;
      return;
    }
    counts_.push_back({what, 1});
  }
  [[nodiscard]] std::vector<std::pair<T, uint32_t>> all() const { return counts_.all(); }

 private:
  Few<std::pair<T, uint32_t>, N> counts_;
};

/// Numbers of sessions lie side by side: as keys of a flat table they would stand in long rows.
[[nodiscard]] inline uint64_t hash_of_session(uint32_t session) { return hash_combine(0, session); }

/// The sessions that ran something, the first 100,000 of them; most things are run by few.
class Sessions {
 public:
  void see(uint32_t session) {
    if (many_ != nullptr) {
      if (many_->size() < kMost) many_->insert(hash_of_session(session));
      return;
    }
    for (uint32_t i = 0; i < count_; ++i) {
      if (few(i) == session) return;
    }
    if (count_ < kFew) {
      if (count_ == kInPlace) more_ = std::make_unique<More>();
      few(count_++) = session;
      return;
    }
    many_ = std::make_unique<HashSet>();
    for (uint32_t i = 0; i < count_; ++i) many_->insert(hash_of_session(few(i)));
    many_->insert(hash_of_session(session));
    more_.reset();
  }
  [[nodiscard]] size_t size() const { return many_ != nullptr ? many_->size() : count_; }
  [[nodiscard]] uint32_t first() const { return first_[0]; }

 private:
  static constexpr size_t kMost = 100'000;
  static constexpr uint32_t kInPlace = 3, kFew = 13;
  using More = std::array<uint32_t, kFew - kInPlace>;

  uint32_t& few(uint32_t i) { return i < kInPlace ? first_[i] : (*more_)[i - kInPlace]; }

  std::array<uint32_t, kInPlace> first_{};
  uint32_t count_ = 0;          // in first_ and more_: all of them while many_ is null
  std::unique_ptr<More> more_;  // null while there are no more
  std::unique_ptr<HashSet> many_;
};

/// The reading side of a group whose matches have one.
struct GroupRead {
  Ref ref;
  Name role;
  Few<double, 3> windows;  // from the read to the write, ms
};

/// What few groups have.
struct GroupRemarks {
  std::vector<Evidence> evidence;
  std::vector<std::pair<Ref, Name>> others;  // with their roles
  std::string source_file, source_route;
  int64_t source_line = 0;
  std::set<std::string> silenced_by;     // directives; when not empty, all of the group is silenced
  const KeptExample* partner = nullptr;  // the unit that noted what the matches need, when it was kept; set at the end
};

/// Equal matches: of one rule, of the same tables and writing statement.
struct Group {
  Group(const Rule* by, const Match& m) : rule(by), first(m) {}

  const Rule* rule;
  Sight first;
  Ref write;
  Rare<GroupRead> read;
  Name write_role;
  Name orm_name, orm_call;
  Confidence confidence = Confidence::kPossible;
  Isolation isolation = Isolation::kUnknown;
  bool told_apart = true;
  bool all_random = true;
  bool assumed_random = false;  // by [[table]]
  bool refuted = false;
  bool down = false;
  TightCount occurrences;
  TightCount telling;        // of them, those that say something by themselves
  TightCount unconditional;  // of them, those that need nothing
  TightCount level_unknown;
  TightCount stepped;
  TightTime first_time, last_time;
  Sessions sessions;
  Counts<Name, 3> columns;
  Counts<std::pair<Level, Scope>, 1> places;
  WantedList::OfGroup wanted;
  Rare<std::map<uint64_t, std::vector<TightVisit>>> rows;
  // Of the first match, and of one of another session; null: not kept.
  const KeptExample *example = nullptr, *second = nullptr;
  Rare<GroupRemarks> rare;

  [[nodiscard]] bool has_read() const { return read->ref.statement != nullptr; }  ///< the first match has one
  /// The statement that the group is told by.
  [[nodiscard]] const BoundStatement& statement() const { return *(write.statement != nullptr ? write : read->ref).statement; }
};

}  // namespace dbaudit
