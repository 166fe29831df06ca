#include "analyzers/log/formats/hibernate_message.h"

#include <algorithm>
#include <charconv>

#include "analyzers/base/text.h"

namespace dbaudit {
namespace {

using Kind = HibernateMessage::Kind;
constexpr size_t kNone = std::string_view::npos;

HibernateMessage of(Kind kind, std::string_view value = {}) {
  HibernateMessage m;
  m.kind = kind;
  m.value = value;
  return m;
}

/// `binding parameter (1:VARCHAR) <- [value]` (6.2 and later), `binding parameter [1] as [VARCHAR] - [value]` (4.2 to 6.1), `… - value`,
/// `… - <null>` (4.1 and before).
HibernateMessage bind_of(std::string_view message) {
  constexpr std::string_view kStart = "binding parameter ";
  if (!message.starts_with(kStart)) return {};
  message.remove_prefix(kStart.size());
  HibernateMessage m;
  size_t value = kNone;
  if (message.starts_with('(')) {
    const size_t close = message.find(") <- ");
    const size_t colon = message.find(':');
    if (close == kNone || colon == kNone || colon > close) return {};
    std::from_chars(message.data() + 1, message.data() + colon, m.index);
    m.type = message.substr(colon + 1, close - colon - 1);
    value = close + 5;
  } else if (message.starts_with('[')) {
    const size_t as = message.find("] as [");
    const size_t dash = as == kNone ? kNone : message.find("] - ", as);
    if (dash == kNone) return {};
    std::from_chars(message.data() + 1, message.data() + as, m.index);
    m.type = message.substr(as + 6, dash - as - 6);
    value = dash + 4;
  } else {
    return {};
  }
  m.kind = Kind::kBind;
  std::string_view text = message.substr(value);
  if (text.starts_with('[')) {
    text.remove_prefix(1);
    m.open = !text.ends_with(']');
    if (!m.open) text.remove_suffix(1);
    m.is_null = text == "null" && !m.open;
  } else {
    m.is_null = text == "<null>" || text == "null";
  }
  m.value = text;
  return m;
}

/// `Binding [X] to parameter: [2]` of EnumType (5.x).
HibernateMessage enum_bind_of(std::string_view message) {
  const size_t to = message.rfind(" to parameter: ");
  if (!message.starts_with("Binding ") || to == kNone) return {};
  const auto bare = [](std::string_view s) { return s.size() >= 2 && s.front() == '[' && s.back() == ']' ? s.substr(1, s.size() - 2) : s; };
  HibernateMessage m;
  const std::string_view index = bare(trim(message.substr(to + 15)));
  if (std::from_chars(index.data(), index.data() + index.size(), m.index).ec != std::errc()) return {};
  m.kind = Kind::kBind;
  m.value = bare(message.substr(8, to - 8));
  m.is_null = m.value == "null";
  return m;
}

/// `SQL Error: 1213, SQLState: 40001`; 7.x: `HHH000247: ErrorCode: 1213, SQLState: 40001`. The code that tells more: a SQLSTATE of a whole class
/// (23000, HY000) says less than the server's number.
HibernateMessage error_code_of(std::string_view message) {
  const size_t state_at = message.find(", SQLState: ");
  size_t at = message.find("SQL Error: ");
  at = at == 0 ? 11 : kNone;
  if (at == kNone) {
    at = message.find("ErrorCode: ");
    if (at != kNone) at += 11;
  }
  if (at == kNone || state_at == kNone || state_at < at) return {};
  const std::string_view number = message.substr(at, state_at - at), state = trim(message.substr(state_at + 12));
  const bool vague = state.empty() || state == "null" || state == "23000" || state == "HY000" || state == "42000";
  return of(Kind::kErrorCode, vague && number != "0" ? number : state == "null" ? std::string_view() : state);
}

HibernateMessage spring_of(std::string_view message) {
  if (message.starts_with("Creating new transaction with name [")) {
    const size_t at = message.rfind("ISOLATION_");
    std::string_view level = at == kNone ? std::string_view() : message.substr(at + 10);
    level = level.substr(0, level.find_first_of(",; "));
    return of(Kind::kSpringBegin, level == "DEFAULT" ? std::string_view() : level);
  }
  if (message.starts_with("Suspending current transaction, creating new transaction")) return of(Kind::kSuspend);
  if (message.starts_with("Resuming suspended transaction")) return of(Kind::kResume);
  if (message.starts_with("Initiating transaction commit")) return of(Kind::kCommitting);
  if (message.starts_with("Initiating transaction rollback")) return of(Kind::kRollback);
  if (message.starts_with("Closing JPA EntityManager") || message.starts_with("Not closing pre-bound") ||
      message.starts_with("Closing Hibernate Session") ||
      (message.starts_with("Releasing JDBC Connection") && message.ends_with("after transaction")))
    return of(Kind::kAfterEnd);
  return {};
}

}  // namespace

HibernateMessage read_hibernate_message(std::string_view logger, std::string_view message) {
  const size_t dot = logger.rfind('.');
  const std::string_view last = dot == kNone ? logger : logger.substr(dot + 1);
  const std::string_view before = dot == kNone ? std::string_view() : logger.substr(0, dot);
  const bool hibernate = dot == kNone || before.starts_with("org.h") || before.starts_with("o.h") || before.find("hib") != kNone;
  if (last == "SQL") return hibernate ? of(Kind::kSql, message) : HibernateMessage{};
  if (last == "BasicBinder" || last == "bind" || (last == "CustomEnumType" || last == "EnumType")) {
    const HibernateMessage bind = bind_of(message);
    return bind.kind == Kind::kBind ? bind : enum_bind_of(message);
  }
  if (last == "TransactionImpl" || last == "JdbcTransaction" || last == "AbstractTransactionImpl" || last == "transaction") {
    if (message == "begin" || message == "Beginning transaction") return of(Kind::kBegin);
    if (message == "committing" || message == "commit" || message == "Committing transaction") return of(Kind::kCommitting);
    if (message == "committed JDBC Connection") return of(Kind::kCommitted);
    if (message == "rolling back" || message == "rollback" || message == "Rolling back transaction" || message == "rolled JDBC Connection")
      return of(Kind::kRollback);
    return {};
  }
  if (last.ends_with("LogicalConnectionImplementor") || last == "LogicalConnectionImpl" || last == "LogicalConnectionManagedImpl" ||
      last == "LogicalConnectionProvidedImpl") {
    if (message.starts_with("Preparing to begin transaction via JDBC")) return of(Kind::kBegin);
    if (message.starts_with("Transaction committed via JDBC")) return of(Kind::kCommitted);
    if (message.starts_with("Transaction rolled back via JDBC") || message.starts_with("Transaction rolled-back via JDBC"))
      return of(Kind::kRollback);
    return {};
  }
  if (last.ends_with("ResourceLocalTransactionCoordinatorImpl")) {
    if (message.ends_with("#afterCompletionCallback(true)")) return of(Kind::kCommitted);
    if (message.ends_with("#afterCompletionCallback(false)")) return of(Kind::kRollback);
    return {};
  }
  if (last == "SqlExceptionHelper" || (last == "error" && hibernate && before.ends_with("jdbc"))) {
    const HibernateMessage code = error_code_of(message);
    if (code.kind != Kind::kOther) return code;
    if (message.starts_with("SQL Warning Code") || message.starts_with("HHH000")) return {};
    return of(Kind::kErrorText, message);
  }
  if (last.ends_with("TransactionManager")) return spring_of(message);
  return {};
}

}  // namespace dbaudit
