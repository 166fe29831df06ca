#include "analyzers/sql/facts.h"

namespace dbaudit {

std::string_view statement_kind_name(StatementKind k) {
  switch (k) {
    case StatementKind::kSelect: return "SELECT";
    case StatementKind::kInsert: return "INSERT";
    case StatementKind::kReplace: return "REPLACE";
    case StatementKind::kUpdate: return "UPDATE";
    case StatementKind::kDelete: return "DELETE";
    case StatementKind::kMerge: return "MERGE";
    case StatementKind::kTransaction: return "TXN";
    case StatementKind::kSet: return "SET";
    case StatementKind::kLock: return "LOCK";
    case StatementKind::kUnlock: return "UNLOCK";
    case StatementKind::kUse: return "USE";
    case StatementKind::kPrepare: return "PREPARE";
    case StatementKind::kExecute: return "EXECUTE";
    case StatementKind::kDeallocate: return "DEALLOCATE";
    case StatementKind::kCreateTable: return "CREATE_TABLE";
    case StatementKind::kCreateIndex: return "CREATE_INDEX";
    case StatementKind::kAlterTable: return "ALTER_TABLE";
    case StatementKind::kOtherDdl: return "DDL";
    case StatementKind::kDo: return "DO";
    case StatementKind::kCall: return "CALL";
    case StatementKind::kExplain: return "EXPLAIN";
    case StatementKind::kDiscard: return "DISCARD";
    case StatementKind::kOther: break;
  }
  return "OTHER";
}

}  // namespace dbaudit
