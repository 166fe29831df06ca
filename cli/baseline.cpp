#include "cli/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/input_file.h"

namespace dbaudit {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr size_t kMaxBytes = size_t{64} << 20;
constexpr int kMaxDepth = 8;  // of JSON; ours has 3
constexpr size_t kMostNamed = 3;

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> strings(const Json& entry, const char* key) {
  std::vector<std::string> all;
  const auto it = entry.find(key);
  if (it == entry.end() || !it->is_array()) return all;
  for (const Json& one : *it) {
    if (one.is_string()) all.push_back(one.get<std::string>());
  }
  return all;
}

Json texts(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& v : values) list.push_back(valid_utf8(v));
  return list;
}

std::string title_of(const std::string& rule, const std::vector<std::string>& tables, const std::vector<std::string>& columns) {
  std::string title = rule;
  if (!tables.empty()) title += " " + join(tables, ", ");
  if (!columns.empty()) title += "(" + join(columns, ", ") + ")";
  return title;
}

}  // namespace

Result<Baseline> parse_baseline(std::string_view text, const std::string& path) {
  bool too_deep = false;
  const Json root = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep |= depth > kMaxDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  const auto not_one = [&] { return fail(fmt::format("{} is not a baseline: dbaudit scan --write-baseline {} writes one", path, path)); };
  if (root.is_discarded() || too_deep || !root.is_object() || !root.contains("baseline_version")) return not_one();
  const Json& version = root["baseline_version"];
  if (!version.is_number_integer() || !root.contains("findings") || !root["findings"].is_array()) return not_one();
  if (version.get<int64_t>() != kVersion)
    return fail(fmt::format("{} is a baseline of version {}, and this dbaudit knows {}: write it anew or update dbaudit", path,
                            version.get<int64_t>(), kVersion));
  Baseline baseline;
  for (const Json& entry : root["findings"]) {
    if (!entry.is_object() || !entry.contains("fingerprint") || !entry["fingerprint"].is_string() || !entry.contains("rule") ||
        !entry["rule"].is_string())
      return not_one();
    const std::optional<uint64_t> fingerprint = parse_hex64(entry["fingerprint"].get<std::string>());
    if (!fingerprint) return not_one();
    Baseline::Entry& known = baseline.entries[*fingerprint];
    known.rule = entry["rule"].get<std::string>();
    known.tables = strings(entry, "tables");
    known.title = title_of(known.rule, known.tables, strings(entry, "columns"));
  }
  return baseline;
}

Result<Baseline> read_baseline(const std::string& path) {
  const Result<std::string> text = read_text_file(path, kMaxBytes);
  if (!text) return tl::unexpected(text.error());
  return parse_baseline(*text, path);
}

std::string baseline_text(const std::vector<Finding>& findings) {
  std::vector<const Finding*> order;
  for (const Finding& f : findings) order.push_back(&f);
  std::sort(order.begin(), order.end(), [](const Finding* a, const Finding* b) {
    return std::tuple(a->code, sorted(a->tables), a->fingerprint) < std::tuple(b->code, sorted(b->tables), b->fingerprint);
  });
  order.erase(std::unique(order.begin(), order.end(), [](const Finding* a, const Finding* b) { return a->fingerprint == b->fingerprint; }),
              order.end());
  Json list = Json::array();
  for (const Finding* f : order) {
    list.push_back({{"fingerprint", hex64(f->fingerprint)},
                    {"rule", f->code},
                    {"name", f->name},
                    {"tables", texts(sorted(f->tables))},
                    {"columns", texts(sorted(f->columns))}});
  }
  const Json root = {{"baseline_version", kVersion}, {"findings", list}};
  return root.dump(2).append("\n");
}

uint64_t remove_known(const Baseline& baseline, std::vector<Finding>& findings) {
  return std::erase_if(findings, [&](const Finding& f) { return baseline.entries.contains(f.fingerprint); });
}

std::string fixed_since(const Baseline& baseline, const std::set<uint64_t>& occurring, const std::set<std::string>& rules,
                        const std::string& path) {
  std::vector<std::string> titles;
  for (const auto& [fingerprint, entry] : baseline.entries) {
    if (!occurring.contains(fingerprint) && rules.contains(entry.rule)) titles.push_back(entry.title);
  }
  if (titles.empty()) return {};
  std::sort(titles.begin(), titles.end());
  const size_t count = titles.size();
  if (count > kMostNamed) titles.resize(kMostNamed);
  return fmt::format("{}: {} no longer {} ({}{}): --write-baseline {} leaves {} out", path,
                     count == 1 ? "1 finding" : fmt::format("{} findings", count), count == 1 ? "occurs" : "occur", join(titles, "; "),
                     count > kMostNamed ? "; ..." : "", path, count == 1 ? "it" : "them");
}

}  // namespace dbaudit
