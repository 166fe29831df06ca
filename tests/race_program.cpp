#include "tests/race_program.h"

#include <algorithm>
#include <charconv>

#include "analyzers/base/text.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

constexpr std::pair<std::string_view, Level> kLevels[] = {
    {"autocommit", Level::kAutocommit},
    {"read committed", Level::kReadCommitted},
    {"repeatable read", Level::kRepeatableRead},
    {"snapshot isolation", Level::kSnapshotIsolation},
    {"serializable", Level::kSerializable},
    {"deferred", Level::kDeferred},
    {"immediate", Level::kImmediate},
};

constexpr std::pair<std::string_view, Pattern> kPatterns[] = {
#define PATTERN(name, read, last_write) {#name, Pattern::name},
#include "rules/verdict/patterns.def"
#undef PATTERN
};

template <typename T>
std::optional<T> named(const auto& table, std::string_view name) {
  for (const auto& [word, value] : table) {
    if (word == name) return value;
  }
  return std::nullopt;
}

RaceWhere read_where(std::string_view text) {
  RaceWhere where;
  while (!(text = trim(text)).empty()) {
    const size_t name = std::min(text.find_first_of(" :"), text.size());
    const Engine engine = parse_engine(text.substr(0, name)).value_or(Engine::kUnknown);
    if (engine == Engine::kUnknown) FAIL("no engine: " << text);
    text.remove_prefix(name);
    std::vector<Level> levels;
    if (text.starts_with(':')) {
      // Level names have blanks: they end at a comma, at the next engine or at the end.
      text.remove_prefix(1);
      for (bool more = true; more;) {
        const auto level = std::find_if(std::begin(kLevels), std::end(kLevels), [&](const auto& l) { return text.starts_with(l.first); });
        if (level == std::end(kLevels)) FAIL("no level: " << text);
        levels.push_back(level->second);
        text.remove_prefix(level->first.size());
        more = text.starts_with(',');
        if (more) text.remove_prefix(1);
      }
    }
    where.only.emplace_back(engine, std::move(levels));
  }
  return where;
}

bool take_word(std::string_view& line, std::string_view word) {
  if (!line.starts_with(word)) return false;
  const std::string_view rest = line.substr(word.size());
  if (!rest.empty() && rest[0] != ' ') return false;
  line = trim(rest);
  return true;
}

RaceStep read_step(std::string_view line) {
  RaceStep step;
  step.joined = take_word(line, "+");
  if (take_word(line, "if")) {
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos) FAIL("a condition without a statement: " << line);
    step.condition = std::string(line.substr(0, colon));
    line = trim(line.substr(colon + 2));
  }
  step.tries = take_word(line, "try");
  if (line == "begin") {
    step.kind = RaceStep::Kind::kBegin;
  } else if (line == "commit") {
    step.kind = RaceStep::Kind::kCommit;
  } else if (line == "rollback") {
    step.kind = RaceStep::Kind::kRollback;
  } else if (line.starts_with("savepoint ") || line.starts_with("rollback to ")) {
    step.only_in_transaction = true;
    step.sql = std::string(line);
  } else if (line == "raise") {
    step.kind = RaceStep::Kind::kRaise;
  } else {
    const size_t equals = line.find(" = ");
    const std::string_view name = line.substr(0, equals);
    if (equals != std::string_view::npos && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos) {
      step.name = std::string(name);
      line = trim(line.substr(equals + 3));
    }
    step.sql = std::string(line);
  }
  return step;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<std::string> value_of(std::string_view word, const RaceValues& values) {
  if (number(word)) return std::string(word);
  const auto it = values.find(word);
  return it == values.end() ? std::nullopt : it->second;
}

bool compares(std::string_view left, std::string_view op, std::string_view right) {
  const auto a = number(left), b = number(right);
  if (op == "=") return left == right;
  if (op == "!=") return left != right;
  if (!a || !b) FAIL("no numbers: " << left << " " << op << " " << right);
  if (op == ">=") return *a >= *b;
  if (op == "<=") return *a <= *b;
  if (op == ">") return *a > *b;
  if (op == "<") return *a < *b;
  FAIL("no comparison: " << op);
  return false;
}

// `buggy`, `buggy A`, `fixed A TITLE [where]`.
RaceForm& open_form(Race& race, std::string_view line, bool fixed, int& only) {
  only = -1;
  if (take_word(line, "A")) {
    only = 0;
  } else if (take_word(line, "B")) {
    only = 1;
  }
  RaceWhere where;
  if (line.ends_with(']')) {
    const size_t open = line.rfind('[');
    where = read_where(line.substr(open + 1, line.size() - open - 2));
    line = trim(line.substr(0, open));
  }
  if (fixed && line.empty()) FAIL(race.file << ": a fixed form has a title");
  for (RaceForm& f : race.forms) {
    if (f.title == line && f.fixed == fixed) {
      if (only != 1) FAIL(race.file << ": twice: " << line);
      f.symmetric = false;
      return f;
    }
  }
  if (only == 1) FAIL(race.file << ": B comes behind A: " << line);
  RaceForm& form = race.forms.emplace_back();
  form.title = std::string(line);
  form.fixed = fixed;
  form.where = std::move(where);
  form.symmetric = only < 0;
  return form;
}

}  // namespace

bool RaceWhere::includes(Engine engine, Level level) const {
  if (only.empty()) return true;
  return std::any_of(only.begin(), only.end(), [&](const auto& o) {
    return o.first == engine && (o.second.empty() || std::find(o.second.begin(), o.second.end(), level) != o.second.end());
  });
}

std::string_view race_level_name(Level level) {
  for (const auto& [name, l] : kLevels) {
    if (l == level) return name;
  }
  return "";
}

bool holds(std::string_view condition, const RaceValues& values) {
  constexpr std::string_view kAnd = " and ";
  for (size_t at = 0; at < condition.size();) {
    const size_t end = std::min(condition.find(kAnd, at), condition.size());
    std::string_view term = trim(condition.substr(at, end - at));
    at = end + kAnd.size();
    const bool negated = take_word(term, "not");
    const size_t blank = term.find(' ');
    bool is = false;
    if (blank == std::string_view::npos) {
      is = value_of(term, values).has_value();
    } else {
      const size_t second = term.find(' ', blank + 1);
      const auto left = value_of(term.substr(0, blank), values);
      const auto right = value_of(term.substr(second + 1), values);
      is = left && right && compares(*left, term.substr(blank + 1, second - blank - 1), *right);
    }
    if (is == negated) return false;
  }
  return true;
}

std::string filled(std::string_view sql, const RaceValues& values, Engine engine) {
  std::string out;
  for (size_t at = 0; at < sql.size();) {
    const size_t open = std::min(sql.find('{', at), sql.size());
    out.append(sql.substr(at, open - at));
    if (open == sql.size()) break;
    const size_t close = sql.find('}', open);
    if (close == std::string_view::npos) FAIL("an open brace: " << sql);
    const std::string_view word = sql.substr(open + 1, close - open - 1);
    at = close + 1;
    if (word == "serial") {
      out += engine == Engine::kPostgres  ? "integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
             : engine == Engine::kMariaDb ? "integer AUTO_INCREMENT PRIMARY KEY"
                                          : "integer PRIMARY KEY";
      continue;
    }
    const size_t blank = word.find(' ');
    const auto value = value_of(word.substr(0, blank), values);
    if (!value) FAIL("nothing was read for {" << word << "}: " << sql);
    if (blank == std::string_view::npos) {
      out += *value;
      continue;
    }
    const auto left = number(*value);
    const auto right = number(word.substr(blank + 3));
    if (!left || !right || (word[blank + 1] != '+' && word[blank + 1] != '-')) FAIL("no sum: {" << word << "} of " << *value);
    out += std::to_string(word[blank + 1] == '+' ? *left + *right : *left - *right);
  }
  return out;
}

Race read_race(const std::string& path) {
  Race race;
  race.file = path.substr(path.rfind('/') + 1);
  const std::string text = read_file(path);
  enum class Section { kNone, kSchema, kRows, kForm } section = Section::kNone;
  RaceForm* form = nullptr;
  int only = -1;
  for (const std::string_view raw : split(text, '\n')) {
    std::string_view line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    if (raw[0] == ' ') {
      switch (section) {
        case Section::kSchema: race.schema.emplace_back(line); break;
        case Section::kRows: race.rows.emplace_back(line); break;
        case Section::kForm:
          if (take_word(line, "setup")) {
            form->setup.emplace_back(line);
          } else if (take_word(line, "at")) {
            const auto level = named<Level>(kLevels, line);
            if (!level) FAIL(race.file << ": no level: " << line);
            if (only != 1) form->levels[0] = level;
            if (only != 0) form->levels[1] = level;
          } else if (line == "again") {
            form->runs_again = true;
          } else {
            const RaceStep step = read_step(line);
            if (only != 1) form->programs[0].push_back(step);
            if (only != 0) form->programs[1].push_back(step);
          }
          break;
        case Section::kNone: FAIL(race.file << ": in no section: " << line);
      }
    } else if (take_word(line, "rule")) {
      race.rule = std::string(line);
    } else if (take_word(line, "pattern")) {
      race.pattern = named<Pattern>(kPatterns, line);
      if (!race.pattern) FAIL(race.file << ": no pattern: " << line);
    } else if (take_word(line, "bad")) {
      race.bad = std::string(line);
    } else if (take_word(line, "schema")) {
      section = Section::kSchema;
    } else if (take_word(line, "rows")) {
      section = Section::kRows;
    } else if (bool fixed = false; take_word(line, "buggy") || (fixed = take_word(line, "fixed"))) {
      section = Section::kForm;
      form = &open_form(race, line, fixed, only);
    } else {
      FAIL(race.file << ": " << line);
    }
  }
  for (const std::string& s : race.schema) {
    constexpr std::string_view kCreate = "CREATE TABLE ";
    if (s.starts_with(kCreate)) race.tables.push_back(s.substr(kCreate.size(), s.find(' ', kCreate.size()) - kCreate.size()));
  }
  if (race.forms.empty() || race.forms[0].fixed || race.bad.empty() || race.tables.empty() || race.rule.empty())
    FAIL(race.file << ": it lacks a rule, a schema, a bad state or its buggy form");
  return race;
}

}  // namespace dbaudit
