#include "cli/report/location.h"

#include <cctype>

#include "analyzers/base/text.h"

namespace dbaudit {

namespace {

constexpr std::string_view kStandardInput = "standard-input";
constexpr std::string_view kLiveDatabase = "live-database";

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

bool is_windows_path(std::string_view path) {
  return path.size() > 2 && is_letter(path[0]) && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
}

const Place* first_place(const Finding& finding) {
  for (const FindingStatement& s : finding.statements) {
    if (!s.place.file.empty()) return &s.place;
  }
  for (const Evidence& e : finding.evidence) {
    if (!e.place.file.empty()) return &e.place;
  }
  return nullptr;
}

}  // namespace

ShownPlace shown_place(const Report& report, const Finding& finding) {
  const auto at = [&report](std::string_view file, uint64_t line) {
    return ShownPlace{shown_path(file, report.root), line == 0 ? 1 : line};
  };
  if (!finding.source_file.empty())
    return at(finding.source_file, finding.source_line > 0 ? static_cast<uint64_t>(finding.source_line) : 1);
  if (const Place* place = first_place(finding)) return at(place->file, place->line);
  if (!report.inputs.empty() && !report.inputs.front().path.empty()) return at(report.inputs.front().path, 1);
  return {std::string(kLiveDatabase), 1};
}

std::string shown_path(std::string_view path, std::string_view root) {
  if (path == "-") return std::string(kStandardInput);
  if (is_windows_path(path)) return std::string(path);
  std::string tidy;
  const bool absolute = !path.empty() && path.front() == '/';
  for (std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (!tidy.empty() || absolute) tidy += '/';
    tidy += part;
  }
  if (tidy.empty()) return absolute ? "/" : ".";
  const bool below =
      absolute && root.size() > 1 && tidy.size() > root.size() + 1 && tidy.compare(0, root.size(), root) == 0 && tidy[root.size()] == '/';
  return below ? tidy.substr(root.size() + 1) : tidy;
}

std::string uri_of(std::string_view shown_path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string path(shown_path), uri;
  if (is_windows_path(path)) {
    for (char& c : path) c = c == '\\' ? '/' : c;
    uri.append("file:///").append(path, 0, 2);
    path.erase(0, 2);
  } else if (!path.empty() && path.front() == '/') {
    uri = "file://";
  }
  for (char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || std::string_view("-._~/").find(c) != std::string_view::npos)) {
      uri += c;
    } else {
      uri += '%';
      uri += kHex[byte >> 4];
      uri += kHex[byte & 0xF];
    }
  }
  return uri;
}

std::string subject_of(const Finding& finding) {
  std::string subject = join(finding.tables, ", ");
  if (!subject.empty() && !finding.columns.empty()) subject += "(" + join(finding.columns, ", ") + ")";
  return subject;
}

}  // namespace dbaudit
