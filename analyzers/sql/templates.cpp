#include "analyzers/sql/templates.h"

#include "analyzers/base/hash.h"
#include "analyzers/sql/known_shapes.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/parser.h"
#include "analyzers/sql/slot_pass.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxFirstSql = size_t{64} * 1024;
// Texts remembered: enough for what an application says again and again, little beside the templates themselves.
constexpr size_t kKnown = 4096;
constexpr size_t kLongestKnown = 2048;
constexpr size_t kMostPieces = 256;
constexpr uint64_t kTruncated = 0x7472756e63617465U;  // any constant: `truncate`

}  // namespace

Templates::Templates(const Dialect& dialect, size_t cap)
    : dialect_(dialect),
      cap_(cap),
      fingerprinter_(dialect),
      shapes_(std::make_unique<KnownShapes>(dialect)),
      known_(kKnown),
      seen_once_(kKnown) {
  templates_.push_back(std::make_unique<Template>());
  templates_[0]->facts.reason = "more distinct statements than the table holds";
}

Templates::~Templates() = default;

const Template* Templates::intern(std::string_view sql, bool truncated) {
  if (sql.size() > kLongestKnown) return find_or_parse(sql, truncated);
  const uint64_t hash = hash_bytes(sql);
  Known& known = known_[hash % kKnown];
  if (known.of != nullptr && known.hash == hash && known.truncated == truncated && known.text == sql) {
    last_dropped_ = false;
    last_name_ = sql.substr(known.name_at, known.name_size);
    fingerprinter_.recall(sql, *known.lifted);
    return known.of;
  }
  const Template* t = find_or_parse(sql, truncated);
  // A text with its own values comes once; it is not worth a copy before it comes again.
  uint64_t& seen = seen_once_[hash % kKnown];
  if (seen != hash) {
    seen = hash;
  } else if (!last_dropped_) {
    std::unique_ptr<Lifted> lifted = fingerprinter_.lifted();
    if (lifted->pieces.size() + lifted->elements.size() + lifted->more_rows.size() > kMostPieces) return t;
    known.hash = hash;
    known.truncated = truncated;
    known.of = t;
    known.text = sql;
    known.lifted = std::move(lifted);
    known.name_at = last_name_.empty() ? 0 : static_cast<uint32_t>(last_name_.data() - sql.data());
    known.name_size = static_cast<uint32_t>(last_name_.size());
  }
  return t;
}

const Template* Templates::find_or_parse(std::string_view sql, bool truncated) {
  if (!truncated) {
    if (const Template* t = shapes_->find(sql)) {
      last_dropped_ = false;
      last_name_ = {};
      fingerprinter_.recall(sql, shapes_->lifted());
      return t;
    }
  }
  return by_words(sql, truncated);
}

const Template* Templates::by_words(std::string_view sql, bool truncated) {
  const Normalised& n = fingerprinter_.normalise(sql);
  last_name_ = n.object_name;
  const bool cut = truncated || n.unterminated;
  uint64_t key = n.fingerprint;
  if (n.directives != 0) key = hash_combine(key, n.directives);
  if (cut) key = hash_combine(key, kTruncated);
  last_dropped_ = false;
  if (const auto at = by_fingerprint_.find(key); at != by_fingerprint_.end()) {
    const Template* const t = templates_[at->second].get();
    if (!cut && last_name_.empty()) shapes_->add(sql, fingerprinter_.last_lifted(), t);
    return t;
  }
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
  if (!last_name_.empty()) unquote(Lexer(last_name_, dialect_).next(), dialect_, out);
}

}  // namespace dbaudit
