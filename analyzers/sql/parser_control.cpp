// Transactions, SET, explicit locks. What a text's end leaves open here says nothing at all: COMMIT may go on as COMMIT PREPARED, ROLLBACK as
// ROLLBACK TO SAVEPOINT, so a cut statement of this kind keeps its kind only.

#include <algorithm>
#include <optional>

#include "analyzers/base/text.h"
#include "analyzers/sql/parser_internal.h"

namespace dbaudit::sql_parser {
namespace {

bool is_isolation_variable(std::string_view name) {
  return iequals(name, "tx_isolation") || iequals(name, "transaction_isolation") || iequals(name, "default_transaction_isolation");
}

bool is_read_only_variable(std::string_view name) {
  return iequals(name, "tx_read_only") || iequals(name, "transaction_read_only") || iequals(name, "default_transaction_read_only");
}

/// ON, 1, TRUE, '1' → true; OFF, 0, FALSE → false.
std::optional<bool> as_switch(std::string_view text) {
  if (text == "1" || iequals(text, "on") || iequals(text, "true") || iequals(text, "yes")) return true;
  if (text == "0" || iequals(text, "off") || iequals(text, "false") || iequals(text, "no")) return false;
  return std::nullopt;
}

}  // namespace

void Parser::settle_control() {
  switch (facts_.kind) {
    case StatementKind::kTransaction:
    case StatementKind::kSet:
    case StatementKind::kLock:
    case StatementKind::kUnlock:
    case StatementKind::kOtherDdl:
    case StatementKind::kOther: break;
    default: return;
  }
  facts_.tx = TransactionControl{};
  facts_.locks.clear();
  facts_.implicit_commit = false;
}

// ISOLATION LEVEL …, READ ONLY, READ WRITE, [NOT] DEFERRABLE, WITH CONSISTENT SNAPSHOT, separated by commas or blanks.
void Parser::transaction_modes() {
  TransactionControl& tx = facts_.tx;
  for (;;) {
    if (accept_punct(',')) continue;
    if (is(Kw::kIsolation) && is(Kw::kLevel, 1)) {
      advance();
      advance();
      if (accept(Kw::kSerializable)) {
        tx.isolation = Isolation::kSerializable;
      } else if (is(Kw::kRepeatable) && is(Kw::kRead, 1)) {
        advance();
        advance();
        tx.isolation = Isolation::kRepeatableRead;
      } else if (is(Kw::kRead) && is(Kw::kCommitted, 1)) {
        advance();
        advance();
        tx.isolation = Isolation::kReadCommitted;
      } else if (is(Kw::kRead) && is(Kw::kUncommitted, 1)) {
        advance();
        advance();
        tx.isolation = Isolation::kReadUncommitted;
      } else if (at_text_end()) {
        hit_end_ = true;
      } else {
        partial("an unknown isolation level");
        return;
      }
    } else if (is(Kw::kRead) && is(Kw::kOnly, 1)) {
      advance();
      advance();
      tx.read_only = true;
    } else if (is(Kw::kRead) && is(Kw::kWrite, 1)) {
      advance();
      advance();
      tx.read_write = true;
    } else if (is(Kw::kWith) && is(Kw::kConsistent, 1) && is(Kw::kSnapshot, 2)) {
      for (int i = 0; i < 3; ++i) advance();
      tx.consistent_snapshot = true;
    } else if (is(Kw::kNot) && is(Kw::kDeferrable, 1)) {
      advance();
      advance();
    } else if (!accept(Kw::kDeferrable)) {
      return;
    }
  }
}

void Parser::begin_or_start() {
  facts_.kind = StatementKind::kTransaction;
  TransactionControl& tx = facts_.tx;
  const bool start = is(Kw::kStart);
  advance();
  if (start && !is(Kw::kTransaction)) {
    if (at_text_end()) {
      hit_end_ = true;
      facts_.kind = StatementKind::kOther;
    } else {
      facts_.kind = StatementKind::kOther;  // START REPLICA, START SLAVE
      facts_.implicit_commit = mysql_ && !lenient();
      skip_statement();
    }
    return;
  }
  if (accept(Kw::kDeferred)) {
    tx.mode = BeginMode::kDeferred;
  } else if (accept(Kw::kImmediate) || accept(Kw::kConcurrent)) {
    tx.mode = BeginMode::kImmediate;
  } else if (accept(Kw::kExclusive)) {
    tx.mode = BeginMode::kExclusive;
  }
  if (!accept(Kw::kTransaction)) accept(Kw::kWork);
  if (sqlite() && is_name()) advance();  // a name nobody reads
  tx.action = TxAction::kBegin;
  transaction_modes();
}

void Parser::commit_or_rollback() {
  facts_.kind = StatementKind::kTransaction;
  TransactionControl& tx = facts_.tx;
  const bool commits = is(Kw::kCommit) || is(Kw::kEnd);
  advance();
  tx.action = commits ? TxAction::kCommit : TxAction::kRollback;
  if (is(Kw::kPrepared)) {
    advance();
    if (is_value()) advance();
    // ROLLBACK PREPARED ends another transaction, not the session's own.
    tx.action = commits ? TxAction::kCommitPrepared : TxAction::kNone;
    return;
  }
  if (!accept(Kw::kTransaction)) accept(Kw::kWork);
  if (accept(Kw::kTo)) {
    accept(Kw::kSavepoint);
    tx.action = TxAction::kRollbackTo;
    if (is_name() || is_string()) {
      tx.savepoint = name_at(here());
      advance();
    }
  } else if (accept(Kw::kAnd)) {
    const bool no = accept(Kw::kNo);
    if (accept(Kw::kChain)) tx.and_chain = !no;
  }
  if (accept(Kw::kNo)) {
    accept(Kw::kRelease);
  } else {
    accept(Kw::kRelease);
  }
  if (sqlite() && is_name()) advance();
}

void Parser::savepoint_or_release() {
  facts_.kind = StatementKind::kTransaction;
  const bool release_it = is(Kw::kRelease);
  advance();
  if (release_it) accept(Kw::kSavepoint);
  facts_.tx.action = release_it ? TxAction::kRelease : TxAction::kSavepoint;
  if (is_name() || is_string()) {
    facts_.tx.savepoint = name_at(here());
    advance();
  } else if (at_text_end()) {
    hit_end_ = true;
  }
}

void Parser::prepare_statement() {
  advance();
  if (accept(Kw::kTransaction)) {
    facts_.kind = StatementKind::kTransaction;
    facts_.tx.action = TxAction::kPrepareTransaction;
    if (is_value()) advance();
    return;
  }
  if (at_text_end()) hit_end_ = true;
  if (!cut()) facts_.kind = StatementKind::kPrepare;
  skip_statement();
}

void Parser::xa_statement() {
  facts_.kind = StatementKind::kTransaction;
  advance();
  if (is(Kw::kStart) || is(Kw::kBegin)) {
    facts_.tx.action = TxAction::kBegin;
  } else if (is(Kw::kPrepare)) {
    facts_.tx.action = TxAction::kPrepareTransaction;
  } else if (is(Kw::kCommit)) {
    facts_.tx.action = TxAction::kCommitPrepared;
    for (int i = 1; !at_end() && tok(i).kind != TokenKind::kEnd; ++i) {
      if (is_word("phase", i)) facts_.tx.action = TxAction::kCommit;
    }
  } else if (is(Kw::kRollback)) {
    facts_.tx.action = TxAction::kRollback;
  }
  skip_statement();
}

// --- SET ------------------------------------------------------------------------------------------------------------------------------

void Parser::set_statement() {
  facts_.kind = StatementKind::kSet;
  advance();
  enum class Scope : uint8_t { kNone, kSession, kLocal, kGlobal } scope = Scope::kNone;
  if (is_word("statement") || is(Kw::kStatement)) {  // MariaDB: SET STATEMENT max_statement_time=1 FOR SELECT …
    while (!at_end() && !is(Kw::kFor)) advance();
    if (accept(Kw::kFor)) return statement();
    return;
  }
  const bool scoped = (is(Kw::kSession) || is(Kw::kLocal) || is(Kw::kGlobal)) && !is_op("=", 1) && !is(Kw::kTo, 1);
  if (scoped) {
    scope = is(Kw::kSession) ? Scope::kSession : is(Kw::kLocal) ? Scope::kLocal : Scope::kGlobal;
    advance();
  }
  if (is(Kw::kCharacteristics) && is(Kw::kAs, 1) && is(Kw::kTransaction, 2)) {
    for (int i = 0; i < 3; ++i) advance();
    facts_.tx.action = TxAction::kSetSession;
    transaction_modes();
    return;
  }
  if (accept(Kw::kTransaction)) {
    facts_.tx.action = scope == Scope::kGlobal                                           ? TxAction::kSetGlobal
                       : scope == Scope::kNone || (postgres() && scope == Scope::kLocal) ? TxAction::kSetTransaction
                                                                                         : TxAction::kSetSession;
    if (accept(Kw::kSnapshot)) {
      if (is_value()) advance();
      facts_.tx.consistent_snapshot = true;
    }
    transaction_modes();
    if (!at_end()) skip_statement();
    return;
  }
  if (scoped) --pos_;
  do {
    set_variable();
  } while (accept_punct(','));
  skip_statement();
}

// One `[scope] name { = | := | TO } value` of a SET. Only what changes transactions is remembered.
void Parser::set_variable() {
  bool session = false, local = false, global = false, at_sign = false;
  std::string_view name;
  if (tok().kind == TokenKind::kVariable) {
    std::string_view text = tok().text;
    if (!text.starts_with("@@")) {
      text = {};  // a user variable
    } else {
      at_sign = true;
      text.remove_prefix(2);
      auto strip_scope = [&](std::string_view scope, bool& flag) {
        if (!istarts_with(text, scope)) return;
        text.remove_prefix(scope.size());
        flag = true;
      };
      strip_scope("session.", session);
      strip_scope("local.", session);
      strip_scope("global.", global);
      strip_scope("persist.", global);
    }
    name = text;
    advance();
    while (is_punct('.') && is_name(1)) {  // @@session . autocommit
      if (iequals(name, "session") || iequals(name, "local")) session = true;
      if (iequals(name, "global") || iequals(name, "persist")) global = true;
      advance();
      name = tok().text;
      advance();
    }
  } else {
    if (!is_op("=", 1) && !is_op(":=", 1) && !is(Kw::kTo, 1)) {
      if (is(Kw::kSession)) {
        session = true;
        advance();
      } else if (is(Kw::kLocal)) {
        local = true;
        advance();
      } else if (is(Kw::kGlobal) || is(Kw::kPersist)) {
        global = true;
        advance();
      }
    }
    if (!is_name()) {
      while (!at_end() && !is_punct(',')) advance();
      return;
    }
    name = tok().text;
    advance();
    while (is_punct('.') && is_name(1)) {
      advance();
      name = tok().text;
      advance();
    }
  }
  if (!accept_op("=") && !accept_op(":=") && !accept(Kw::kTo)) {
    // SET NAMES utf8, SET TIME ZONE 'UTC', SET PASSWORD …
    while (!at_end() && !is_punct(',')) advance();
    return;
  }
  const int value_at = here();
  std::string value = at_end() ? std::string() : name_at(value_at);
  const bool plain = [&] {
    if (at_end()) return false;
    const bool single = tok().kind == TokenKind::kString || tok().kind == TokenKind::kNumber || tok().kind == TokenKind::kWord ||
                        tok().kind == TokenKind::kQuotedName;
    return single && (tok(1).kind == TokenKind::kEnd || is_punct(',', 1) || is_punct(';', 1) || tok().kind == TokenKind::kWord);
  }();
  if (plain && tok().kind == TokenKind::kWord) {  // REPEATABLE READ without quotes, READ-COMMITTED
    advance();
    while (!at_end() && !is_punct(',') && (is_name() || is_op("-"))) {
      value += is_op("-") ? "-" : value.ends_with('-') ? std::string(tok().text) : " " + std::string(tok().text);
      advance();
    }
  } else {
    const Mark m = mark();
    const size_t blocks = facts_.blocks.size();
    const int b = blocks > 0 ? 0 : -1;
    expression(b);
    release(m);
    (void)blocks;
  }

  TransactionControl& tx = facts_.tx;
  auto acts = [&](TxAction action) {
    // SET autocommit = 0, tx_isolation = '…' says both: the action is autocommit's, the level stands beside it.
    if (tx.action == TxAction::kNone || action == TxAction::kAutocommitOn || action == TxAction::kAutocommitOff) tx.action = action;
  };
  if (iequals(name, "autocommit") && !postgres()) {
    const std::optional<bool> on = plain ? as_switch(value) : std::nullopt;
    if (global) {
      acts(TxAction::kSetGlobal);
    } else if (on) {
      acts(*on ? TxAction::kAutocommitOn : TxAction::kAutocommitOff);
    } else if (plain && iequals(value, "default")) {
      acts(TxAction::kAutocommitOn);
    } else {
      partial("the value of autocommit is not in the statement");
    }
    return;
  }
  const bool isolation = is_isolation_variable(name);
  if (!isolation && !is_read_only_variable(name)) return;
  if (isolation) {
    const std::optional<Isolation> level = plain ? parse_isolation(value) : std::nullopt;
    if (!level) {
      if (!(plain && iequals(value, "default"))) partial("the isolation level is not in the statement");
      return;
    }
    if (postgres() && local && istarts_with(name, "default_")) return;  // gone before the next transaction could use it
    tx.isolation = *level;
  } else {
    const std::optional<bool> on = plain ? as_switch(value) : std::nullopt;
    if (!on) return;
    (*on ? tx.read_only : tx.read_write) = true;
  }
  if (global) {
    acts(TxAction::kSetGlobal);
  } else if (postgres()) {
    acts(istarts_with(name, "default_") ? TxAction::kSetSession : TxAction::kSetTransaction);
  } else {
    acts(at_sign && !session ? TxAction::kSetTransaction : TxAction::kSetSession);
  }
}

// --- locks ----------------------------------------------------------------------------------------------------------------------------

void Parser::lock_statement() {
  facts_.kind = StatementKind::kLock;
  advance();
  if (mysql_ && is_word("instance")) return skip_statement();
  if (!accept(Kw::kTable)) accept(Kw::kTables);
  if (postgres()) {
    LockStatement lock;
    lock.kind = ExplicitLock::kTable;
    lock.mode = "ACCESS EXCLUSIVE";
    lock.transaction_scoped = true;
    do {
      accept(Kw::kOnly);
      ObjectName name;
      if (!parse_object_name(name)) {
        if (at_text_end()) hit_end_ = true;
        break;
      }
      accept_op("*");
      lock.tables.push_back(std::move(name));
    } while (accept_punct(','));
    if (accept(Kw::kIn)) {
      lock.mode.clear();
      while (!at_end() && !is(Kw::kMode)) {
        if (!lock.mode.empty()) lock.mode += ' ';
        for (char c : tok().text) lock.mode += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        advance();
      }
      if (!accept(Kw::kMode) && at_text_end()) hit_end_ = true;
    }
    if (accept(Kw::kNowait)) lock.try_only = true;
    lock.shared = lock.mode.find("SHARE") != std::string::npos && lock.mode.find("EXCLUSIVE") == std::string::npos;
    facts_.locks.push_back(std::move(lock));
    return;
  }
  do {
    ObjectName name;
    if (!parse_object_name(name)) {
      if (at_text_end()) hit_end_ = true;
      break;
    }
    if (accept(Kw::kAs)) {
      if (is_name()) advance();
    } else if (is_name() && !is(Kw::kRead) && !is(Kw::kWrite) && !is(Kw::kLowPriority)) {
      advance();
    }
    accept(Kw::kLowPriority);
    std::string mode;
    if (accept(Kw::kRead)) {
      mode = "READ";
    } else if (accept(Kw::kWrite)) {
      mode = "WRITE";
    }
    if (accept(Kw::kLocal)) mode += " LOCAL";
    if (accept(Kw::kConcurrent)) mode += " CONCURRENT";
    if (mode.empty()) {
      if (at_text_end()) hit_end_ = true;
      break;
    }
    if (facts_.locks.empty() || facts_.locks.back().mode != mode) {
      LockStatement lock;
      lock.kind = ExplicitLock::kTable;
      lock.mode = mode;
      lock.shared = mode.starts_with("READ");
      facts_.locks.push_back(std::move(lock));
    }
    facts_.locks.back().tables.push_back(std::move(name));
  } while (accept_punct(','));
  if (accept(Kw::kWait)) {
    if (is_value()) advance();
  } else if (accept(Kw::kNowait)) {
    for (LockStatement& l : facts_.locks) l.try_only = true;
  }
  mysql_implicit_commit();
}

void Parser::unlock_statement() {
  facts_.kind = StatementKind::kUnlock;
  advance();
  if (accept(Kw::kTable) || accept(Kw::kTables)) {
    LockStatement lock;
    lock.kind = ExplicitLock::kUnlockTables;
    facts_.locks.push_back(std::move(lock));
    mysql_implicit_commit();
  }
  skip_statement();
}

void Parser::mysql_implicit_commit() {
  if (is_mysql_family(dialect_.engine)) facts_.implicit_commit = true;
}

// GET_LOCK, RELEASE_LOCK, pg_advisory_…: a lock wherever it is called.
void Parser::advisory_call(const Node& call) {
  const std::string_view name = tokens_[static_cast<size_t>(call.name)].text;
  if (name.size() < 8 || facts_.locks.size() >= 256) return;
  if (closes_[static_cast<size_t>(call.name) + 1] < 0) return;  // cut inside its arguments
  LockStatement lock;
  lock.kind = ExplicitLock::kAdvisory;
  int keys = call.kids_end - call.kids_begin;
  if (!postgres() && iequals(name, "get_lock")) {
    keys = std::min(keys, 1);
    if (call.kids_end - call.kids_begin == 2) {
      const Node& timeout = node(strip(kids_[static_cast<size_t>(call.kids_begin) + 1]));
      lock.try_only = timeout.end - timeout.begin == 1 && tokens_[static_cast<size_t>(timeout.begin)].text == "0";
    }
  } else if (!postgres() && (iequals(name, "release_lock") || iequals(name, "release_all_locks"))) {
    lock.kind = ExplicitLock::kAdvisoryRelease;
  } else if (!mysql_ || lenient()) {
    std::string_view rest = name;
    if (!istarts_with(rest, "pg_")) return;
    rest.remove_prefix(3);
    if (istarts_with(rest, "try_")) {
      lock.try_only = true;
      rest.remove_prefix(4);
    }
    if (!istarts_with(rest, "advisory_")) return;
    rest.remove_prefix(9);
    if (istarts_with(rest, "unlock")) {
      lock.kind = ExplicitLock::kAdvisoryRelease;
    } else if (istarts_with(rest, "xact_lock")) {
      lock.transaction_scoped = true;
    } else if (!istarts_with(rest, "lock")) {
      return;
    }
    lock.shared = icontains(rest, "_shared");
  } else {
    return;
  }
  for (int k = 0; k < keys; ++k) {
    const int kid = kids_[static_cast<size_t>(call.kids_begin + k)];
    const Node& key = node(strip(kid));
    if (key.kind == NodeKind::kValue) {
      lock.key_slots.push_back(key.slot);
    } else if (key.kind == NodeKind::kCall) {  // hashtext(?)
      for (int i = key.kids_begin; i < key.kids_end; ++i) {
        const Node& inner = node(strip(kids_[static_cast<size_t>(i)]));
        if (inner.kind == NodeKind::kValue) lock.key_slots.push_back(inner.slot);
      }
    }
  }
  facts_.locks.push_back(std::move(lock));
}

}  // namespace dbaudit::sql_parser
