#include "rules/suggest/trial_values.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "analyzers/sql/lexer.h"

namespace dbaudit {
namespace {

constexpr size_t kMaxParameters = 100;
constexpr std::string_view kMark = "dbaudit parameter ";  // a value that tells which parameter went where

std::string made_up(std::string_view type, Engine engine) {
  const auto is = [&](std::string_view word) { return icontains(type, word); };
  if (is("bool")) return engine == Engine::kPostgres ? "true" : "1";
  if (is("timestamp") || is("datetime")) return "'2026-01-01 00:00:00'";
  if (is("interval")) return "'1 day'";
  if (is("date")) return "'2026-01-01'";
  if (is("time")) return "'00:00:00'";
  if (is("uuid")) return "'00000000-0000-0000-0000-000000000001'";
  if (is("json")) return "'{}'";
  // PostgreSQL gives a quoted literal the type that its place wants.
  return engine == Engine::kPostgres ? "'1'" : "1";
}

/// What is bound to parameters to tell which of them went where.
struct Marks {
  Marks() {
    texts.reserve(kMaxParameters);
    for (size_t i = 0; i < kMaxParameters; ++i) params.emplace_back().text = texts.emplace_back(fmt::format("{}{}", kMark, i));
  }
  std::vector<std::string> texts;
  std::vector<BindValue> params;
};

/// The number of the parameter that was bound to the slot, or -1.
int parameter_of(const Value& v) {
  if (!v.text.starts_with(kMark)) return -1;
  int number = -1;
  std::from_chars(v.text.data() + kMark.size(), v.text.data() + v.text.size(), number);
  return number;
}

}  // namespace

TrialValues::TrialValues(const FindingExample& example, Engine engine, const Catalog& catalog) : engine_(engine), catalog_(catalog) {
  const std::vector<ExampleStatement>& all = example.unit.statements;
  for (const int first : {example.write, example.read}) {
    if (first >= 0) add(all[static_cast<size_t>(first)]);
  }
  for (const ExampleStatement& s : all) add(s);
}

std::string TrialValues::of(const std::string& name, const Table* table, const std::string& column, size_t nth) const {
  if (const std::string* found = find(name, column, nth); found != nullptr) return *found;
  if (table != nullptr) {
    for (const Table& other : catalog_.tables) {
      for (const ForeignKey& fk : other.foreign_keys) {
        if (fk.columns.size() != 1 || fk.referenced_columns.size() != 1) continue;
        const std::string* found = nullptr;
        if (iequals(fk.referenced_table, table->name) && iequals(fk.referenced_columns[0], column)) {
          found = find(other.qualified(), to_lower(fk.columns[0]));
        } else if (&other == table && iequals(fk.columns[0], column)) {
          const Table* parent =
              catalog_.find(fk.referenced_schema.empty() ? other.schema : Name(fk.referenced_schema), fk.referenced_table);
          if (parent != nullptr) found = find(parent->qualified(), to_lower(fk.referenced_columns[0]));
        }
        if (found != nullptr) return *found;
      }
    }
    if (const Column* c = table->column(column); c != nullptr) return made_up(c->type, engine_);
  }
  return made_up({}, engine_);
}

void TrialValues::add(const ExampleStatement& s) { cells_.insert(cells_.end(), s.cells.begin(), s.cells.end()); }
const std::string* TrialValues::find(const std::string& table, const std::string& column, size_t nth) const {
  std::vector<const std::string*> different;
  for (const ExampleCell& c : cells_) {
    if (c.column != column || !iequals(c.table, table)) continue;
    if (std::any_of(different.begin(), different.end(), [&](const std::string* d) { return *d == c.literal; })) continue;
    different.push_back(&c.literal);
    if (different.size() > nth) break;
  }
  return different.empty() ? nullptr : different.back();
}

/// A statement of a fix with values in the places of its parameters.
std::string with_values(const std::string& sql, Templates& templates, Binder& binder, const TrialValues& values) {
  const Engine engine = templates.dialect().engine;
  const Template* t = templates.intern(sql, false);
  static const Marks kMarks;
  Arena arena;
  const BoundValues bound = templates.bind(kMarks.params, true, arena);
  const BoundStatement* statement = binder.bind(*t);
  std::vector<std::string> literals(kMaxParameters);
  const auto give = [&](const Value& v, const std::string& literal) {
    const int n = parameter_of(v);
    if (n >= 0 && static_cast<size_t>(n) < literals.size() && literals[static_cast<size_t>(n)].empty())
      literals[static_cast<size_t>(n)] = literal;
  };
  const auto give_slot = [&](int slot, const std::string& literal) {
    if (slot < 0 || static_cast<size_t>(slot) >= bound.slots.size()) return;
    give(bound.slots[static_cast<size_t>(slot)], literal);
    if (static_cast<size_t>(slot) < bound.lists().size()) {
      for (const Value& v : bound.lists()[static_cast<size_t>(slot)]) give(v, literal);
    }
  };
  const StatementFacts& facts = t->facts;
  const auto give_keys = [&](const std::string& name, const Table* table, const std::vector<KeyColumn>& keys) {
    for (const KeyColumn& k : keys) {
      const auto slot = static_cast<size_t>(k.slot);
      for (size_t i = 0; k.is_list && slot < bound.lists().size() && i < bound.lists()[slot].size(); ++i) {
        if (!k.column.empty()) give(bound.lists()[slot][i], values.of(name, table, k.column, i));
      }
      give_slot(k.slot, k.column.empty() ? made_up({}, engine) : values.of(name, table, k.column));
    }
  };
  for (const WriteAccess& w : statement->access.writes) {
    give_keys(w.name, w.table, w.equal);
    for (const ColumnWrite& c : w.set) {
      if (c.value != nullptr && c.value->kind == OperandKind::kSlot) give_slot(c.value->slot, values.of(w.name, w.table, c.column));
    }
  }
  for (const ReadAccess& r : statement->access.reads) {
    give_keys(r.name, r.table, r.equal);
    for (const OtherCondition& o : r.others) {
      if (o.columns.size() == 1) give_slot(o.slot, values.of(r.name, r.table, o.columns.front()));
    }
  }
  for (const LockStatement& l : facts.locks) {
    for (const int slot : l.key_slots) give_slot(slot, "'1'");
  }
  for (size_t i = 0; i < facts.writes.size(); ++i) {
    for (const Assignment& a : facts.writes[i].upsert_set) {
      if (a.value.kind == OperandKind::kSlot)
        give_slot(a.value.slot, values.of(statement->write_tables()[i].name, statement->write_tables()[i].table, a.column.name));
    }
  }
  for (const QueryBlock& b : facts.blocks) {
    give_slot(b.limit_slot, "1");
    give_slot(b.offset_slot, "0");
  }

  std::string out;
  Lexer lexer(sql, templates.dialect());
  const char* end = sql.data();
  size_t next = 0;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    out.append(end, token.text.data());
    end = token.text.data() + token.text.size();
    if (token.kind != TokenKind::kPlaceholder) {
      out += token.text;
      continue;
    }
    size_t number = next++;
    if (token.text.size() > 1) {
      size_t written = 0;
      std::from_chars(token.text.data() + 1, token.text.data() + token.text.size(), written);
      if (written > 0) number = written - 1;
    }
    const bool given = number < literals.size() && !literals[number].empty();
    out += given ? literals[number] : engine == Engine::kPostgres ? "'1'" : "1";
  }
  return out;
}

}  // namespace dbaudit
