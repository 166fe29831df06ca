#include "analyzers/trace/prepare.h"

#include <string>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

std::span<const Value> copy_span(std::span<const Value> values, Arena& arena) {
  const std::span<Value> copy = arena.array<Value>(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    copy[i] = values[i];
    copy[i].text = arena.copy(values[i].text);
  }
  return copy;
}

}  // namespace

void PreparedStatement::evaluate(const LogRecord& record, const Templates& templates, Arena& arena) {
  if (of->is_op) values = bind(record, templates, arena);
  const TxAction action = of->facts.tx.action;
  if (action == TxAction::kSavepoint || action == TxAction::kRelease || action == TxAction::kRollbackTo) {
    std::string name;
    templates.object_name(name);
    object_name = arena.copy(name);
  }
  sql = has_comment || of->facts.kind == StatementKind::kSet ? arena.copy(sql) : std::string_view();
}

BoundValues PreparedStatement::bind(const LogRecord& record, const Templates& templates, Arena& arena) const {
  const bool is_whole = sql.size() == record.sql.size();  // bind parameters cannot belong to a packet
  return templates.bind(is_whole ? record.params : std::span<const BindValue>(), record.has_params && is_whole, arena);
}

std::string_view PacketParts::next() {
  while (!at_end_) {
    const Token token = lexer_.next();
    at_end_ = token.kind == TokenKind::kEnd;
    if (token.text == "(") ++depth_;
    if (token.text == ")") --depth_;
    if (!at_end_ && !(depth_ <= 0 && token.kind == TokenKind::kPunct && token.text == ";")) continue;
    const size_t stop = at_end_ ? sql_.size() : static_cast<size_t>(token.text.data() - sql_.data());
    const std::string_view part = trim(sql_.substr(begin_, stop - begin_));
    begin_ = stop + 1;
    if (!part.empty()) return part;
  }
  return {};
}

BoundValues copy_values(const BoundValues& values, Arena& arena) {
  BoundValues copy;
  copy.slots = copy_span(values.slots, arena);
  if (values.more == nullptr) return copy;
  const std::span<std::span<const Value>> lists = arena.array<std::span<const Value>>(values.more->lists.size());
  for (size_t i = 0; i < lists.size(); ++i) lists[i] = copy_span(values.more->lists[i], arena);
  copy.set_more(lists, copy_span(values.more->rows, arena), arena);
  return copy;
}

}  // namespace dbaudit
