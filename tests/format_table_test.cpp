// docs/log-formats.md is written from the code: what each format is, how to have it written, and what its own samples and fixtures really show.
// DBAUDIT_UPDATE=1 rewrites it.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "analyzers/log/envelope.h"
#include "tests/catch.h"
#include "tests/log_fixture.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

struct Shown {
  bool session = false, start = false, end = false, params = false, rows = false, errors = false, place = false, txid = false;
  TxBoundary boundary = TxBoundary::kUnknown;
  size_t statements = 0;
};

void look_at(const std::string& bytes, const Format& format, Shown& shown) {
  for (const KeptRecord& r : keep_log(bytes, format.name).records) {
    const LogRecord& f = r.fields;
    if (f.kind == RecordKind::kStatement) {
      ++shown.statements;
      shown.session |= !r.session.empty();
      shown.params |= f.has_params && !r.params.empty();
      shown.boundary = std::max(shown.boundary, f.tx_boundary);
      shown.place |= f.source_line != 0;
      shown.txid |= !r.txid.empty();
    }
    shown.start |= f.kind == RecordKind::kStatement && f.time.known();
    shown.end |= f.end_time.known() || f.duration_us >= 0;
    shown.rows |= f.rows >= 0;
    shown.errors |= (f.kind == RecordKind::kError && f.attaches) || f.has_error;
  }
}

std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string table() {
  std::map<std::string, Shown> shown;
  for (const Format* format : all_formats()) {
    for (const FormatSample& sample : format->samples) look_at(std::string(sample.text), *format, shown[std::string(format->name)]);
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs")) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const Format* format = detect_format(std::string_view(bytes).substr(0, size_t{64} << 10), {});
    if (format != nullptr) look_at(bytes, *format, shown[std::string(format->name)]);
  }
  const auto mark = [](bool yes) { return yes ? "yes" : "–"; };
  std::string text =
      "# Log formats\n\n"
      "Written by the tests from the code (`DBAUDIT_UPDATE=1 dbaudit_tests \"docs: *\"`). The format is detected, file by file; "
      "`--log-format NAME` "
      "says it.\n\n"
      "What a log can show decides what can be found in it: without sessions or bind values findings are `possible` at most, without BEGIN "
      "and COMMIT "
      "rules about locks outside a transaction are silent. A log that lacks something says so as DBA901.\n\n"
      "## What each can show\n\n"
      "At best, as seen in the samples and fixtures of this tree; the application's own formatter or the server's settings may show less. "
      "`transactions`: "
      "does it show where they begin and end (*explicit*), some of it (*inferred*), or nothing (*unknown*); *id* when it also names "
      "them.\n\n"
      "| format | what it is | session | time | parameters apart | transactions | rows | errors | code |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const Format* format : all_formats()) {
    const Shown& s = shown[std::string(format->name)];
    std::string time = s.start && s.end ? "start, end" : s.start ? "start" : s.end ? "end" : "–";
    std::string boundary = s.boundary == TxBoundary::kExplicit ? "explicit" : s.boundary == TxBoundary::kInferred ? "inferred" : "unknown";
    if (s.txid) boundary += ", id";
    text += "| [`" + std::string(format->name) + "`](logs/" + std::string(format->name) + ".md) | " + cell(format->summary) + " | " +
            mark(s.session) + " | " + time + " | " + mark(s.params) + " | " + boundary + " | " + mark(s.rows) + " | " + mark(s.errors) +
            " | " + mark(s.place) + " |\n";
  }
  text += "\n## How to have it written\n\n| format | setting or code |\n|---|---|\n";
  for (const Format* format : all_formats()) {
    const std::string_view quote = format->enable.find('`') == std::string_view::npos ? "`" : "``";
    text +=
        "| `" + std::string(format->name) + "` | " + std::string(quote) + " " + cell(format->enable) + " " + std::string(quote) + " |\n";
  }
  text +=
      "\n## Envelopes\n\n"
      "What runtimes, shippers and clouds put around each line is taken off first (two layers at most). Line numbers stay those of the "
      "file; an "
      "envelope's time serves a log that has none; where it names several containers or processes, sessions carry their names.\n\n"
      "| envelope | a line |\n|---|---|\n";
  for (const EnvelopeName& envelope : envelope_names()) {
    text += "| " + std::string(envelope.name) + " | `" + cell(envelope.example) + "` |\n";
  }
  text +=
      "\nCompressed logs (`.gz`, `.bz2`, `.zst`) are recognised by their bytes, byte order marks and CR LF are taken off, rotated files "
      "are put in order.\n";
  return text;
}

}  // namespace

TEST_CASE("docs: the table of log formats is that of the code") {
  const std::string path = std::string(DBAUDIT_SOURCE_DIR) + "/docs/log-formats.md";
  const std::string text = table();
  if (std::getenv("DBAUDIT_UPDATE") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ifstream in(path, std::ios::binary);
  const std::string there((std::istreambuf_iterator<char>(in)), {});
  CHECK(there == text);
}

}  // namespace dbaudit
