#include "rules/directive.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "analyzers/base/text.h"
#include "rules/assumption.h"
#include "rules/registry.h"

namespace dbaudit {

namespace {

constexpr size_t kMaxSeen = 10'000;

std::string_view first_word(std::string_view& text) {
  text = trim(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n"));
  text = trim(text.substr(word.size()));
  return word;
}

bool means_rule(std::string_view selector) {
  return std::any_of(all_rules().begin(), all_rules().end(), [&](const Rule* r) { return rule_matches(*r, selector); });
}

std::string place_text(const Place& place) { return fmt::format("{}:{}", place.file, place.line); }

// The first of its rules that there is none of; empty when all are known.
std::string_view unknown_rule(const Directive& directive) {
  for (const std::string_view selector : split(directive.rules, ',')) {
    if (!trim(selector).empty() && !means_rule(trim(selector))) return trim(selector);
  }
  return {};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? std::string() : fmt::format(" (did you mean {}?)", near);
}

std::vector<std::string> codes() {
  std::vector<std::string> all;
  for (const Rule* rule : all_rules()) {
    all.emplace_back(rule->code);
    all.emplace_back(rule->name);
  }
  return all;
}

std::vector<std::string> in_order_of_place(std::vector<std::pair<Place, std::string>> lines) {
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.file, a.first.line) < std::tie(b.first.file, b.first.line);
  });
  std::vector<std::string> texts;
  for (auto& line : lines) texts.push_back(std::move(line.second));
  return texts;
}

}  // namespace

Directive parse_directive(std::string_view text) {
  Directive d;
  d.word = first_word(text);
  if (d.word == "ignore") {
    d.kind = Directive::Kind::kIgnore;
    d.rules = first_word(text);
    while (!d.rules.empty() && (d.rules.back() == ':' || d.rules.back() == ',')) d.rules.remove_suffix(1);
  } else if (d.word == "locked") {
    d.kind = Directive::Kind::kLocked;
  } else if (d.word == "keys-incomplete") {
    d.kind = Directive::Kind::kSchema;
  }
  d.reason = text;
  return d;
}

bool silences(const Directive& d, const Rule& rule) {
  if (d.reason.empty()) return false;
  if (d.kind == Directive::Kind::kLocked) return lock_answers(rule.code);
  if (d.kind != Directive::Kind::kIgnore) return false;
  const std::vector<std::string_view> selectors = split(d.rules, ',');
  return std::any_of(selectors.begin(), selectors.end(),
                     [&](std::string_view s) { return !trim(s).empty() && rule_matches(rule, trim(s)); });
}

void Directives::see(std::string_view text, const Place& place) {
  if (seen_.size() < kMaxSeen && seen_.find(text) == seen_.end()) seen_.emplace(std::string(text), Seen{place, false});
}

void Directives::mark_used(std::string_view text) {
  if (const auto it = seen_.find(text); it != seen_.end()) it->second.used = true;
}

std::vector<std::string> Directives::errors() const {
  std::vector<std::pair<Place, std::string>> lines;
  for (const auto& [text, seen] : seen_) {
    const Directive d = parse_directive(text);
    if (d.kind != Directive::Kind::kIgnore && d.kind != Directive::Kind::kLocked) continue;
    if (d.kind == Directive::Kind::kIgnore && d.rules.empty()) {
      lines.emplace_back(seen.place, fmt::format("{}: dbaudit:ignore names no rule: write /* dbaudit:ignore DBA201 the reason */",
                                                 place_text(seen.place)));
    } else if (d.reason.empty()) {
      lines.emplace_back(seen.place,
                         fmt::format("{0}: dbaudit:{1} gives no reason, so it silences nothing: write /* dbaudit:{1} the reason */",
                                     place_text(seen.place), d.rules.empty() ? std::string(d.word) : text));
    }
  }
  return in_order_of_place(std::move(lines));
}

std::vector<std::string> Directives::unused(const std::vector<const Rule*>& selected) const {
  std::vector<std::pair<Place, std::string>> lines;
  for (const auto& [text, seen] : seen_) {
    const Directive d = parse_directive(text);
    const std::string place = place_text(seen.place);
    if (d.kind == Directive::Kind::kUnknown) {
      lines.emplace_back(seen.place,
                         fmt::format("{}: unknown comment dbaudit:{}{}", place, d.word, did_you_mean(d.word, {"ignore", "locked"})));
    } else if (const std::string_view word = unknown_rule(d); !word.empty()) {
      lines.emplace_back(seen.place, fmt::format("{}: dbaudit:ignore: unknown rule '{}'{}", place, word, did_you_mean(word, codes())));
    } else if (!seen.used && std::any_of(selected.begin(), selected.end(), [&](const Rule* r) { return silences(d, *r); })) {
      lines.emplace_back(seen.place, fmt::format("{}: dbaudit:{} silences nothing: no such finding is made of its statement", place, text));
    }
  }
  return in_order_of_place(std::move(lines));
}

}  // namespace dbaudit
