// StatementFacts as one JSON object: what `dbaudit facts` prints. Written by hand, because the JSON library lives above this floor.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "analyzers/sql/fingerprint.h"
#include "analyzers/sql/parser.h"

namespace dbaudit {
namespace {

/// Appends JSON to a string: commas where they belong, strings escaped and made valid UTF-8.
class JsonWriter {
 public:
  void open_object() { open('{'); }
  void close_object() { close('}'); }
  void open_array() { open('['); }
  void close_array() { close(']'); }
  void key(std::string_view name) {
    separate();
    string_body(name);
    out_ += ':';
    fresh_ = true;
  }
  void string(std::string_view s) {
    separate();
    string_body(s);
  }
  void boolean(bool b) {
    separate();
    out_ += b ? "true" : "false";
  }
  void number(int n) {
    separate();
    out_ += std::to_string(n);
  }
  void null() {
    separate();
    out_ += "null";
  }
  template <typename List>
  void strings(std::string_view name, const List& list) {
    key(name);
    open_array();
    for (const std::string_view s : list) string(s);
    close_array();
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void open(char c) {
    separate();
    out_ += c;
    fresh_ = true;
  }
  void close(char c) {
    out_ += c;
    fresh_ = false;
  }
  void separate() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void string_body(std::string_view raw) {
    static constexpr char kHex[] = "0123456789abcdef";
    const std::string s = valid_utf8(raw);
    out_ += '"';
    for (const char c : s) {
      const auto byte = static_cast<unsigned char>(c);
      switch (c) {
        case '"': out_ += "\\\""; break;
        case '\\': out_ += "\\\\"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        default:
          if (byte < 0x20) {
            out_ += "\\u00";
            out_ += kHex[byte >> 4];
            out_ += kHex[byte & 15];
          } else {
            out_ += c;
          }
      }
    }
    out_ += '"';
  }

  std::string out_;
  bool fresh_ = true;
};

std::string spelled(const ObjectName& n, const Dialect& dialect) {
  const std::string name = n.quoted ? n.name : n.name.lower();
  // SQLite's schemas are its attached files; nobody calls a table by them.
  if (n.schema.empty() || dialect.engine == Engine::kSqlite) return name;
  return to_lower(n.schema) + "." + name;
}

void sort_distinct(std::vector<std::string>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

bool is_write(StatementKind k) {
  return k == StatementKind::kInsert || k == StatementKind::kReplace || k == StatementKind::kUpdate || k == StatementKind::kDelete ||
         k == StatementKind::kMerge;
}

std::string_view strength_name(LockStrength s) {
  switch (s) {
    case LockStrength::kUpdate: return "UPDATE";
    case LockStrength::kNoKeyUpdate: return "NO KEY UPDATE";
    case LockStrength::kShare: return "SHARE";
    case LockStrength::kKeyShare: return "KEY SHARE";
    case LockStrength::kNone: break;
  }
  return "NONE";
}

std::string_view wait_name(LockWait w) {
  switch (w) {
    case LockWait::kNoWait: return "NOWAIT";
    case LockWait::kSkipLocked: return "SKIP LOCKED";
    case LockWait::kBlock: break;
  }
  return "BLOCK";
}

std::string_view tx_name(TxAction a) {
  switch (a) {
    case TxAction::kBegin: return "begin";
    case TxAction::kCommit: return "commit";
    case TxAction::kRollback: return "rollback";
    case TxAction::kSavepoint: return "savepoint";
    case TxAction::kRelease: return "release";
    case TxAction::kRollbackTo: return "rollback_to";
    case TxAction::kSetTransaction: return "set_transaction";
    case TxAction::kSetSession: return "set_session";
    case TxAction::kSetGlobal: return "set_global";
    case TxAction::kAutocommitOn: return "autocommit_on";
    case TxAction::kAutocommitOff: return "autocommit_off";
    case TxAction::kPrepareTransaction: return "prepare_transaction";
    case TxAction::kCommitPrepared: return "commit_prepared";
    case TxAction::kNone: break;
  }
  return "";
}

bool reads_itself(const Assignment& a) {
  switch (a.value.kind) {
    case OperandKind::kSelf:
    case OperandKind::kSelfRelative:
    case OperandKind::kSelfExpression: break;
    default: return false;
  }
  return std::any_of(a.value.columns.begin(), a.value.columns.end(), [&](const ColumnRef& c) { return iequals(c.name, a.column.name); });
}

void assignments(JsonWriter& json, const std::vector<Assignment>& list) {
  json.key("set_cols");
  json.open_array();
  for (const Assignment& a : list) json.string(a.column.name);
  json.close_array();
  json.key("self_ref_cols");
  json.open_array();
  for (const Assignment& a : list) {
    if (reads_itself(a)) json.string(a.column.name);
  }
  json.close_array();
}

/// `where`, `eq_cols`, `in_cols`, `limit` of one block; nothing but `limit` when the block is a set operation.
void predicate(JsonWriter& json, const StatementFacts& facts, const QueryBlock& q, bool is_set_operation) {
  std::vector<std::string> equal, in;
  if (!is_set_operation) {
    for (const Conjunct& c : q.where) {
      if (c.from_join || c.column.name.empty() || c.right.kind == OperandKind::kSubquery) continue;
      if (c.op == CompareOp::kEq && c.right.kind == OperandKind::kSlot) equal.push_back(c.column.name);
      const bool constants =
          c.right.kind == OperandKind::kSlot || (c.right.kind == OperandKind::kExpression && c.right.columns.empty() && c.right.block < 0);
      if (c.op == CompareOp::kIn && constants) in.push_back(c.column.name);
    }
  }
  sort_distinct(equal);
  sort_distinct(in);
  json.key("where");
  json.boolean(q.has_where && !is_set_operation);
  json.strings("eq_cols", equal);
  json.strings("in_cols", in);
  json.key("limit");
  json.boolean(q.has_limit);
  (void)facts;
}

void conflict(JsonWriter& json, const Write& w) {
  const bool on_conflict = w.upsert == UpsertKind::kConflictNothing || w.upsert == UpsertKind::kConflictUpdate;
  if (on_conflict) {
    json.key("on_conflict");
    json.open_object();
    json.key("action");
    json.string(w.upsert == UpsertKind::kConflictUpdate ? "UPDATE" : "NOTHING");
    std::vector<std::string> columns, expressions;
    for (size_t i = 0; i < w.conflict_columns.size(); ++i) {
      const bool expression = i < w.conflict_is_expression->size() && (*w.conflict_is_expression)[i];
      columns.push_back(expression ? "<expr>" : w.conflict_columns[i]);
      if (expression) expressions.push_back(w.conflict_columns[i]);
    }
    json.strings("cols", columns);
    if (!expressions.empty()) json.strings("expressions", expressions);
    json.key("constraint");
    if (w.conflict_constraint.empty()) {
      json.null();
    } else {
      json.string(w.conflict_constraint);
    }
    json.key("partial");
    json.boolean(w.has_conflict_predicate);
    assignments(json, w.upsert_set);
    json.key("where");
    json.boolean(w.upsert_has_where);
    json.close_object();
  }
  if (w.upsert == UpsertKind::kDuplicateUpdate) {
    json.key("on_duplicate");
    json.open_object();
    assignments(json, w.upsert_set);
    json.close_object();
  }
}

void write_facts(JsonWriter& json, const Write& w, const Dialect& dialect) {
  std::vector<std::string> targets;
  for (const ObjectName& t : w.targets) targets.push_back(spelled(t, dialect));
  if (targets.size() == 1) {
    json.key("target");
    json.string(targets.front());
  }
  json.strings("targets", targets);
  if (w.kind == StatementKind::kInsert || w.kind == StatementKind::kReplace) {
    json.strings("insert_cols", w.insert_columns);
    json.key("insert_source");
    switch (w.source) {
      case InsertSource::kValues: json.string(w.row_constructor ? "select" : "values"); break;
      case InsertSource::kSelect:
      case InsertSource::kTable: json.string("select"); break;
      case InsertSource::kSet: json.string("set"); break;
      case InsertSource::kDefault: json.string("default"); break;
      case InsertSource::kNone: json.null(); break;
    }
    json.key("rows");
    json.number(w.rows);
    if (w.not_exists_block >= 0) {
      json.key("not_exists_guard");
      json.boolean(true);
    }
    conflict(json, w);
  }
  if (w.kind == StatementKind::kUpdate || w.kind == StatementKind::kMerge) assignments(json, w.set);
  if (w.merge_deletes) {
    json.key("deletes");
    json.boolean(true);
  }
  json.key("ignore");
  json.boolean(w.ignore);
  json.key("returning");
  json.boolean(w.returning);
}

void transaction(JsonWriter& json, const TransactionControl& tx) {
  if (tx.action == TxAction::kNone) return;
  json.key("txn");
  json.string(tx_name(tx.action));
  if (!tx.savepoint.empty()) {
    json.key("savepoint");
    json.string(tx.savepoint);
  }
  json.key("options");
  json.open_object();
  auto flag = [&](std::string_view name, bool on) {
    if (!on) return;
    json.key(name);
    json.boolean(true);
  };
  if (tx.isolation != Isolation::kUnknown) {
    json.key("isolation");
    json.string(to_lower(isolation_name(tx.isolation)));
  }
  if (tx.mode != BeginMode::kDefault) {
    json.key("mode");
    json.string(tx.mode == BeginMode::kDeferred ? "deferred" : tx.mode == BeginMode::kImmediate ? "immediate" : "exclusive");
  }
  flag("read_only", tx.read_only);
  flag("read_write", tx.read_write);
  flag("consistent_snapshot", tx.consistent_snapshot);
  flag("chain", tx.and_chain);
  json.close_object();
}

void explicit_locks(JsonWriter& json, const StatementFacts& facts, const Dialect& dialect) {
  if (facts.locks.empty()) return;
  json.key("locks");
  json.open_array();
  for (const LockStatement& l : facts.locks) {
    json.open_object();
    json.key("kind");
    switch (l.kind) {
      case ExplicitLock::kTable: json.string("table"); break;
      case ExplicitLock::kUnlockTables: json.string("unlock_tables"); break;
      case ExplicitLock::kAdvisory: json.string("advisory"); break;
      case ExplicitLock::kAdvisoryRelease: json.string("advisory_release"); break;
      case ExplicitLock::kNone: json.null(); break;
    }
    if (!l.tables.empty()) {
      std::vector<std::string> tables;
      for (const ObjectName& t : l.tables) tables.push_back(spelled(t, dialect));
      json.strings("tables", tables);
    }
    if (!l.mode.empty()) {
      json.key("mode");
      json.string(l.mode);
    }
    auto flag = [&](std::string_view name, bool on) {
      if (!on) return;
      json.key(name);
      json.boolean(true);
    };
    flag("transaction_scoped", l.transaction_scoped);
    flag("try", l.try_only);
    flag("shared", l.shared);
    json.close_object();
  }
  json.close_array();
}

void definition(JsonWriter& json, const StatementFacts& facts, const Dialect& dialect) {
  if (facts.ddl->table.name.empty() || facts.kind == StatementKind::kSelect) return;
  json.key("target");
  json.string(spelled(facts.ddl->table, dialect));
  if (!facts.ddl->columns.empty()) json.strings("columns", facts.ddl->columns);
  if (!facts.ddl->unique.empty()) {
    json.key("unique");
    json.open_array();
    for (const std::vector<std::string>& key : facts.ddl->unique) {
      json.open_object();
      json.strings("cols", key);
      json.close_object();
    }
    json.close_array();
  }
}

void one_statement(JsonWriter& json, const StatementFacts& facts, const Dialect& dialect) {
  json.key("kind");
  json.string(statement_kind_name(facts.kind));

  const bool writes = is_write(facts.kind);
  const QueryBlock* top = facts.top();
  const bool is_set_operation =
      std::any_of(facts.blocks.begin(), facts.blocks.end(), [](const QueryBlock& q) { return q.is_union_branch && q.parent == 0; });
  if (writes && facts.write() != nullptr) {
    write_facts(json, *facts.write(), dialect);
  } else {
    definition(json, facts, dialect);
  }

  std::vector<std::string> read, all;
  for (const QueryBlock& q : facts.blocks) {
    for (const TableRef& t : q.tables) {
      // SQLite's table-valued functions are virtual tables that need no CREATE (vtab.html 2.1.2).
      if (!t.function.empty() && dialect.engine == Engine::kSqlite) read.push_back(to_lower(t.function));
      if (t.is_cte || t.name.name.empty()) continue;
      if (t.role != TableRole::kTarget) read.push_back(spelled(t.name, dialect));
      all.push_back(spelled(t.name, dialect));
    }
  }
  sort_distinct(read);
  sort_distinct(all);
  if (top != nullptr || !read.empty()) json.strings("read_tables", read);
  if (writes && facts.write() != nullptr && (facts.write()->targets.size() > 1 || facts.kind == StatementKind::kDelete)) {
    json.strings("all_tables", all);
  }

  const bool has_predicate =
      facts.kind == StatementKind::kSelect || facts.kind == StatementKind::kUpdate || facts.kind == StatementKind::kDelete;
  if (has_predicate && top != nullptr) predicate(json, facts, *top, is_set_operation);
  if (facts.kind == StatementKind::kSelect && top != nullptr) {
    json.key("lock");
    json.open_array();
    for (const LockClause& l : top->locks) {
      json.open_object();
      json.key("strength");
      json.string(strength_name(l.strength));
      json.key("wait");
      json.string(l.timed ? "WAIT" : wait_name(l.wait));
      if (!l.of.empty()) json.strings("of", l.of);
      json.close_object();
    }
    json.close_array();
  }

  auto other_writes = [&](std::string_view name, bool hidden) {
    bool open = false;
    for (size_t i = writes ? 1 : 0; i < facts.writes.size(); ++i) {
      const Write& w = facts.writes[i];
      if (w.hidden != hidden) continue;
      if (!open) {
        json.key(name);
        json.open_array();
        open = true;
      }
      json.open_object();
      json.key("kind");
      json.string(statement_kind_name(w.kind));
      write_facts(json, w, dialect);
      json.close_object();
    }
    if (open) json.close_array();
  };
  other_writes("cte_writes", false);
  other_writes("hidden_writes", true);

  transaction(json, facts.tx);
  explicit_locks(json, facts, dialect);
  if (!facts.use_database.empty()) {
    json.key("database");
    json.string(facts.use_database);
  }
  if (facts.implicit_commit) {
    json.key("implicit_commit");
    json.boolean(true);
  }
  json.key("quality");
  json.string(facts.quality == Quality::kFull ? "full" : facts.quality == Quality::kPartial ? "partial" : "opaque");
  if (facts.truncated) {
    json.key("truncated");
    json.boolean(true);
  }
  if (!facts.reason.empty()) {
    json.key("reason");
    json.string(facts.reason);
  }
}

}  // namespace

std::string facts_to_json(std::string_view sql, const StatementFacts& facts, const Dialect& dialect) {
  JsonWriter json;
  json.open_object();
  one_statement(json, facts, dialect);
  if (!facts.following.empty()) {
    json.key("following");
    json.open_array();
    for (const StatementFacts& f : facts.following) {
      json.open_object();
      one_statement(json, f, dialect);
      json.close_object();
    }
    json.close_array();
  }
  Fingerprinter fingerprinter(dialect);
  const Normalised& n = fingerprinter.normalise(sql);
  json.key("template");
  json.string(n.text);
  json.key("fingerprint");
  json.string(hex64(n.fingerprint));
  json.close_object();
  return json.take();
}

}  // namespace dbaudit
