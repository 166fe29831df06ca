#include "analyzers/sql/templates.h"

#include "analyzers/base/hash.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/parser.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxFirstSql = size_t{64} * 1024;
constexpr uint64_t kTruncated = 0x7472756e63617465U;  // any constant: `truncate`

}  // namespace

Templates::Templates(const Dialect& dialect, size_t cap) : dialect_(dialect), cap_(cap), fingerprinter_(dialect) {
  templates_.push_back(std::make_unique<Template>());
  templates_[0]->facts.reason = "more distinct statements than the table holds";
}

const Template* Templates::intern(std::string_view sql, bool truncated) {
  const Normalised& n = fingerprinter_.normalise(sql);
  const bool cut = truncated || n.unterminated;
  uint64_t key = n.fingerprint;
  if (n.directives != 0) key = hash_combine(key, n.directives);
  if (cut) key = hash_combine(key, kTruncated);
  last_dropped_ = false;
  if (const auto at = by_fingerprint_.find(key); at != by_fingerprint_.end()) return templates_[at->second].get();
  if (size() >= cap_) {
    ++dropped_;
    last_dropped_ = true;
    return templates_[0].get();
  }

  auto t = std::make_unique<Template>();
  t->id = static_cast<uint32_t>(templates_.size());
  t->fingerprint = key;
  t->text = n.text;
  t->first_sql = sql.substr(0, kMaxFirstSql);
  t->slots = n.slots;
  t->row_slots = n.row_slots;
  t->first_row_slot = n.first_row_slot;
  if (n.directives != 0) t->directives = comment_tags(sql, dialect_).directives;
  t->facts = parse_statement(sql, dialect_, cut);
  by_fingerprint_.emplace(key, t->id);
  templates_.push_back(std::move(t));
  return templates_.back().get();
}

BoundValues Templates::bind(std::span<const BindValue> params, bool has_params, Arena& arena) const {
  if (last_dropped_) return {};
  return fingerprinter_.bind(params, has_params, arena);
}

void Templates::object_name(std::string& out) const {
  out.clear();
  const std::string_view name = fingerprinter_.last().object_name;
  if (!name.empty()) unquote(Lexer(name, dialect_).next(), dialect_, out);
}

}  // namespace dbaudit
