// Grammar of SQLAlchemy's messages (1.3 to 2.1), as engine/base.py, engine/default.py, sql/util.py and pool/base.py write them.

#include "analyzers/log/formats/sqlalchemy_message.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/formats/python_repr.h"
#include "analyzers/log/formats/statement_text.h"

namespace dbaudit {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

bool is_stats(std::string_view s) {
  constexpr std::string_view kStats[] = {"generated in ",    "cached since ", "no key ",          "raw sql", "caching disabled ",
                                         "insertmanyvalues", "dialect ",      "caching disabled", "unknown"};
  return std::any_of(std::begin(kStats), std::end(kStats), [s](std::string_view b) { return s.starts_with(b); });
}

constexpr std::string_view kHidden = "[SQL parameters hidden due to hide_parameters=True]";

}  // namespace

size_t sqlalchemy_stats_length(std::string_view text, size_t at) {
  if (at >= text.size() || text[at] != '[') return 0;
  if (!is_stats(text.substr(at + 1, 16))) return 0;
  const size_t close = text.find("] ", at);
  if (close == kNone || close - at > 400 || close + 2 >= text.size()) return 0;
  const char c = text[close + 2];
  const bool repr = c == '{' || c == '(' || c == '[' || text.substr(close + 2) == "None";
  return repr ? close + 2 - at : 0;
}

size_t find_sqlalchemy_message(std::string_view line, size_t from) {
  // Prefixes are short; a statement's parameters may be long.
  const std::string_view head = line.substr(0, 1024);
  for (size_t at = from; at < head.size(); ++at) {
    if (head[at] == '[') {
      if (sqlalchemy_stats_length(line, at) != 0) return at;
    } else if (head[at] == 'B' &&
               (head.substr(at).starts_with("BEGIN (implicit") || head.substr(at).starts_with("BEGIN TWOPHASE (implicit"))) {
      return at;
    }
  }
  return kNone;
}

SqlalchemyMessage parse_sqlalchemy_message(std::string_view message) {
  SqlalchemyMessage m;
  m.body = message;
  if (message.empty()) return m;
  switch (message[0]) {
    case 'B':
      if (message == "BEGIN (implicit)") {
        m.kind = SqlalchemyKind::kBegin;
      } else if (message.starts_with("BEGIN (implicit;")) {
        m.kind = SqlalchemyKind::kAutocommitBegin;
      } else if (message.starts_with("BEGIN TWOPHASE (implicit)")) {
        m.kind = SqlalchemyKind::kBeginTwophase;
      }
      break;
    case 'C':
      if (message == "COMMIT") {
        m.kind = SqlalchemyKind::kCommit;
      } else if (message.starts_with("COMMIT using DBAPI connection.commit()")) {
        m.kind = SqlalchemyKind::kNoEffect;
      } else if (message.starts_with("Col (")) {
        m.kind = SqlalchemyKind::kColumns;
      } else if (message.starts_with("Connection <") || message.starts_with("Created new connection ") ||
                 message.starts_with("Closing connection <")) {
        m.kind = SqlalchemyKind::kPool;
      }
      break;
    case 'R':
      if (message == "ROLLBACK") {
        m.kind = SqlalchemyKind::kRollback;
      } else if (message.starts_with("ROLLBACK using DBAPI connection.rollback()") || message.starts_with("ROLLBACK will be skipped by ")) {
        m.kind = SqlalchemyKind::kNoEffect;
      } else if (message.starts_with("Row (")) {
        m.kind = SqlalchemyKind::kRow;
      }
      break;
    case 'H':
      if (message.starts_with("Hard-closing connection <")) m.kind = SqlalchemyKind::kPool;
      break;
    case '[': {
      if (const size_t stats = sqlalchemy_stats_length(message, 0); stats != 0) {
        m.kind = SqlalchemyKind::kParameters;
        m.stats = true;
        m.body = message.substr(stats);
        m.hidden = m.body == kHidden;
        return m;
      }
      // A logging_token, or the parameters of 1.3's executemany.
      const size_t close = message.substr(0, 200).find("] ");
      if (close != kNone) {
        const SqlalchemyMessage inner = message.substr(close + 2).starts_with('[') && sqlalchemy_stats_length(message, close + 2) == 0
                                            ? SqlalchemyMessage()
                                            : parse_sqlalchemy_message(message.substr(close + 2));
        const bool is_token = inner.kind != SqlalchemyKind::kOther && inner.kind != SqlalchemyKind::kPool &&
                              (inner.kind != SqlalchemyKind::kParameters || inner.stats);
        if (is_token) {
          m = inner;
          m.token = message.substr(1, close - 1);
          return m;
        }
        // The statement's first line may be empty: DDL begins with a newline.
        const std::string_view rest = message.substr(close + 2);
        if (rest.starts_with('\n') && starts_like_sql(rest)) {
          m.kind = SqlalchemyKind::kStatement;
          m.token = message.substr(1, close - 1);
          m.body = rest;
          return m;
        }
      }
      [[fallthrough]];
    }
    case '(':
    case '{':
      if (message.size() >= 2 && skip_python_repr(message) == message.size()) {
        m.kind = SqlalchemyKind::kParameters;
        return m;
      }
      break;
    default: break;
  }
  if (m.kind == SqlalchemyKind::kOther && starts_like_sql(message, true)) m.kind = SqlalchemyKind::kStatement;
  return m;
}

SqlalchemyPoolEvent parse_sqlalchemy_pool(std::string_view message, std::string_view& connection) {
  connection = {};
  if (const size_t at = message.find(" at 0x"); at != kNone) {
    size_t end = at + 6;
    while (end < message.size() && is_word(message[end])) ++end;
    connection = message.substr(at + 4, end - at - 4);
  }
  if (message.starts_with("Created new connection ")) return SqlalchemyPoolEvent::kCreated;
  if (message.starts_with("Closing connection ") || message.starts_with("Hard-closing connection ")) return SqlalchemyPoolEvent::kClosed;
  if (!message.starts_with("Connection ")) return SqlalchemyPoolEvent::kOther;
  if (message.ends_with(" checked out from pool")) return SqlalchemyPoolEvent::kCheckedOut;
  if (message.ends_with(" being returned to pool")) return SqlalchemyPoolEvent::kReturned;
  if (message.ends_with(" rollback-on-return")) return SqlalchemyPoolEvent::kRollback;  // `, via agent` behind it: the engine logs one too
  return SqlalchemyPoolEvent::kOther;
}

size_t find_sqlalchemy_mark(std::string_view head) {
  size_t first = kNone;
  for (const std::string_view mark : {"BEGIN (implicit", "BEGIN TWOPHASE (", "generated in ", "cached since ", "[raw sql] ", "[no key ",
                                      "[caching disabled", "[dialect ", "[insertmanyvalues "}) {
    first = std::min(first, head.find(mark));
  }
  return first;
}

bool begins_sqlite_transaction(std::string_view sql) {
  const size_t at = sql.find_first_not_of(" \t\r\n");
  if (at == kNone) return false;
  sql.remove_prefix(at);
  return istarts_with(sql, "INSERT") || istarts_with(sql, "UPDATE") || istarts_with(sql, "DELETE") || istarts_with(sql, "REPLACE");
}

bool looks_like_sqlite(std::string_view head) {
  const auto seen = [head](std::string_view text) { return head.find(text) != kNone; };
  if (seen("PRAGMA main.table_info(") || seen("PRAGMA main.table_xinfo(")) return true;
  const bool question = seen(" = ?") || seen("(?, ") || seen("=?") || seen("LIMIT ?") || seen("(?)");
  return question && !seen("%(") && !seen(" = %s") && !seen(" = $1") && !seen("pg_catalog.") && !seen("SELECT @@") && !seen("`");
}

}  // namespace dbaudit
