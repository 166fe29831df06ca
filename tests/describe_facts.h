#pragma once
// StatementFacts as text, one line a fact, for tests: a fact that is not there prints nothing, so the facts of a cut statement must be among
// those of the whole one.

#include <string>
#include <vector>

#include "analyzers/sql/facts.h"

namespace dbaudit::test {

inline std::string describe(const ObjectName& n) { return n.schema.empty() ? n.name.str() : n.schema.str() + "." + n.name.str(); }

inline std::string describe(const ColumnRef& c) {
  std::string s = c.qualifier.empty() ? c.name.str() : c.qualifier.str() + "." + c.name.str();
  if (c.table >= 0) s += "#" + std::to_string(c.table);
  return s;
}

inline std::string describe(const std::vector<ColumnRef>& list) {
  std::string s;
  for (const ColumnRef& c : list) s += (s.empty() ? "" : ",") + describe(c);
  return "[" + s + "]";
}

inline std::string describe(CompareOp op) {
  static constexpr const char* kNames[] = {
      "=", "<=>", "<>", "<", "<=", ">", ">=", "in", "not in", "like", "is null", "is not null", "between", "other"};
  return kNames[static_cast<size_t>(op)];
}

inline std::string describe(const Operand& o) {
  std::string s;
  switch (o.kind) {
    case OperandKind::kNone: s = "none"; break;
    case OperandKind::kSlot: s = "slot " + std::to_string(o.slot) + (o.slot2 >= 0 ? " " + std::to_string(o.slot2) : ""); break;
    case OperandKind::kColumn: s = "column " + describe(o.column); break;
    case OperandKind::kSubquery: s = "subquery " + std::to_string(o.block); break;
    case OperandKind::kNow: s = "now"; break;
    case OperandKind::kDefault: s = "default"; break;
    case OperandKind::kExcluded: s = "excluded " + o.column->name.str(); break;
    case OperandKind::kSelf: s = "self"; break;
    case OperandKind::kSelfRelative:
      s = std::string("self ") + (o.sign > 0 ? "+" : "-");
      if (o.slot >= 0) s += " slot " + std::to_string(o.slot);
      if (!o.column->name.empty()) s += " " + describe(o.column);
      if (o.block >= 0) s += " block " + std::to_string(o.block);
      break;
    case OperandKind::kSelfExpression:
      s = "self-expression {" + o.text.str() + "}" + (o.block >= 0 ? " block " + std::to_string(o.block) : "");
      break;
    case OperandKind::kExpression:
      s = "expression {" + o.text.str() + "}" + (o.slot >= 0 ? " slot " + std::to_string(o.slot) : "") +
          (o.block >= 0 ? " block " + std::to_string(o.block) : "") + (o.columns.empty() ? "" : " " + describe(o.columns));
      break;
  }
  return s;
}

inline std::string describe(const Conjunct& c) {
  std::string s;
  if (c.from_join) s += "on ";
  if (c.exists || c.negated_exists) return s + (c.exists ? "exists " : "not exists ") + std::to_string(c.right.block);
  s += c.column.name.empty() ? "{" + c.expression.str() + "} " + describe(c.columns) : describe(c.column);
  s += " " + describe(c.op);
  if (c.right.kind != OperandKind::kNone) s += " " + describe(c.right);
  return s;
}

inline std::string describe(const SelectItem& i) {
  static constexpr const char* kAggregates[] = {"", "count", "sum", "max", "min", "avg", "aggregate"};
  std::string s;
  if (!i.column.name.empty()) {
    s = describe(i.column);
  } else if (i.computed->exists) {
    s = "exists " + std::to_string(i.computed->block);
  } else if (i.computed->aggregate != Aggregate::kNone) {
    s = std::string(kAggregates[static_cast<size_t>(i.computed->aggregate)]) + " of " + describe(i.computed->aggregate_of);
    if (i.computed->plus_slot >= 0) s += " plus slot " + std::to_string(i.computed->plus_slot);
  } else if (i.computed->constant) {
    s = "constant";
  } else {
    s = "{" + i.computed->text + "}";
    if (i.computed->block >= 0) s += " block " + std::to_string(i.computed->block);
  }
  if (!i.alias.empty()) s += " as " + i.alias.str();
  return s;
}

inline void add(std::vector<std::string>& out, const std::string& prefix, const std::vector<Assignment>& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    out.push_back(prefix + " " + describe(list[i].column) + " = " + describe(list[i].value));
  }
}

/// Every fact of one statement (not of those that follow it), without quality, truncated and reason.
inline std::vector<std::string> facts_of(const StatementFacts& f) {
  std::vector<std::string> out;
  static constexpr const char* kRoles[] = {"target", "from", "join", "using"};
  static constexpr const char* kStrengths[] = {"none", "key share", "share", "no key update", "update"};
  static constexpr const char* kWaits[] = {"", " nowait", " skip locked"};
  if (f.kind != StatementKind::kOther) out.push_back("kind " + std::string(statement_kind_name(f.kind)));
  for (size_t b = 0; b < f.blocks.size(); ++b) {
    const QueryBlock& q = f.blocks[b];
    const std::string at = "block " + std::to_string(b) + ": ";
    if (q.parent >= 0) out.push_back(at + "in " + std::to_string(q.parent));
    if (!q.cte_name.empty()) out.push_back(at + "cte " + q.cte_name.str());
    if (q.is_union_branch) out.push_back(at + "union branch");
    for (size_t t = 0; t < q.tables.size(); ++t) {
      const TableRef& r = q.tables[t];
      std::string s = at + kRoles[static_cast<size_t>(r.role)] + " ";
      s += r.derived_block >= 0 ? "(block " + std::to_string(r.derived_block) + ")" : r.name.name.empty() ? "(function)" : describe(r.name);
      if (r.is_cte) s += " (cte)";
      if (!r.alias.empty()) s += " as " + r.alias.str();
      out.push_back(std::move(s));
    }
    for (const SelectItem& i : q.items) out.push_back(at + "item " + describe(i));
    if (q.has_where) out.push_back(at + "has where");
    for (const Conjunct& c : q.where) out.push_back(at + "where " + describe(c));
    if (q.where_exact) out.push_back(at + "where exact");
    if (q.distinct) out.push_back(at + "distinct");
    if (q.has_group_by) out.push_back(at + "group by");
    if (q.has_having) out.push_back(at + "has having");
    for (const Conjunct& c : q.having) out.push_back(at + "having " + describe(c));
    for (const OrderItem& o : q.order_by)
      out.push_back(at + "order " + (o.column.name.empty() ? "{}" : describe(o.column)) + (o.descending ? " desc" : ""));
    if (q.has_limit) out.push_back(at + "has limit");
    if (q.limit_slot >= 0) out.push_back(at + "limit slot " + std::to_string(q.limit_slot));
    if (q.offset_slot >= 0) out.push_back(at + "offset slot " + std::to_string(q.offset_slot));
    for (const LockClause& l : q.locks) {
      std::string s =
          at + "for " + kStrengths[static_cast<size_t>(l.strength)] + kWaits[static_cast<size_t>(l.wait)] + (l.timed ? " wait" : "");
      for (const std::string& o : l.of) s += " of " + o;
      out.push_back(std::move(s));
    }
    if (q.write >= 0) out.push_back(at + "write " + std::to_string(q.write));
  }
  for (size_t i = 0; i < f.writes.size(); ++i) {
    const Write& w = f.writes[i];
    const std::string at = "write " + std::to_string(i) + ": ";
    static constexpr const char* kSources[] = {"", "values", "select", "set", "default", "table"};
    static constexpr const char* kUpserts[] = {"", "conflict nothing", "conflict update", "duplicate update", "ignore", "replace"};
    std::string s = at + std::string(statement_kind_name(w.kind));
    out.push_back(s);
    for (const ObjectName& t : w.targets) out.push_back(at + "target " + describe(t));
    if (!w.target_alias.empty()) out.push_back(at + "alias " + w.target_alias.str());
    if (w.block >= 0) out.push_back(at + "block " + std::to_string(w.block));
    for (size_t c = 0; c < std::max(w.insert_columns.size(), w.insert_values.size()); ++c) {
      if (c < w.insert_columns.size()) out.push_back(at + "column " + std::to_string(c) + " " + w.insert_columns[c].str());
      if (c < w.insert_values.size() && w.insert_values[c].kind != OperandKind::kNone) {
        out.push_back(at + "value " + std::to_string(c) + " " + describe(w.insert_values[c]));
      }
    }
    if (w.source != InsertSource::kNone) out.push_back(at + "source " + kSources[static_cast<size_t>(w.source)]);
    if (w.rows > 0) out.push_back(at + "rows " + std::to_string(w.rows));
    if (w.not_exists_block >= 0) out.push_back(at + "guard block " + std::to_string(w.not_exists_block));
    add(out, at + "set", w.set);
    if (w.upsert != UpsertKind::kNone) out.push_back(at + "upsert " + kUpserts[static_cast<size_t>(w.upsert)]);
    for (const std::string& c : w.conflict_columns) out.push_back(at + "conflict " + c);
    if (!w.conflict_constraint.empty()) out.push_back(at + "constraint " + w.conflict_constraint.str());
    if (w.has_conflict_predicate) out.push_back(at + "conflict predicate");
    for (const Conjunct& c : w.conflict_predicate) out.push_back(at + "conflict where " + describe(c));
    add(out, at + "upsert set", w.upsert_set);
    if (w.upsert_has_where) out.push_back(at + "upsert where");
    if (w.ignore) out.push_back(at + "ignore");
    if (w.merge_deletes) out.push_back(at + "deletes");
    if (w.returning) out.push_back(at + "returning");
    if (w.hidden) out.push_back(at + "hidden");
  }
  if (f.tx.action != TxAction::kNone || f.tx.isolation != Isolation::kUnknown) {
    static constexpr const char* kActions[] = {"none",
                                               "begin",
                                               "commit",
                                               "rollback",
                                               "savepoint",
                                               "release",
                                               "rollback to",
                                               "set transaction",
                                               "set session",
                                               "set global",
                                               "autocommit on",
                                               "autocommit off",
                                               "prepare transaction",
                                               "commit prepared"};
    static constexpr const char* kModes[] = {"", " deferred", " immediate", " exclusive"};
    std::string s = std::string("tx ") + kActions[static_cast<size_t>(f.tx.action)] + kModes[static_cast<size_t>(f.tx.mode)];
    if (f.tx.isolation != Isolation::kUnknown) s += " " + std::string(isolation_name(f.tx.isolation));
    if (f.tx.read_only) s += " read-only";
    if (f.tx.read_write) s += " read-write";
    if (f.tx.consistent_snapshot) s += " snapshot";
    if (f.tx.and_chain) s += " chain";
    if (!f.tx.savepoint.empty()) s += " " + f.tx.savepoint.str();
    out.push_back(std::move(s));
  }
  for (const LockStatement& l : f.locks) {
    static constexpr const char* kLocks[] = {"none", "table", "unlock tables", "advisory", "advisory release"};
    std::string s = std::string("lock ") + kLocks[static_cast<size_t>(l.kind)];
    for (const ObjectName& t : l.tables) s += " " + describe(t);
    if (!l.mode.empty()) s += " " + l.mode;
    if (l.transaction_scoped) s += " xact";
    if (l.try_only) s += " try";
    if (l.shared) s += " shared";
    for (int slot : l.key_slots) s += " slot " + std::to_string(slot);
    out.push_back(std::move(s));
  }
  if (!f.ddl->table.name.empty()) out.push_back("ddl table " + describe(f.ddl->table));
  for (const std::string& c : f.ddl->columns) out.push_back("ddl column " + c);
  for (const auto& key : f.ddl->unique) {
    std::string s = "ddl unique";
    for (const std::string& c : key) s += " " + c;
    out.push_back(std::move(s));
  }
  if (f.ddl->temporary) out.push_back("ddl temporary");
  if (f.implicit_commit) out.push_back("implicit commit");
  if (!f.use_database.empty()) out.push_back("use " + f.use_database.str());
  return out;
}

/// The same with the statements that follow in the packet, one line each.
inline std::string describe(const StatementFacts& f) {
  std::string s;
  for (const std::string& line : facts_of(f)) s += line + "\n";
  for (const StatementFacts& next : f.following) s += "then\n" + describe(next);
  return s;
}

}  // namespace dbaudit::test
