// `dbaudit diff OLD.json NEW.json`: what two reports differ in. Findings are the same when their fingerprints are.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/command.h"
#include "cli/input_file.h"
#include "cli/report/layout.h"
#include "cli/terminal.h"

namespace dbaudit {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxBytes = size_t{256} << 20;
constexpr int kMaxDepth = 32;  // of JSON; a report has 5
constexpr int kReportVersion = 1;

/// What a comparison needs of a finding.
struct Brief {
  std::string code, name, message, place;
  Severity severity = Severity::kError;
  Confidence confidence = Confidence::kPossible;
  std::vector<std::string> tables, columns;
  uint64_t fingerprint = 0;
};

struct Change {
  const Brief* before;
  const Brief* after;
};

struct Difference {
  std::vector<const Brief*> added, fixed;
  std::vector<Change> changed;
  size_t unchanged = 0;
};

std::optional<std::string> text_at(const Json& j, const char* key) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<std::vector<std::string>> texts_at(const Json& j, const char* key) {
  const auto it = j.find(key);
  if (it == j.end() || !it->is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& one : *it) {
    if (!one.is_string()) return std::nullopt;
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::string place_of(const Json& finding) {
  const auto statements = finding.find("statements");
  if (statements == finding.end() || !statements->is_array() || statements->empty() || !statements->front().is_object()) return {};
  const Json& first = statements->front();
  const std::optional<std::string> file = text_at(first, "file");
  const auto line = first.find("line");
  if (!file || line == first.end() || !line->is_number_unsigned()) return file.value_or("");
  return fmt::format("{}:{}", *file, line->get<uint64_t>());
}

std::optional<Brief> brief_of(const Json& j) {
  if (!j.is_object()) return std::nullopt;
  const auto code = text_at(j, "code"), name = text_at(j, "name"), message = text_at(j, "message"), print = text_at(j, "fingerprint");
  const auto severity = parse_severity(text_at(j, "severity").value_or(""));
  const auto confidence = parse_confidence(text_at(j, "confidence").value_or(""));
  const auto tables = texts_at(j, "tables"), columns = texts_at(j, "columns");
  const auto fingerprint = parse_hex64(print.value_or(""));
  if (!code || !name || !message || !severity || !confidence || !tables || !columns || !fingerprint) return std::nullopt;
  return Brief{*code, *name, *message, place_of(j), *severity, *confidence, *tables, *columns, *fingerprint};
}

Result<std::vector<Brief>> read_report(const std::string& path) {
  const Result<std::string> text = read_text_file(path, kMaxBytes);
  if (!text) return tl::unexpected(text.error());
  bool too_deep = false;
  const Json root = Json::parse(
      *text,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep |= depth > kMaxDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  const auto not_one = [&] {
    return fail(fmt::format("{} is not a report: dbaudit scan --format json --output {} writes one", path, path));
  };
  if (root.is_discarded() || too_deep || !root.is_object()) return not_one();
  const auto version = root.find("schema_version");
  const auto findings = root.find("findings");
  if (version == root.end() || !version->is_number_integer() || findings == root.end() || !findings->is_array()) return not_one();
  if (version->get<int64_t>() != kReportVersion)
    return fail(
        fmt::format("{} is a report of schema version {}, and this dbaudit knows {}", path, version->get<int64_t>(), kReportVersion));
  std::vector<Brief> all;
  for (const Json& finding : *findings) {
    std::optional<Brief> brief = brief_of(finding);
    if (!brief) return not_one();
    all.push_back(*std::move(brief));
  }
  return all;
}

bool order(const Brief* a, const Brief* b) {
  return std::tie(a->severity, b->confidence, a->code, a->tables, a->columns, a->fingerprint) <
         std::tie(b->severity, a->confidence, b->code, b->tables, b->columns, b->fingerprint);
}

Difference compare(const std::vector<Brief>& before, const std::vector<Brief>& after) {
  std::map<uint64_t, const Brief*> old;
  for (const Brief& f : before) old.emplace(f.fingerprint, &f);
  Difference d;
  std::map<uint64_t, const Brief*> seen;
  for (const Brief& f : after) {
    if (!seen.emplace(f.fingerprint, &f).second) continue;
    const auto it = old.find(f.fingerprint);
    if (it == old.end()) {
      d.added.push_back(&f);
    } else if (it->second->severity != f.severity || it->second->confidence != f.confidence) {
      d.changed.push_back({it->second, &f});
    } else {
      ++d.unchanged;
    }
  }
  for (const auto& [fingerprint, f] : old) {
    if (!seen.contains(fingerprint)) d.fixed.push_back(f);
  }
  std::sort(d.added.begin(), d.added.end(), order);
  std::sort(d.fixed.begin(), d.fixed.end(), order);
  std::sort(d.changed.begin(), d.changed.end(), [](const Change& a, const Change& b) { return order(a.after, b.after); });
  return d;
}

Json json_of(const Brief& f) {
  Json tables = Json::array(), columns = Json::array();
  for (const std::string& t : f.tables) tables.push_back(valid_utf8(t));
  for (const std::string& c : f.columns) columns.push_back(valid_utf8(c));
  return {{"code", valid_utf8(f.code)},
          {"name", valid_utf8(f.name)},
          {"severity", severity_name(f.severity)},
          {"confidence", confidence_name(f.confidence)},
          {"message", valid_utf8(f.message)},
          {"tables", tables},
          {"columns", columns},
          {"fingerprint", hex64(f.fingerprint)}};
}

std::string diff_json(const Difference& d, const DiffOptions& options) {
  Json added = Json::array(), fixed = Json::array(), changed = Json::array();
  for (const Brief* f : d.added) added.push_back(json_of(*f));
  for (const Brief* f : d.fixed) fixed.push_back(json_of(*f));
  for (const Change& c : d.changed) {
    Json one = json_of(*c.after);
    one["was"] = {{"severity", severity_name(c.before->severity)}, {"confidence", confidence_name(c.before->confidence)}};
    changed.push_back(std::move(one));
  }
  const Json root = {
      {"diff_version", 1},
      {"tool", {{"name", "dbaudit"}, {"version", DBAUDIT_VERSION}}},
      {"old", valid_utf8(options.old_path)},
      {"new", valid_utf8(options.new_path)},
      {"summary", {{"new", d.added.size()}, {"fixed", d.fixed.size()}, {"changed", d.changed.size()}, {"unchanged", d.unchanged}}},
      {"findings", {{"new", added}, {"fixed", fixed}, {"changed", changed}}}};
  return root.dump(2).append("\n");
}

std::string diff_text(const Difference& d, const ReportStyle& style) {
  const Painter paint(style.color);
  const auto shown = [&](std::string_view s) { return style.ascii ? to_ascii(printable(s)) : printable(s); };
  const std::string_view dot = style.ascii ? "-" : "·", arrow = style.ascii ? "->" : "→";
  const auto ink = [](Severity s) { return s == Severity::kError ? Ink::kError : s == Severity::kWarning ? Ink::kWarning : Ink::kNote; };
  std::string out;
  const auto line = [&](std::string_view mark, const Brief& f, const std::string& judged) {
    std::string where = shown(join(f.tables, ", "));
    if (!f.columns.empty() && !where.empty()) where += "(" + shown(join(f.columns, ", ")) + ")";
    if (!where.empty()) where += ": ";
    out += fmt::format("{} {} {}{} {} {}\n", mark, paint(ink(f.severity), fmt::format("{}[{}]", severity_name(f.severity), shown(f.code))),
                       paint(Ink::kBold, where), shown(f.name), dot, judged);
  };
  const auto message = [&](const Brief& f) {
    for (const std::string& part : wrap(shown(f.message), std::min(style.width, 100) - 4)) out += "    " + part + "\n";
    if (!f.place.empty()) out += "    " + paint(Ink::kDim, shown(f.place)) + "\n";
  };
  for (const Brief* f : d.added) {
    line("+", *f, std::string(confidence_name(f->confidence)));
    message(*f);
  }
  for (const Change& c : d.changed) {
    std::string judged;
    if (c.before->severity != c.after->severity)
      judged = fmt::format("{} {} {}", severity_name(c.before->severity), arrow, severity_name(c.after->severity));
    if (c.before->confidence != c.after->confidence)
      judged += fmt::format("{}{} {} {}", judged.empty() ? "" : ", ", confidence_name(c.before->confidence), arrow,
                            confidence_name(c.after->confidence));
    line("~", *c.after, judged);
  }
  for (const Brief* f : d.fixed) line("-", *f, std::string(confidence_name(f->confidence)));
  if (!out.empty()) out += "\n";
  return out + fmt::format("{} new, {} fixed, {} changed, {} unchanged\n", d.added.size(), d.fixed.size(), d.changed.size(), d.unchanged);
}

}  // namespace

int run_diff(const DiffOptions& options) {
  if (options.old_path == "-" && options.new_path == "-") return job_failed("only one of the two reports can be standard input");
  const Result<std::vector<Brief>> before = read_report(options.old_path);
  if (!before) return job_failed(before.error().message);
  const Result<std::vector<Brief>> after = read_report(options.new_path);
  if (!after) return job_failed(after.error().message);
  const Difference d = compare(*before, *after);
  const std::string text =
      options.format == "json" ? diff_json(d, options) : diff_text(d, report_style(fileno(stdout), ColorMode::kAuto, false));
  std::fwrite(text.data(), 1, text.size(), stdout);
  const bool fails = options.fail_on && std::any_of(d.added.begin(), d.added.end(), [&](const Brief* f) {
                       return f->severity <= *options.fail_on && f->confidence >= options.fail_on_confidence;
                     });
  return fails ? 1 : 0;
}

}  // namespace dbaudit
