#pragma once
// A race as a file (fixtures/races/*.race): a schema, what two sessions of an application do, and what must not come of it. The same program is
// run by two sessions in every order their statements can take, at every isolation level, on the real engines.
//
//   rule DBA101
//   pattern kGetOrCreate
//   schema
//     CREATE TABLE t (id {serial}, k varchar(40) NOT NULL)
//   rows
//     INSERT INTO t (k) VALUES ('other')
//   bad SELECT count(*) > 1 FROM t WHERE k = 'x'
//   buggy
//     found = SELECT id FROM t WHERE k = 'x'
//     if not found: INSERT INTO t (k) VALUES ('x')
//   fixed a unique key and an upsert [postgres sqlite]
//     setup CREATE UNIQUE INDEX t_k ON t (k)
//     INSERT INTO t (k) VALUES ('x') ON CONFLICT (k) DO NOTHING
//
// Statements stand in one transaction of the level in force; a program with a `begin`, `commit` or `rollback` of its own says where its transactions
// are (in autocommit all three are nothing, as are `savepoint s` and `rollback to s`). `name = SELECT …` keeps the first column of the first row,
// nothing when there is none; `{name}`, `{name - 1}` put it into a later statement, `{session}` is 1 or 2. `if a and not b:`, `if a >= {number}:`,
// `if rows = 0:` (changed by the last statement). `try …` goes on after a duplicate key, which `if error:` then knows; `raise` is an error reaching
// the application. `at LEVEL` runs this session at a level of its own; `again` runs the program again after an error that asks for it, once the
// other session has moved (and nine times at most): then nothing may go wrong at any level.
// `+ …` is one move with the step before it: nothing of the other session comes between. Sections `buggy A`, `buggy B` (and `fixed A
// TITLE`, `fixed B TITLE`) give the two sessions different programs. Brackets behind `buggy` and a title: engines, and `engine:level,level`; a race may
// have several buggy forms, with titles, where the engines' words differ.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/base/engine.h"
#include "rules/verdict.h"

namespace dbaudit {

/// What a session knows: names and what was read. A name without a value was read in vain.
using RaceValues = std::map<std::string, std::optional<std::string>, std::less<>>;

struct RaceStep {
  enum class Kind { kSql, kBegin, kCommit, kRollback, kRaise };
  Kind kind = Kind::kSql;
  std::string condition;  ///< empty: always
  bool joined = false;    ///< in one move with the step before
  std::string name;       ///< where the value goes; empty: nowhere
  bool tries = false;
  bool only_in_transaction = false;  ///< a savepoint, or the way back to it
  std::string sql;
};

/// `[postgres:read committed,serializable mariadb]`.
struct RaceWhere {
  std::vector<std::pair<Engine, std::vector<Level>>> only;  ///< empty: everywhere; no levels: all of the engine
  [[nodiscard]] bool includes(Engine engine, Level level) const;
};

struct RaceForm {
  std::string title;  ///< of a buggy one maybe empty
  bool fixed = false;
  RaceWhere where;
  std::vector<std::string> setup;
  std::vector<RaceStep> programs[2];
  std::optional<Level> levels[2];  ///< of a session that does not run at the level in force
  bool runs_again = false;
  bool symmetric = true;  ///< both sessions run the same
};

struct Race {
  std::string file, rule;
  std::optional<Pattern> pattern;  ///< whose cells the buggy form is held against
  std::vector<std::string> schema, rows, tables;
  std::string bad;
  std::vector<RaceForm> forms;  ///< a buggy one first
};

/// FAILs on what it does not understand.
[[nodiscard]] Race read_race(const std::string& path);

[[nodiscard]] bool holds(std::string_view condition, const RaceValues& values);
/// The statement with its {…} filled in.
[[nodiscard]] std::string filled(std::string_view sql, const RaceValues& values, Engine engine);

[[nodiscard]] std::string_view race_level_name(Level level);

}  // namespace dbaudit
