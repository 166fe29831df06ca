#pragma once
// What the runner remembers of equal matches until the whole log is read, in few bytes: a log may have as many groups as statements, and each as many rows
// as there are keys. Internal to the runner.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/hash_table.h"
#include "analyzers/base/name.h"
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
  TimePoint time;
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

/// What matches of one group need, and which of them need it.
struct Wanted {
  uint64_t key = 0;     // of the Need
  uint64_t unless = 0;  // 0: nothing
  uint64_t occurrences = 0;
  uint32_t session = 0;
  Name evidence_kind, evidence_text;
  bool of_another_session = false, observed = false;
};

[[nodiscard]] inline std::vector<Name> names_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }
[[nodiscard]] inline std::vector<std::string> texts_of(const std::vector<Name>& names) { return {names.begin(), names.end()}; }

/// What remains of a group's first match: what all of them have in common.
struct Sight {
  explicit Sight(const Match& m)
      : table(m.table),
        table_name(m.table_name),
        more_tables(names_of(m.more_tables)),
        key_columns(names_of(m.key_columns)),
        null_columns(names_of(m.null_columns)),
        message_detail(m.message_detail),
        near_miss(m.near_miss),
        data(m.data ? std::make_unique<DataCheck>(*m.data) : nullptr),
        refuted_by(m.refuted_by.value_or(0)),
        softened_by(m.softened_by.value_or(0)),
        need(m.needs ? m.needs->key : 0),
        severity(m.severity),
        pattern(m.pattern),
        counted(m.counted),
        gives_out_number(m.gives_out_number),
        halves_tell(m.halves_tell) {}

  const Table* table;
  Name table_name;
  RareList<Name> more_tables;
  std::vector<Name> key_columns;
  RareList<Name> null_columns;
  RareText message_detail, near_miss;
  std::unique_ptr<DataCheck> data;
  uint64_t refuted_by, softened_by, need;  // keys of notes; 0: none
  std::optional<Severity> severity;
  Pattern pattern;
  bool counted, gives_out_number, halves_tell;
};

/// What the FindingExample of a match is made of, if it comes to that.
struct KeptExample {
  UnitPart unit;  // about the read, the write, others
  bool has_read = false, has_write = false;
};

/// How often something was seen, in the order in which it was seen first. For few different things.
template <typename T>
class Counts {
 public:
  void see(const T& what) {
    const auto known = std::find_if(counts_.begin(), counts_.end(), [&](const auto& c) { return c.first == what; });
    if (known != counts_.end()) {
      ++known->second;
    } else {
      counts_.emplace_back(what, 1);
    }
  }
  [[nodiscard]] auto begin() const { return counts_.begin(); }
  [[nodiscard]] auto end() const { return counts_.end(); }

 private:
  std::vector<std::pair<T, uint64_t>> counts_;
};

/// Numbers of sessions lie side by side: as keys of a flat table they would stand in long rows.
[[nodiscard]] inline uint64_t hash_of_session(uint32_t session) { return hash_combine(0, session); }

/// The sessions that ran something, the first 100,000 of them; most things are run by one or two.
class Sessions {
 public:
  void see(uint32_t session) {
    if (size() >= kMost || (few_ > 0 && session == first_) || (few_ > 1 && session == second_)) return;
    if (few_ == 0) {
      first_ = session;
      few_ = 1;
    } else if (few_ == 1) {
      second_ = session;
      few_ = 2;
    } else {
      if (others_ == nullptr) others_ = std::make_unique<HashSet>();
      others_->insert(hash_of_session(session));
    }
  }
  [[nodiscard]] size_t size() const { return few_ + (others_ != nullptr ? others_->size() : 0); }
  [[nodiscard]] uint32_t first() const { return first_; }

 private:
  static constexpr size_t kMost = 100'000;

  std::unique_ptr<HashSet> others_;
  uint32_t first_ = 0, second_ = 0;
  uint8_t few_ = 0;
};

/// Equal matches: of one rule, of the same tables and writing statement.
struct Group {
  const Rule* rule = nullptr;
  std::optional<Sight> first;  // once there is one
  Counts<Name> columns;
  Ref read, write;
  Name read_role, write_role;
  uint64_t occurrences = 0;
  uint64_t telling = 0;  // of them, those that say something by themselves
  Sessions sessions;
  TimePoint first_time, last_time;
  std::vector<double> windows;
  Counts<std::pair<Level, Scope>> places;
  uint64_t level_unknown = 0;
  Confidence confidence = Confidence::kPossible;
  bool told_apart = true;
  bool all_random = true;
  bool assumed_random = false;  // by [[table]]
  bool refuted = false;
  bool down = false;
  Isolation isolation = Isolation::kUnknown;
  uint64_t stepped = 0;
  RareList<Evidence> evidence;
  Rare<std::map<uint64_t, std::vector<TightVisit>>> rows;
  RareList<std::pair<Ref, Name>> others;                         // with their roles
  Rare<std::map<std::pair<uint64_t, uint32_t>, Wanted>> wanted;  // by key, and session where it matters
  uint64_t unconditional = 0;                                    // occurrences that need nothing
  Name orm_name, orm_call;
  RareText source_file, source_route;
  int64_t source_line = 0;
  Rare<std::set<std::string>> silenced_by;  // directives; when not empty, all of the group is silenced
  // Of the first match, and of one of another session; null: not kept.
  const KeptExample *example = nullptr, *second = nullptr;
  const KeptExample* partner = nullptr;  // the unit that noted what the matches need, when it was kept
};

}  // namespace dbaudit
