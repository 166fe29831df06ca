#include "tests/log_fixture.h"

#include <algorithm>

#include "tests/run_program.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

std::string changed(std::string bytes, Random& random) {
  constexpr std::string_view kPut("\n\t'\"\\ \0:`#[]{}", 14);
  for (int i = 0; i < 40; ++i) {
    const size_t at = random.next() % bytes.size();
    switch (random.next() % 4) {
      case 0: bytes[at] = static_cast<char>(random.next()); break;
      case 1: bytes.erase(at, random.next() % 20); break;
      case 2: bytes.insert(at, 1, kPut[random.next() % kPut.size()]); break;
      default: bytes.insert(at, bytes.substr(random.next() % bytes.size(), random.next() % 200));
    }
  }
  return bytes;
}

}  // namespace

std::vector<KeptRecord> KeptLog::statements() const {
  std::vector<KeptRecord> result;
  for (const KeptRecord& r : records) {
    if (r.fields.kind == RecordKind::kStatement) result.push_back(r);
  }
  return result;
}

std::vector<KeptRecord> keep_all(RecordReader& reader) {
  std::vector<KeptRecord> records;
  LogRecord r;
  while (reader.next(r)) {
    KeptRecord kept{r,
                    std::string(r.session),
                    std::string(r.app),
                    std::string(r.user),
                    std::string(r.database),
                    std::string(r.sql),
                    std::string(r.txid),
                    std::string(r.error_code),
                    std::string(r.error_message),
                    {}};
    for (const BindValue& v : r.params) {
      kept.params.push_back(v.is_null ? std::nullopt : std::optional<std::string>(v.text));
      kept.numbers.push_back(v.is_number);
    }
    records.push_back(std::move(kept));
  }
  return records;
}

KeptLog keep_log(const std::string& bytes, std::string_view format, const ReaderOptions& options) {
  const Format* found = find_format(format);
  REQUIRE(found != nullptr);
  auto reader = found->open(std::make_unique<Lines>(memory_source(bytes)), options);
  KeptLog log;
  log.records = keep_all(*reader);
  log.counts = reader->counts();
  return log;
}

std::string read_bytes(const fs::path& path) {
  REQUIRE(fs::is_regular_file(path));
  return read_file(path.string());
}

std::string fixture(const std::string& name) { return read_bytes(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs" / name); }

std::vector<std::string> fixture_names(const std::string& directory, std::string_view extension) {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs" / directory)) {
    if (extension.empty() || file.path().extension() == extension) names.push_back(directory + "/" + file.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  REQUIRE_FALSE(names.empty());
  return names;
}

std::string with_dos_lines(std::string_view bytes) {
  std::string dos;
  for (const char c : bytes) {
    if (c == '\n' && !dos.ends_with('\r')) dos += '\r';
    dos += c;
  }
  return dos;
}

std::string without_cr(std::string s) {
  std::erase(s, '\r');
  return s;
}

void check_cuts(const std::string& bytes, std::string_view format, const Cuts& cuts,
                const std::function<bool(const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole)>& is_fine) {
  const auto read = [&](const std::string& text, const ReaderOptions& options) {
    KeptLog log = keep_log(text, format, options);
    return cuts.statements ? log.statements() : std::move(log.records);
  };
  const std::vector<KeptRecord> whole = read(bytes, {});
  for (size_t cut = 0; cut < std::min(bytes.size(), cuts.limit); cut += kCutStride * (cut < cuts.dense ? 1 : cuts.step)) {
    const std::vector<KeptRecord> part = read(bytes.substr(0, cut), cuts.options);
    INFO(format << " cut at " << cut);
    if (cuts.more) REQUIRE(part.size() <= whole.size() + *cuts.more);
    for (size_t i = 0; i < part.size(); ++i) {
      if (is_fine(part, i, whole)) continue;
      INFO("record " << i << ": " << part[i].sql << " for " << (i < whole.size() ? whole[i].sql : ""));
      REQUIRE(false);
    }
  }
}

void check_dos_lines(const std::string& bytes, std::string_view format, bool in_text) {
  const KeptLog whole = keep_log(bytes, format);
  for (const char* mark : {"", "\xEF\xBB\xBF"}) {
    const KeptLog ours = keep_log(mark + with_dos_lines(bytes), format);
    CHECK(ours.counts.unrecognised_lines == whole.counts.unrecognised_lines);
    CHECK(ours.counts.truncated_statements == whole.counts.truncated_statements);
    REQUIRE(ours.records.size() == whole.records.size());
    for (size_t i = 0; i < whole.records.size(); ++i) {
      const KeptRecord &a = ours.records[i], &b = whole.records[i];
      CHECK((in_text ? without_cr(a.sql) : a.sql) == b.sql);
      CHECK((a.params == b.params));
      CHECK((a.numbers == b.numbers));
      CHECK(a.session == b.session);
      CHECK(a.error_code == b.error_code);
      CHECK(a.fields.kind == b.fields.kind);
      CHECK(a.fields.line == b.fields.line);
      CHECK(a.fields.end_time.micros == b.fields.end_time.micros);
    }
  }
}

void check_damage(const std::string& bytes, std::string_view format, int rounds,
                  const std::function<void(const KeptLog& log, size_t lines)>& check) {
  Random random;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = changed(bytes, random);
    const KeptLog log = keep_log(text, format);
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    CHECK(log.counts.statements == log.statements().size());
    CHECK(log.counts.unrecognised_lines <= lines);
    CHECK(std::is_sorted(log.counts.incomplete.begin(), log.counts.incomplete.end()));
    if (check) check(log, lines);
    (void)detect_format(std::string_view(text).substr(0, 65536), {});
  }
}

void one_record_a_line(const KeptLog& log, size_t lines) {
  CHECK(log.counts.records == log.records.size());
  CHECK(log.records.size() + log.counts.unrecognised_lines <= lines);
  for (size_t i = 1; i < log.records.size(); ++i) REQUIRE(log.records[i - 1].fields.line < log.records[i].fields.line);
}

}  // namespace dbaudit
