// libFuzzer target: any bytes through the parser, in every dialect, whole and cut, and what must hold of the facts.
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -I. tests/fuzz/parser_fuzz.cpp analyzers/sql/*.cpp … -o parser_fuzz
//   ./parser_fuzz -max_total_time=1800 corpus tests/fuzz/parser
//
// The first byte chooses the dialect, the second where the statement is cut, the rest is the statement.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/parser.h"
#include "analyzers/sql/tokens.h"
#include "tests/describe_facts.h"

namespace {

using namespace dbaudit;

void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

const Dialect& choose(unsigned char byte) {
  constexpr Engine kEngines[] = {Engine::kPostgres, Engine::kMySql, Engine::kMariaDb, Engine::kSqlite, Engine::kUnknown};
  return dialect_of(kEngines[byte % 5]);
}

/// Every index in the facts points at something.
class Indexes {
 public:
  Indexes(const StatementFacts& facts, int slots) : facts_(facts), slots_(slots) {}

  void check_all() const {
    const int blocks = static_cast<int>(facts_.blocks.size());
    for (int b = 0; b < blocks; ++b) {
      const QueryBlock& q = facts_.blocks[static_cast<size_t>(b)];
      check(q.parent >= -1 && q.parent < blocks && q.parent != b, "a block's parent");
      check(q.write >= -1 && q.write < static_cast<int>(facts_.writes.size()), "a block's write");
      for (const TableRef& t : q.tables) block(t.derived_block);
      for (const SelectItem& i : q.items) {
        column(i.column, b);
        column(i.computed->aggregate_of, b);
        slot(i.computed->plus_slot);
        block(i.computed->block);
      }
      conjuncts(q.where, b);
      conjuncts(q.having, b);
      for (const OrderItem& o : q.order_by) column(o.column, b);
      slot(q.limit_slot);
      slot(q.offset_slot);
    }
    for (const Write& w : facts_.writes) {
      check(facts_.quality != Quality::kFull || !w.targets.empty(), "a write that was understood has a table");
      block(w.block);
      block(w.not_exists_block);
      check(w.rows >= 0, "rows");
      check(w.conflict_is_expression->size() == w.conflict_columns.size(), "conflict columns and their kinds");
      for (const Operand& o : w.insert_values) operand(o, w.block);
      assignments(w.set, w.block);
      assignments(w.upsert_set, w.block);
      conjuncts(w.conflict_predicate, -1);
    }
    for (const LockStatement& l : facts_.locks) {
      for (int s : l.key_slots) slot(s);
    }
    check(facts_.quality == Quality::kFull || !facts_.reason.empty(), "less than full says why");
  }

 private:
  void slot(int s) const { check(s >= -1 && s < slots_, "a slot"); }
  void block(int b) const { check(b >= -1 && b < static_cast<int>(facts_.blocks.size()), "a block"); }
  void column(const ColumnRef& c, int b) const {
    const int tables = b < 0 ? 0 : static_cast<int>(facts_.blocks[static_cast<size_t>(b)].tables.size());
    check(c.table >= -1 && c.table < tables, "a column's table");
  }
  void operand(const Operand& o, int b) const {
    slot(o.slot);
    slot(o.slot2);
    block(o.block);
    column(o.column, b);
    for (const ColumnRef& c : o.columns) column(c, b);
    check(o.kind != OperandKind::kSelfRelative || o.sign == 1 || o.sign == -1, "a sign");
  }
  void conjuncts(const std::vector<Conjunct>& list, int b) const {
    for (const Conjunct& c : list) {
      column(c.column, b);
      for (const ColumnRef& each : c.columns) column(each, b);
      operand(c.right, b);
      check(!c.exists || c.right.block >= 0, "EXISTS has its block");
    }
  }
  void assignments(const std::vector<Assignment>& list, int b) const {
    for (const Assignment& a : list) {
      column(a.column, b);
      operand(a.value, b);
    }
  }

  const StatementFacts& facts_;
  int slots_;
};

void check_facts(const StatementFacts& facts, int slots) {
  Indexes(facts, slots).check_all();
  for (const StatementFacts& f : facts.following) Indexes(f, slots).check_all();
}

std::string without_tables(std::string line) {
  for (size_t at = 0; (at = line.find('#', at)) != std::string::npos;) {
    size_t end = at + 1;
    while (end < line.size() && line[end] >= '0' && line[end] <= '9') ++end;
    if (end > at + 1) {
      line.erase(at, end - at);
    } else {
      ++at;
    }
  }
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  if (size < 2) return 0;
  const Dialect& dialect = choose(data[0]);
  const std::string_view sql(reinterpret_cast<const char*>(data + 2), size - 2);
  int slots = 0;
  for (const SlotToken& t : tokenise(sql, dialect)) slots = std::max(slots, t.slot + 1);
  const StatementFacts whole = parse_statement(sql, dialect);
  check_facts(whole, slots);
  const std::string json = facts_to_json(sql, whole, dialect);
  check(json.size() > 2 && json.front() == '{' && json.back() == '}' && json.find('\n') == std::string::npos, "one line of JSON");

  const std::string_view prefix = sql.substr(0, sql.size() * data[1] / 255);
  const StatementFacts cut = parse_statement(prefix, dialect, true);
  check(cut.truncated, "a cut statement says so");
  check_facts(cut, slots);
  if (whole.quality != Quality::kFull || whole.truncated || whole.multiple) return 0;
  std::set<std::string> facts;
  for (const std::string& line : test::facts_of(whole)) {
    facts.insert(line);
    facts.insert(without_tables(line));
  }
  for (const std::string& line : test::facts_of(cut)) {
    // The table of a column may become known later: an ON may name a table that a later JOIN brings.
    if (facts.contains(line) || facts.contains(without_tables(line))) continue;
    std::fprintf(stderr, "cut after %zu of %zu bytes: %s\n", prefix.size(), sql.size(), line.c_str());
    check(false, "a cut statement has no fact that the whole one lacks");
  }
  return 0;
}
