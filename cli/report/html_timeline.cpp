// Each bar is an inline SVG of its own whose coordinates are percentages, so that it stretches with the page and its marks stay round.

#include "cli/report/html_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "cli/report/html_markup.h"
#include "cli/report/layout.h"

namespace dbaudit {

namespace {

constexpr size_t kRowsShown = 20;   // more are folded
constexpr size_t kMarksShown = 12;  // on one bar
constexpr int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kSteps[] = {kSecond / 1000, kSecond / 500, kSecond / 200, kSecond / 100, kSecond / 50, kSecond / 20, kSecond / 10,
                              kSecond / 5,    kSecond / 2,   kSecond,       2 * kSecond,   5 * kSecond,  10 * kSecond, 15 * kSecond,
                              30 * kSecond,   kMinute,       2 * kMinute,   5 * kMinute,   10 * kMinute, 15 * kMinute, 30 * kMinute,
                              kHour,          2 * kHour,     3 * kHour,     6 * kHour,     12 * kHour,   kDay,         2 * kDay,
                              7 * kDay,       14 * kDay,     30 * kDay};
constexpr int64_t kMostTicks = 5;

/// The part of time that is drawn: of clocks with a zone or of clocks without.
struct Axis {
  bool zone_known = false;
  int64_t first = INT64_MAX, last = INT64_MIN;

  [[nodiscard]] bool takes(const TimePoint& t) const { return t.known() && t.zone_known == zone_known; }
  [[nodiscard]] bool is_empty() const { return first > last; }
  void widen(const TimePoint& t) {
    if (!takes(t)) return;
    first = std::min(first, t.micros);
    last = std::max(last, t.micros);
  }
  /// A little room at both ends, so that no mark is cut; 1..99.
  [[nodiscard]] double percent(int64_t micros) const {
    const double span = static_cast<double>(last) - static_cast<double>(first);
    return span <= 0 ? 50.0 : 1.0 + 98.0 * (static_cast<double>(micros) - static_cast<double>(first)) / span;
  }
  [[nodiscard]] std::string time(int64_t micros) const {
    std::string iso = to_iso8601({micros, zone_known});
    std::replace(iso.begin(), iso.end(), 'T', ' ');
    return iso;
  }
};

/// `2026-01-01 10:00:00.250` down to what a step tells apart.
std::string tick_label(const Axis& axis, int64_t micros, int64_t step) {
  const std::string time = axis.time(micros);  // at least YYYY-MM-DD HH:MM:SS.mmm
  if (time.size() < 23) return time;
  if (step >= kDay) return time.substr(0, 10);
  if (step >= kMinute) return time.substr(11, 5);
  return time.substr(11, step >= kSecond ? 8 : 12);
}

std::string ticks(const Axis& axis) {
  const uint64_t span = static_cast<uint64_t>(axis.last) - static_cast<uint64_t>(axis.first);
  int64_t step = 0;
  for (int64_t candidate : kSteps) {
    if (span / static_cast<uint64_t>(candidate) < static_cast<uint64_t>(kMostTicks)) {
      step = candidate;
      break;
    }
  }
  std::string out = "<li class=\"axis\" aria-hidden=\"true\"><span></span><svg>";
  if (step == 0 || span == 0) return out + "</svg></li>\n";
  const int64_t into_step = ((axis.first % step) + step) % step;
  for (int64_t n = 0; n <= kMostTicks; ++n) {
    const uint64_t ahead = static_cast<uint64_t>(into_step == 0 ? 0 : step - into_step) + static_cast<uint64_t>(n * step);
    if (ahead > span) break;
    const int64_t at = axis.first + static_cast<int64_t>(ahead);
    const double x = axis.percent(at);
    const std::string_view anchor = x < 6 ? "start" : x > 94 ? "end" : "middle";
    out += fmt::format(
        "<line x1=\"{0:.2f}%\" x2=\"{0:.2f}%\" y1=\"15\" y2=\"20\"/><text x=\"{0:.2f}%\" y=\"11\" text-anchor=\"{1}\">{2}</text>", x,
        anchor, html_text(tick_label(axis, at, step)));
  }
  return out + "</svg></li>\n";
}

std::string bar(const Axis& axis, const TimePoint& first, const TimePoint& last) {
  if (!axis.takes(first) || !axis.takes(last)) return "";
  return fmt::format("<line x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"10\" y2=\"10\"/>", axis.percent(first.micros), axis.percent(last.micros));
}

std::string row_of_input(const Axis& axis, const InputSummary& input) {
  return fmt::format("<li class=\"input\"><span class=\"label\">{}</span><svg role=\"img\" aria-label=\"{} to {}\">{}</svg></li>\n",
                     html_text(input.path), axis.time(input.first_time.micros), axis.time(input.last_time.micros),
                     bar(axis, input.first_time, input.last_time));
}

/// Empty when nothing of the finding is on this axis.
std::string row_of_finding(const Axis& axis, const Finding& f, const std::string& anchor) {
  std::set<int64_t> marks;
  for (const FindingStatement& s : f.statements) {
    if (axis.takes(s.time) && marks.size() < kMarksShown) marks.insert(s.time.micros);
  }
  const std::string line = bar(axis, f.first_time, f.last_time);
  if (line.empty() && marks.empty()) return "";
  const int64_t from = line.empty() ? *marks.begin() : f.first_time.micros, to = line.empty() ? *marks.rbegin() : f.last_time.micros;
  std::string told = axis.time(from);
  if (to != from) told += " to " + axis.time(to);
  std::string out =
      fmt::format("<li class=\"{}\" data-f=\"{}\"><a class=\"label\" href=\"#{}\"><b>{}</b> {}</a><svg role=\"img\" aria-label=\"{}: {}\">",
                  severity_name(f.severity), anchor, anchor, html_text(f.code),
                  html_text(f.tables.empty() ? f.name.str() : f.tables.front()), severity_name(f.severity), told);
  out += line;
  for (int64_t mark : marks) out += fmt::format("<circle cx=\"{:.2f}%\" cy=\"10\" r=\"3.5\"/>", axis.percent(mark));
  return out + "</svg></li>\n";
}

std::string folded(const std::vector<std::string>& rows, const std::string& what) {
  std::string out;
  for (size_t i = 0; i < rows.size() && i < kRowsShown; ++i) out += rows[i];
  if (rows.size() <= kRowsShown) return out;
  out += "<li class=\"rest\"><details><summary>" + count_of(rows.size() - kRowsShown, "more " + what) + "</summary><ol>\n";
  for (size_t i = kRowsShown; i < rows.size(); ++i) out += rows[i];
  return out + "</ol></details></li>\n";
}

}  // namespace

std::string html_timeline(const Report& report, const std::vector<std::string>& anchors) {
  std::string out;
  size_t timed = 0;
  for (const bool zone_known : {true, false}) {
    Axis axis;
    axis.zone_known = zone_known;
    for (const InputSummary& input : report.inputs) axis.widen(input.first_time), axis.widen(input.last_time);
    for (const Finding& f : report.findings) {
      axis.widen(f.first_time), axis.widen(f.last_time);
      for (const FindingStatement& s : f.statements) axis.widen(s.time);
    }
    if (axis.is_empty()) continue;
    std::vector<std::string> inputs, findings;
    for (const InputSummary& input : report.inputs) {
      if (axis.takes(input.first_time) && axis.takes(input.last_time)) inputs.push_back(row_of_input(axis, input));
    }
    for (size_t i = 0; i < report.findings.size(); ++i) {
      std::string row = row_of_finding(axis, report.findings[i], anchors[i]);
      if (!row.empty()) findings.push_back(std::move(row));
    }
    timed += findings.size();
    out += fmt::format("<p class=\"span\">{} to {}{}</p>\n<ol class=\"timeline\">\n", axis.time(axis.first), axis.time(axis.last),
                       zone_known ? "" : ", as the log's own clock tells (it names no zone)");
    out += ticks(axis) + folded(inputs, "input") + folded(findings, "finding") + "</ol>\n";
  }
  if (out.empty()) return "<p class=\"empty\">No time is known: the inputs record none.</p>\n";
  if (timed < report.findings.size()) {
    const size_t rest = report.findings.size() - timed;
    out += fmt::format("<p class=\"empty\">{} without a time of {} own.</p>\n", count_of(rest, "finding"), rest == 1 ? "its" : "their");
  }
  return out;
}

}  // namespace dbaudit
