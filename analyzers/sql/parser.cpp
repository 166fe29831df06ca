// Tokens → StatementFacts: packets of statements, names, and the end of every parse, where columns find their tables.
//
// A log may cut a statement anywhere. The parser then reads the text as far as it goes and forgets every clause that the cut could still
// change: a clause is settled when a token after it was seen. So an UPDATE cut before the end of its WHERE keeps its table and nothing else.
// A text that ends where something had to follow is read again in that manner, whether or not the log said that it was cut.

#include "analyzers/sql/parser.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/sql/byte_class.h"
#include "analyzers/sql/parser_internal.h"
#include "analyzers/sql/template_text.h"
#include "analyzers/sql/tokens.h"

namespace dbaudit {
namespace sql_parser {
namespace {

/// Statements of one packet whose facts are kept.
constexpr size_t kMaxFollowing = 64;
/// A longer text is read as if it were cut here: its facts would take a hundred times its size.
constexpr size_t kMaxTokens = 1'000'000;

}  // namespace

Parser::Parser(const Dialect& dialect) : dialect_(dialect), mysql_(is_mysql_family(dialect.engine) || dialect.engine == Engine::kUnknown) {}

void Parser::begin(std::string_view sql, std::span<const SlotToken> all, bool truncated) {
  sql_ = sql;
  truncated_ = truncated;
  hit_end_ = false;
  pos_ = 0;
  captured_.clear();
  capture_block_ = -1;
  element_written_ = false;
  // Written over, not made anew: there are more tokens than anything else.
  if (token_room_.size() < all.size() + 1) token_room_.resize(all.size() + 1);
  closes_.assign(all.size() + 1, -1);
  open_.clear();
  Tok* const first = token_room_.data();
  Tok* next = first;
  int folded_depth = 0;
  for (const SlotToken& t : all) {
    const std::string_view text = t.token.text;
    if (t.folded) {
      if (text == "(" && folded_depth++ == 0 && next != first) ++next[-1].folded_rows;
      if (text == ")" && folded_depth > 0) --folded_depth;
      continue;
    }
    folded_depth = 0;
    const TokenKind kind = t.token.kind;
    if (t.token.unterminated) truncated_ = true;
    if (kind == TokenKind::kEnd || kind == TokenKind::kComment) continue;
    if (static_cast<size_t>(next - first) == kMaxTokens) {
      truncated_ = true;
      break;
    }
    char punct = '\0';
    if (kind == TokenKind::kPunct && !text.empty()) {
      punct = text.front();
      if (punct == '(') {
        open_.push_back(static_cast<int>(next - first));
      } else if (punct == ')' && !open_.empty()) {
        closes_[static_cast<size_t>(open_.back())] = static_cast<int>(next - first);
        open_.pop_back();
      } else if (punct == ';') {
        open_.clear();
      }
    }
    next->kind = kind;
    next->punct = punct;
    next->kw = kind == TokenKind::kWord && t.slot < 0 ? find_keyword(text) : Kw::kNone;
    next->plain = t.plain;
    next->name = Name();
    next->slot = t.slot;
    next->list_length = t.list_length;
    next->folded_rows = 0;
    next->text = text;
    ++next;
    if (t.token.unterminated) break;
  }
  if (truncated_ && next != first) {
    // The last token may be the beginning of a longer one.
    const std::string_view last = next[-1].text;
    const bool touches_end = last.data() + last.size() == sql.data() + sql.size();
    if (touches_end && next[-1].kind != TokenKind::kPunct) --next;
    while (next != first && next[-1].punct == '.') --next;
  }
  *next = Tok();
  next->text = sql.substr(sql.size());
  tokens_ = {first, next + 1};
}

bool Parser::is_word(std::string_view word, int ahead) const {
  const Tok& t = tok(ahead);
  return t.kind == TokenKind::kWord && iequals(t.text, word);
}

bool Parser::is_value(int ahead) const {
  const Tok& t = tok(ahead);
  switch (t.kind) {
    case TokenKind::kNumber:
    case TokenKind::kString:
    case TokenKind::kBits:
    case TokenKind::kPlaceholder: return true;
    case TokenKind::kWord:
      return t.slot >= 0 || t.kw == Kw::kNull ||
             (t.kw == Kw::kNone && (iequals(t.text, "true") || iequals(t.text, "false")) && !is_punct('(', ahead + 1) &&
              !is_punct('.', ahead + 1));
    default: return t.slot >= 0;
  }
}

bool Parser::accept(Kw k) {
  if (tok().kw != k) return false;
  advance();
  return true;
}

bool Parser::accept_punct(char c) {
  if (tok().punct != c) return false;
  advance();
  return true;
}

bool Parser::accept_op(std::string_view op) {
  if (!is_op(op)) return false;
  advance();
  return true;
}

bool Parser::accept_word(std::string_view word) {
  if (!is_word(word)) return false;
  advance();
  return true;
}

bool Parser::expect_punct(char c) {
  if (accept_punct(c)) return true;
  if (at_text_end()) {
    hit_end_ = true;
  } else {
    partial(std::string("expected `") + c + "` before `" + std::string(tok().text.substr(0, 40)) + "`");
  }
  return false;
}

void Parser::skip_to_close() {
  int depth = 1;
  while (!at_end()) {
    if (is_punct('(')) ++depth;
    if (is_punct(')') && --depth == 0) {
      advance();
      return;
    }
    advance();
  }
  if (at_text_end()) hit_end_ = true;
}

void Parser::skip_parens() {
  const int close = closes_[pos_];
  if (close >= 0) {
    pos_ = static_cast<size_t>(close);
    advance();
    return;
  }
  advance();
  skip_to_close();
}

void Parser::skip_statement() {
  while (!at_end()) advance();
}

void Parser::partial(std::string_view reason) {
  if (facts_.quality == Quality::kFull) facts_.quality = Quality::kPartial;
  if (facts_.reason.empty()) facts_.reason = reason;
}

std::string Parser::name_at(int token) const {
  const Tok& t = tokens_[static_cast<size_t>(token)];
  std::string out;
  if (t.kind == TokenKind::kWord) {
    return dialect_.fold_unquoted_lower ? to_lower(t.text) : std::string(t.text);
  }
  if (t.kind == TokenKind::kQuotedName || t.kind == TokenKind::kString) {
    Token plain;
    plain.kind = t.kind;
    plain.text = t.text;
    unquote(plain, dialect_, out);
    return out;
  }
  return std::string(t.text);
}

Name Parser::name_of(int token) const {
  const Tok& t = tokens_[static_cast<size_t>(token)];
  if (t.name.empty()) t.name = t.plain ? Name(t.text.substr(1, t.text.size() - 2)) : make_name(token);
  return t.name;
}

Name Parser::make_name(int token) const {
  const Tok& t = tokens_[static_cast<size_t>(token)];
  constexpr size_t kShort = 64;
  if (t.kind == TokenKind::kWord && t.text.size() <= kShort) {
    if (!dialect_.fold_unquoted_lower) return t.text;
    std::array<char, kShort + 16> folded;
    copy_lower(t.text.data(), t.text.size(), sql_.data() + sql_.size(), folded.data());
    return std::string_view(folded.data(), t.text.size());
  }
  const char first = t.text.empty() ? '\0' : t.text.front();
  // Between quotes none of which is doubled: as it stands.
  if (t.kind == TokenKind::kQuotedName && (first == '"' || first == '`') && t.text.size() >= 2) {
    const char* const close = t.text.data() + t.text.size() - 1;
    if (find_either(t.text.data() + 1, sql_.data() + sql_.size(), first, first) == close) return t.text.substr(1, t.text.size() - 2);
  }
  return name_at(token);
}

bool Parser::same_name(Name a, Name b) const { return a == b || (!dialect_.fold_unquoted_lower && a.lower() == b.lower()); }

bool Parser::parse_object_name(ObjectName& out) {
  if (!is_name() && !(sqlite() && is_string())) return false;
  out.name = name_of(here());
  out.quoted = tok().kind != TokenKind::kWord;
  advance();
  while (is_punct('.') && (is_name(1) || tok(1).kind == TokenKind::kNumber || (sqlite() && is_string(1)))) {
    advance();
    out.schema = std::move(out.name);
    out.name = name_of(here());
    out.quoted = tok().kind != TokenKind::kWord;
    advance();
  }
  return true;
}

ColumnRef Parser::column_ref(int column) const {
  const ColumnAt& at = columns_[static_cast<size_t>(column)];
  ColumnRef c;
  if (at.qualifier >= 0) c.qualifier = name_of(at.qualifier);
  if (at.qualifier == kExcludedRow) c.qualifier = "excluded";
  c.name = name_of(at.name);
  return c;
}

std::string Parser::text_of(int begin, int end) const {
  TemplateText text;
  const char* sql_end = sql_.data() + sql_.size();
  for (int i = begin; i < end; ++i) {
    const Tok& t = tokens_[static_cast<size_t>(i)];
    if (t.slot >= 0 || t.kind == TokenKind::kPlaceholder || (t.kind == TokenKind::kString && t.slot < 0)) {
      text.slot();
      // The cast of a value says nothing: 'a'::text is 'a'.
      while (i + 2 < end && tokens_[static_cast<size_t>(i + 1)].kind == TokenKind::kOperator &&
             tokens_[static_cast<size_t>(i + 1)].text == "::" && tokens_[static_cast<size_t>(i + 2)].kind == TokenKind::kWord) {
        i += 2;
        if (i + 1 < end && tokens_[static_cast<size_t>(i + 1)].punct == '(' && closes_[static_cast<size_t>(i + 1)] >= 0) {
          i = std::min(end - 1, closes_[static_cast<size_t>(i + 1)]);
        }
      }
      continue;
    }
    switch (t.kind) {
      case TokenKind::kWord: text.word(t.text, sql_end); break;
      case TokenKind::kQuotedName: text.quoted_name(t.text, false); break;
      case TokenKind::kPunct: text.punct(t.punct); break;
      default:
        if (t.text == "::") {
          text.cast();
        } else {
          text.other(t.text);
        }
    }
  }
  return std::string(text.view());
}

bool Parser::parse_name_list(std::vector<std::string>& out) {
  if (!accept_punct('(')) return false;
  while (!at_end() && !is_punct(')')) {
    if (!is_name()) return false;
    ObjectName name;
    parse_object_name(name);
    out.push_back(std::move(name.name));
    if (!accept_punct(',')) break;
  }
  return expect_punct(')');
}

void Parser::resolve(ColumnRef& c, int b, bool only_table_tells) {
  if (b < 0 || c.name.empty()) return;
  const std::vector<TableRef>& tables = block(b).tables;
  if (c.qualifier.empty()) {
    if (only_table_tells && tables.size() == 1) c.table = 0;
    return;
  }
  if (tables.size() > 64) return;
  for (size_t t = 0; t < tables.size(); ++t) {
    if (same_name(tables[t].called(), c.qualifier)) {
      c.table = static_cast<int>(t);
      return;
    }
  }
}

void Parser::resolve(Operand& o, int b, bool only_table_tells) {
  if (o.column.has_value()) resolve(o.column.edit(), b, only_table_tells && o.kind != OperandKind::kExcluded);
  for (ColumnRef& c : o.columns) resolve(c, b, only_table_tells && o.kind != OperandKind::kExcluded);
}

void Parser::resolve(std::vector<Conjunct>& list, int b, bool only_table_tells) {
  for (Conjunct& c : list) {
    resolve(c.column, b, only_table_tells);
    for (ColumnRef& each : c.columns) resolve(each, b, only_table_tells);
    resolve(c.right, b, only_table_tells);
  }
}

void Parser::resolve(std::vector<Assignment>& list, int b, bool only_table_tells) {
  for (Assignment& a : list) {
    resolve(a.column, b, only_table_tells);
    resolve(a.value, b, only_table_tells);
  }
}

void Parser::resolve_columns() {
  static const Name kStar("*");
  for (size_t i = 0; i < facts_.blocks.size(); ++i) {
    const int b = static_cast<int>(i);
    QueryBlock& q = facts_.blocks[i];
    const bool known = from_known_[i];
    ColumnRef before;
    for (SelectItem& item : q.items) {
      // Lists of columns say the same table with each.
      if (!item.column.qualifier.empty() && item.column.qualifier == before.qualifier && !item.column.name.empty()) {
        item.column.table = before.table;
        continue;
      }
      resolve(item.column, b, known && !(item.column.name == kStar));
      if (item.computed.has_value() && item.computed->aggregate != Aggregate::kNone && !item.computed->aggregate_of.name.empty())
        resolve(item.computed.edit().aggregate_of, b, known && !(item.computed->aggregate_of.name == kStar));
      if (!item.column.name.empty()) before = item.column;
    }
    resolve(q.where, b, known);
    if (!q.having.empty()) resolve(q.having.edit(), b, known);
    for (OrderItem& o : q.order_by) resolve(o.column, b, known);
  }
  for (Write& w : facts_.writes) {
    if (w.block < 0) continue;
    for (Operand& o : w.insert_values) resolve(o, w.block, w.kind != StatementKind::kMerge && from_known_[static_cast<size_t>(w.block)]);
    if (w.kind == StatementKind::kInsert || w.kind == StatementKind::kReplace) continue;
    resolve(w.set, w.block, from_known_[static_cast<size_t>(w.block)]);
    if (w.targets.size() != 1) continue;
    // Of one target, SET names its columns whatever else is read.
    const std::vector<TableRef>& tables = block(w.block).tables;
    const auto target = std::find_if(tables.begin(), tables.end(), [](const TableRef& t) { return t.role == TableRole::kTarget; });
    if (target == tables.end()) continue;
    for (Assignment& a : w.set) a.column.table = static_cast<int>(target - tables.begin());
  }
}

// The statement's own write stands first, whatever its CTEs wrote before it was read.
void Parser::finish_statement() {
  resolve_columns();
  if (own_write_ > 0) {
    std::rotate(facts_.writes.begin(), facts_.writes.begin() + own_write_, facts_.writes.begin() + own_write_ + 1);
    for (QueryBlock& q : facts_.blocks) {
      if (q.write < 0) continue;
      q.write = q.write == own_write_ ? 0 : q.write < own_write_ ? q.write + 1 : q.write;
    }
  }
  if (truncated_ && at_text_end()) {
    settle_control();
    for (Write& w : facts_.writes) {
      if (w.upsert == UpsertKind::kIgnore) w.upsert = UpsertKind::kNone;  // ON DUPLICATE KEY UPDATE may follow
    }
    facts_.truncated = true;
    facts_.reason = "the text was cut";
    const bool knows = !facts_.blocks.empty() || !facts_.writes.empty() || !facts_.locks.empty();
    facts_.quality = knows ? Quality::kPartial : Quality::kOpaque;
  }
}

void Parser::parse_one() {
  facts_ = StatementFacts{};
  facts_.quality = Quality::kFull;
  from_known_.clear();
  ctes_.clear();
  nodes_.clear();
  kids_.clear();
  columns_.clear();
  outer_.clear();
  row_alias_.clear();
  row_alias_columns_.clear();
  own_write_ = -1;
  bad_nodes_ = 0;
  in_upsert_ = false;
  statement();
  if (!at_end()) {
    partial("not understood from `" + std::string(tok().text.substr(0, 40)) + "` on");
    skip_statement();
  }
  finish_statement();
}

StatementFacts Parser::parse(std::string_view sql, std::span<const SlotToken> all, bool truncated) {
  begin(sql, all, truncated);
  StatementFacts facts = run();
  if (!hit_end_ || truncated_) return facts;
  begin(sql, all, true);
  return run();
}

StatementFacts Parser::run() {
  while (accept_punct(';')) {
  }
  parse_one();
  StatementFacts first = std::move(facts_);
  while (is_punct(';')) {
    while (accept_punct(';')) {
    }
    if (at_text_end()) break;
    first.multiple = true;
    if (first.following.size() == kMaxFollowing) {
      if (first.quality == Quality::kFull) first.quality = Quality::kPartial;
      if (first.reason.empty()) first.reason = "more statements in one packet than are kept";
      break;
    }
    parse_one();
    first.following.push_back(std::move(facts_));
  }
  if (truncated_) {
    first.truncated = true;
    if (first.reason.empty()) first.reason = "the text was cut";
  }
  return first;
}

void Parser::statement() {
  if (at_end()) {
    facts_.quality = Quality::kOpaque;
    facts_.reason = "no statement";
    return;
  }
  auto of_kind = [&](StatementKind kind) { facts_.kind = kind; };
  auto harmless = [&](StatementKind kind) {
    facts_.kind = kind;
    skip_statement();
  };
  auto opaque = [&](StatementKind kind, std::string_view reason) {
    facts_.kind = kind;
    facts_.quality = Quality::kOpaque;
    facts_.reason = reason;
    skip_statement();
  };
  switch (kw()) {
    case Kw::kSelect:
    case Kw::kValues:
    case Kw::kTable:
    case Kw::kWith:
    case Kw::kInsert:
    case Kw::kUpdate:
    case Kw::kDelete:
    case Kw::kMerge: return with_statement();
    case Kw::kReplace: return with_statement();
    case Kw::kBegin:
      if (is(Kw::kNot, 1) && is_word("atomic", 2)) {  // MariaDB: a block of statements, which begins no transaction
        opaque(StatementKind::kOther, "a compound statement is not read");
        while (tok().kind != TokenKind::kEnd) advance();
        return;
      }
      return begin_or_start();
    case Kw::kStart: return begin_or_start();
    case Kw::kCommit:
    case Kw::kEnd:
    case Kw::kAbort:
    case Kw::kRollback: return commit_or_rollback();
    case Kw::kSavepoint:
    case Kw::kRelease: return savepoint_or_release();
    case Kw::kSet: return set_statement();
    case Kw::kLock: return lock_statement();
    case Kw::kUnlock: return unlock_statement();
    case Kw::kPrepare: return prepare_statement();
    case Kw::kXa: return xa_statement();
    case Kw::kCreate: return create_statement();
    case Kw::kAlter: return alter_table();
    case Kw::kDrop:
    case Kw::kTruncate:
    case Kw::kRename: return drop_statement();
    case Kw::kExplain:
    case Kw::kDescribe:
    case Kw::kDesc: return explain();
    case Kw::kUse:
      of_kind(StatementKind::kUse);
      advance();
      if (is_name() && !truncated_) facts_.use_database = name_at(here());
      return skip_statement();
    case Kw::kReset:
    case Kw::kDiscard: return harmless(StatementKind::kDiscard);
    case Kw::kExecute: return opaque(StatementKind::kExecute, "the prepared statement's text is elsewhere");
    case Kw::kDeallocate: return harmless(StatementKind::kDeallocate);
    case Kw::kCall: return opaque(StatementKind::kCall, "what a procedure does is not in its call");
    case Kw::kDo:
      of_kind(StatementKind::kDo);
      if (!mysql_ || is_string(1) || is(Kw::kLanguage, 1)) return routine_body();
      advance();
      do {  // MySQL: DO RELEASE_LOCK('x')
        const Mark m = mark();
        expression(new_block(-1));
        release(m);
      } while (accept_punct(','));
      return;
    case Kw::kDeclare: {  // DECLARE c CURSOR FOR SELECT: a read, done by FETCH
      of_kind(StatementKind::kOther);
      while (!at_end() && !is(Kw::kFor)) advance();
      if (!accept(Kw::kFor) || !at_query()) return skip_statement();
      return with_statement();
    }
    case Kw::kCopy: return opaque(StatementKind::kOther, "the rows of COPY are not in the statement");
    case Kw::kLoad: return opaque(StatementKind::kOther, "the rows of LOAD are not in the statement");
    case Kw::kHandler: return opaque(StatementKind::kOther, "HANDLER is not modelled");
    case Kw::kGrant:
    case Kw::kRevoke:
    case Kw::kAnalyze:
    case Kw::kAnalyse:
    case Kw::kOptimize:
    case Kw::kRepair:
    case Kw::kFlush:
    case Kw::kInstall:
    case Kw::kUninstall:
    case Kw::kCheck:
      of_kind(StatementKind::kOther);
      mysql_implicit_commit();
      return skip_statement();
    case Kw::kShow:
    case Kw::kVacuum:
    case Kw::kComment:
    case Kw::kKill:
    case Kw::kListen:
    case Kw::kUnlisten:
    case Kw::kNotify:
    case Kw::kCheckpoint:
    case Kw::kRefresh:
    case Kw::kCluster:
    case Kw::kSecurity:
    case Kw::kImport:
    case Kw::kReassign:
    case Kw::kReindex:
    case Kw::kFetch:
    case Kw::kMove:
    case Kw::kClose:
    case Kw::kPragma:
    case Kw::kAttach:
    case Kw::kDetach:
    case Kw::kPurge:
    case Kw::kChange: return harmless(StatementKind::kOther);
    default: break;
  }
  if (is_punct('(')) return with_statement();
  opaque(StatementKind::kOther, "an unknown kind of statement");
}

// Everything that reads or writes rows, with or without WITH.
void Parser::with_statement() {
  const int b = new_block(-1);
  query_or_write(b, true);
  if (cut() && facts_.kind == StatementKind::kOther) {
    facts_.blocks.clear();
    facts_.writes.clear();
    from_known_.clear();
    own_write_ = -1;
  }
}

void Parser::query_or_write(int b, bool own) {
  const Deeper deeper(*this);
  if (deeper.too_deep()) return partial("nested too deeply");  // WITH a AS (WITH b AS (…
  const size_t scope = ctes_.size();
  if (is(Kw::kWith)) with_clause(b);
  auto kind_is = [&](StatementKind kind) {
    if (own) facts_.kind = kind;
    return kind;
  };
  auto writes = [&](StatementKind kind, void (Parser::*read)(int, int)) {
    const int w = new_write(kind_is(kind));
    if (own) {
      own_write_ = w;
    } else {
      block(b).write = w;
    }
    (this->*read)(w, b);
  };
  if (at_text_end()) {
    // the kind is still to come
  } else if (is(Kw::kInsert)) {
    writes(StatementKind::kInsert, &Parser::insert);
  } else if (is(Kw::kReplace)) {
    writes(StatementKind::kReplace, &Parser::insert);
  } else if (is(Kw::kUpdate)) {
    writes(StatementKind::kUpdate, &Parser::update);
  } else if (is(Kw::kDelete)) {
    writes(StatementKind::kDelete, &Parser::remove);
  } else if (is(Kw::kMerge)) {
    writes(StatementKind::kMerge, &Parser::merge);
  } else {
    if (at_query()) kind_is(StatementKind::kSelect);
    query(b);
  }
  ctes_.resize(scope);
}

void Parser::explain() {
  facts_.kind = StatementKind::kExplain;
  advance();
  bool runs = false;
  if (is_punct('(')) {
    const int close = closes_[pos_];
    for (int i = here(); i < close; ++i) runs |= tokens_[static_cast<size_t>(i)].kw == Kw::kAnalyze;
    skip_parens();
  }
  while (!at_end() && !at_query() && !is(Kw::kInsert) && !is(Kw::kUpdate) && !is(Kw::kDelete) && !is(Kw::kReplace) && !is(Kw::kMerge)) {
    runs |= is(Kw::kAnalyze);
    advance();
  }
  if (!runs || at_end()) return skip_statement();
  // EXPLAIN ANALYZE does what the statement does.
  with_statement();
  facts_.kind = StatementKind::kExplain;
}

}  // namespace sql_parser

StatementFacts parse_statement(std::string_view sql, const Dialect& dialect, bool truncated) {
  return parse_statement(sql, tokenise(sql, dialect), dialect, truncated);
}

StatementFacts parse_statement(std::string_view sql, std::span<const SlotToken> tokens, const Dialect& dialect, bool truncated) {
  return sql_parser::Parser(dialect).parse(sql, tokens, truncated);
}

StatementParser::StatementParser(const Dialect& dialect) : parser_(std::make_unique<sql_parser::Parser>(dialect)) {}
StatementParser::~StatementParser() = default;

StatementFacts StatementParser::parse(std::string_view sql, std::span<const SlotToken> tokens, bool truncated) {
  StatementFacts facts = parser_->parse(sql, tokens, truncated);
  // What a single long statement took is given back.
  constexpr size_t kMostTokens = 4096;
  if (parser_->token_room_.size() > kMostTokens) parser_ = std::make_unique<sql_parser::Parser>(parser_->dialect_);
  return facts;
}

}  // namespace dbaudit
