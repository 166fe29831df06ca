#include "analyzers/trace/prepare.h"

#include <new>
#include <string>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

// The texts of a statement's values, no two of which share a byte, mostly lie in one run (Fingerprinter::bind): that is copied at once.
std::span<const Value> copy_span(std::span<const Value> values, Arena& arena) {
  const char *begin = nullptr, *end = nullptr;
  size_t bytes = 0;
  for (const Value& v : values) {
    if (v.text.empty()) continue;
    bytes += v.text.size();
    if (begin == nullptr || v.text.data() < begin) begin = v.text.data();
    if (end == nullptr || v.text.data() + v.text.size() > end) end = v.text.data() + v.text.size();
  }
  const bool is_run = bytes != 0 && static_cast<size_t>(end - begin) == bytes;
  const std::span<Value> copy = arena.array_to_fill<Value>(values.size());
  const char* const run = is_run ? arena.copy({begin, bytes}).data() : nullptr;
  for (size_t i = 0; i < values.size(); ++i) {
    Value& v = *new (&copy[i]) Value(values[i]);
    if (!v.text.empty()) v.text = is_run ? std::string_view(run + (v.text.data() - begin), v.text.size()) : arena.copy(v.text);
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
