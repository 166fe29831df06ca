#include "analyzers/sql/templates.h"

#include <algorithm>

#include "analyzers/base/hash.h"
#include "analyzers/base/prefetch.h"
#include "analyzers/sql/known_shapes.h"
#include "analyzers/sql/lexer.h"
#include "analyzers/sql/slot_pass.h"

namespace dbaudit {

namespace {

// Texts remembered: enough for what an application says again and again, little beside the templates themselves.
constexpr size_t kSets = 1024;
constexpr size_t kSeen = 4096;
constexpr size_t kLongestKnown = 2048;
constexpr size_t kMostPieces = 256;
/// Bytes of a statement whose tokens are kept while it is looked up: should it be new, they are parsed. They take some ten times as much.
constexpr size_t kLongestWithTokens = 64 << 10;
constexpr uint64_t kTruncated = 0x7472756e63617465U;  // any constant: `truncate`

// What the parser's lists have taken for more to come is given back: a template is kept for good.
void trim(StatementFacts& facts) {
  facts.blocks.shrink_to_fit();
  for (QueryBlock& block : facts.blocks) {
    block.tables.shrink_to_fit();
    block.items.shrink_to_fit();
    block.where.shrink_to_fit();
  }
  facts.writes.shrink_to_fit();
  for (Write& write : facts.writes) {
    if (!write.insert_columns.empty()) write.insert_columns.edit().shrink_to_fit();
    if (!write.insert_values.empty()) write.insert_values.edit().shrink_to_fit();
    write.set.shrink_to_fit();
  }
}

}  // namespace

Templates::Templates(const Dialect& dialect, size_t cap)
    : dialect_(dialect),
      cap_(cap),
      fingerprinter_(dialect),
      parser_(dialect_),
      shapes_(std::make_unique<KnownShapes>(dialect)),
      known_(kSets),
      seen_once_(kSeen) {
  templates_.push_back(std::make_unique<Template>());
  templates_[0]->facts.reason = "more distinct statements than the table holds";
}

Templates::~Templates() = default;

StatementStart Templates::start_of(std::string_view sql) { return KnownShapes::start_of(sql); }
void Templates::expect(const StatementStart& start) const { shapes_->expect(start); }
void Templates::expect_shape(StatementStart& start, std::string_view sql) const { shapes_->expect_shape(start, sql); }

const Template* Templates::intern(std::string_view sql, bool truncated, const StatementStart& start) {
  if (!truncated) {
    if (const Template* known = by_shape(sql, start)) return known;
  }
  const uint64_t hash = hash_of_some(sql);
  if (const Template* known = by_text(sql, hash, truncated)) return known;
  const Template* const t = by_words(sql, truncated);
  // A text with its own values comes once; it is not worth a copy before it comes again.
  uint64_t& seen = seen_once_[hash % kSeen];
  if (seen != hash) {
    seen = hash;
  } else if (!last_dropped_) {
    remember_text(sql, hash, truncated, t);
  }
  return t;
}

const Template* Templates::by_text(std::string_view sql, uint64_t hash, bool truncated) {
  const KnownSet& set = known_[hash % kSets];
  for (size_t way = 0; way < set.ways.size(); ++way) {
    if (set.hashes[way] != hash || set.ways[way] == nullptr) continue;
    const Known& known = *set.ways[way];
    prefetch(known.of, Template::kNear);
    if (known.truncated != truncated || known.text != sql) continue;
    last_dropped_ = false;
    last_name_ = sql.substr(known.name_at, known.name_size);
    last_has_comment_ = known.has_comment;
    fingerprinter_.recall(sql, *known.lifted);
    return known.of;
  }
  return nullptr;
}

const Template* Templates::by_shape(std::string_view sql, const StatementStart& start) {
  const Template* const known = shapes_->find(sql, start);
  if (known == nullptr) return nullptr;
  last_dropped_ = false;
  last_name_ = {};
  last_has_comment_ = shapes_->has_comment();
  fingerprinter_.recall(sql, shapes_->lifted());
  return known;
}

void Templates::remember_text(std::string_view sql, uint64_t hash, bool truncated, const Template* of) {
  const Lifted& lifted = fingerprinter_.last_lifted();
  const bool is_small =
      sql.size() <= kLongestKnown && lifted.pieces.size() + lifted.elements.size() + lifted.more_rows.size() <= kMostPieces;
  if (!is_small) return;
  KnownSet& set = known_[hash % kSets];
  const size_t way = set.next;
  set.next = static_cast<uint8_t>((way + 1) % set.ways.size());
  set.hashes[way] = hash;
  std::unique_ptr<Known>& known = set.ways[way];
  known = std::make_unique<Known>();
  known->text = sql;
  known->of = of;
  known->truncated = truncated;
  known->has_comment = last_has_comment_;
  known->name_at = last_name_.empty() ? 0 : static_cast<uint32_t>(last_name_.data() - sql.data());
  known->name_size = static_cast<uint32_t>(last_name_.size());
  known->lifted = std::make_unique<Lifted>(lifted);
}

void Templates::remember_shape(std::string_view sql, const Normalised& n, bool cut, const Template* of) {
  if (cut || n.literals_matter || !n.object_name.empty()) return;
  shapes_->add(sql, fingerprinter_.last_lifted(), of, n.has_comment);
}

const Template* Templates::by_words(std::string_view sql, bool truncated) {
  const bool keeps_tokens = sql.size() <= kLongestWithTokens;
  const Normalised& n = fingerprinter_.normalise(sql, keeps_tokens ? &tokens_ : nullptr);
  last_name_ = n.object_name;
  last_has_comment_ = n.has_comment;
  const bool cut = truncated || n.unterminated;
  uint64_t key = n.fingerprint;
  if (n.directives != 0) key = hash_combine(key, n.directives);
  if (cut) key = hash_combine(key, kTruncated);
  last_dropped_ = false;
  if (const uint32_t* const id = by_fingerprint_.find(key)) {
    const Template* const t = templates_[*id].get();
    remember_shape(sql, n, cut, t);
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
  t->text = SharedText(n.text);
  t->slots = n.slots;
  t->row_slots = n.row_slots;
  t->first_row_slot = n.first_row_slot;
  if (n.directives != 0) t->directives = comment_tags(sql, dialect_).directives;
  t->facts = keeps_tokens ? parser_.parse(sql, tokens_, cut) : parse_statement(sql, dialect_, cut);
  trim(t->facts);
  t->is_op = is_op(t->facts);
  t->locks_rows = std::any_of(t->facts.blocks.begin(), t->facts.blocks.end(), [](const QueryBlock& b) { return !b.locks.empty(); });
  by_fingerprint_[key] = t->id;
  templates_.push_back(std::move(t));
  remember_shape(sql, n, cut, templates_.back().get());
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
