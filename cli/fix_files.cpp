#include "cli/fix_files.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "analyzers/base/hash.h"
#include "analyzers/base/text.h"
#include "cli/output_file.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "-- Fixes proposed by dbaudit";
constexpr size_t kMaxTableName = 60;
constexpr size_t kWidth = 110;

/// One line: what would break it, or move a terminal's cursor, is shown as printable() shows it.
std::string one_line(std::string_view text) {
  std::string flat(text);
  std::replace(flat.begin(), flat.end(), '\n', ' ');
  std::replace(flat.begin(), flat.end(), '\r', ' ');
  return printable(flat);
}

/// A paragraph of comment, wrapped between words.
void comment(std::string_view text, std::string& out, std::string_view indent = "") {
  const std::string flat = one_line(text);
  std::string line;
  const auto end_line = [&] {
    if (!line.empty()) out += fmt::format("-- {}{}\n", indent, line);
    line.clear();
  };
  for (const std::string_view word : split(flat, ' ')) {
    if (word.empty()) continue;
    if (!line.empty() && line.size() + word.size() + 1 > kWidth) end_line();
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  end_line();
}

/// A statement's own lines, each a comment.
void commented_statement(std::string_view sql, std::string& out) {
  for (const std::string_view line : split(sql, '\n')) {
    const std::string text = one_line(line);
    out += text.starts_with("--") ? fmt::format("--   {}\n", trim(std::string_view(text).substr(2))) : fmt::format("--   {};\n", text);
  }
}

bool has_control_bytes(std::string_view sql) {
  return std::any_of(sql.begin(), sql.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; });
}

/// Where the statement begins, behind the comments that lead it.
std::string_view behind_comments(std::string_view sql) {
  while (sql.starts_with("--") && sql.find('\n') != std::string_view::npos) sql.remove_prefix(sql.find('\n') + 1);
  return sql;
}

void once(const Fix& fix, std::string& out) {
  if (fix.use.once == 0) return;
  out += "\n";
  for (int i = 0; i < fix.use.once; ++i) {
    const std::string& sql = fix.sql[static_cast<size_t>(i)];
    const std::string_view statement = behind_comments(sql);
    if (istarts_with(statement, "delete")) {
      out += "-- Deletes rows: look at what is listed, then take the dashes away.\n";
      commented_statement(sql, out);
    } else if (has_control_bytes(sql)) {
      out += "-- Holds control bytes, which are not shown as they are:\n";
      commented_statement(sql, out);
    } else {
      std::string_view lead = std::string_view(sql).substr(0, sql.size() - statement.size());
      for (const std::string_view line : split(lead, '\n')) {
        if (!line.empty()) comment(line.substr(2), out);
      }
      out += std::string(statement) + ";\n";
    }
  }
}

void in_program(const Fix& fix, std::string& out) {
  if (static_cast<size_t>(fix.use.once) >= fix.sql.size()) return;
  out += "--\n-- In the program:\n";
  for (size_t i = static_cast<size_t>(fix.use.once); i < fix.sql.size(); ++i) commented_statement(fix.sql[i], out);
}

std::string place_text(const Place& p) {
  if (p.file.empty()) return {};
  return p.line == 0 ? p.file.str() : fmt::format("{}:{}", p.file, p.line);
}

void head(const Finding& f, std::string& out) {
  out += fmt::format("{} for {}. Read before you run.\n--\n", kFirstLine, engine_title(f.engine));
  comment(fmt::format("{} {} ({}, {}), {}", f.code, f.name, severity_name(f.severity), confidence_name(f.confidence), hex64(f.fingerprint)),
          out);
  comment(f.message, out);
  if (!f.why.empty()) comment(f.why, out);
  if (!f.source_file.empty())
    comment(f.source_line > 0 ? fmt::format("Source: {}:{}", f.source_file, f.source_line) : "Source: " + f.source_file, out);
  if (!f.statements.empty()) out += "--\n-- Seen:\n";
  for (const FindingStatement& s : f.statements) {
    const std::string place = place_text(s.place);
    comment(fmt::format("{}{}: {}", s.role, place.empty() ? "" : " at " + place, s.sql), out, "  ");
  }
}

/// Does the file begin as ours do? An empty one is nobody's.
bool is_ours(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) return false;
  std::string begin(kFirstLine.size(), '\0');
  begin.resize(std::fread(begin.data(), 1, begin.size(), file.get()));
  return begin.empty() || begin == kFirstLine;
}

}  // namespace

std::string fix_file_name(const Finding& f) {
  std::string table = f.tables.empty() ? "audit" : f.tables.front().substr(0, kMaxTableName);
  for (char& c : table) {
    const bool safe = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    if (!safe || static_cast<unsigned char>(c) >= 0x80) c = '_';
  }
  return fmt::format("{}-{}-{}.sql", f.code, table, hex64(f.fingerprint));
}

std::string fix_file(const Finding& f) {
  std::string out;
  head(f, out);
  for (size_t i = 0; i < f.fixes.size(); ++i) {
    const Fix& fix = f.fixes[i];
    out += fmt::format("\n-- ---- {} of {}: {}\n", i + 1, f.fixes.size(), one_line(fix.title));
    std::string status = fmt::format("{}, {}", fix.kind, applicability_name(fix.applicability));
    if (!fix.sql.empty()) status += fix.checked.empty() ? "; not checked" : "; checked: " + join(fix.checked, ", ");
    comment(status + ".", out);
    if (!fix.trade_off.empty()) comment(fix.trade_off, out);
    once(fix, out);
    in_program(fix, out);
    if (!fix.code.empty()) {
      out += "--\n-- In the program:\n";
      for (const std::string_view line : split(fix.code, '\n')) out += fmt::format("--   {}\n", one_line(line));
    }
  }
  return out;
}

Result<void> write_fix_files(const std::vector<Finding>& findings, const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(fmt::format("cannot make {}: {}", printable(directory), error.message()));
  // Nothing is written unless all of it can be.
  for (const Finding& f : findings) {
    const std::string path = (fs::path(directory) / fix_file_name(f)).string();
    if (!f.fixes.empty() && fs::exists(path, error) && !is_ours(path))
      return fail(fmt::format("{} is there and is no file of dbaudit's: it is not overwritten", printable(path)));
  }
  for (const Finding& f : findings) {
    if (f.fixes.empty()) continue;
    if (Result<void> written = write_whole((fs::path(directory) / fix_file_name(f)).string(), fix_file(f)); !written) return written;
  }
  return {};
}

}  // namespace dbaudit
