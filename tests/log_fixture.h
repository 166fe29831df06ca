#pragma once
// What a reader makes of some bytes, as values a test can keep; and what may happen to a log on its way here.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/log/reader.h"
#include "analyzers/log/source.h"
#include "tests/catch.h"

namespace dbaudit {

struct KeptRecord {
  LogRecord fields;  ///< its views are dead; numbers and flags are good
  std::string session, app, user, database, sql, txid, error_code, error_message;
  std::vector<std::optional<std::string>> params;
  std::vector<bool> numbers = {};  ///< which of params are
};

struct KeptLog {
  std::vector<KeptRecord> records;
  ReaderCounts counts;

  [[nodiscard]] std::vector<KeptRecord> statements() const;
};

std::vector<KeptRecord> keep_all(RecordReader& reader);
KeptLog keep_log(const std::string& bytes, std::string_view format, const ReaderOptions& options = {});

/// A file that must be there.
std::string read_bytes(const std::filesystem::path& path);
/// A file under fixtures/logs.
std::string fixture(const std::string& name);
/// `directory/file` of every fixture in a directory, sorted; with an extension only those that have it.
std::vector<std::string> fixture_names(const std::string& directory, std::string_view extension = {});

/// The same numbers in every run (xorshift64).
class Random {
 public:
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_ = 88172645463325252ULL;
};

/// Logs are cut at every so many bytes, and of long lists of cases every so many are taken. Under a sanitizer, which makes each ten times as dear, it is
/// every fifth: the suite without one takes them all.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kCutStride = 5;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr size_t kCutStride = 5;
#else
constexpr size_t kCutStride = 1;
#endif
#else
constexpr size_t kCutStride = 1;
#endif

std::string with_dos_lines(std::string_view bytes);
std::string without_cr(std::string s);

struct Cuts {
  size_t limit = SIZE_MAX;            ///< cuts within so many bytes
  size_t dense = SIZE_MAX, step = 1;  ///< at each of the first `dense` bytes, then at every `step`th
  bool statements = true;             ///< only they are looked at; else every record
  std::optional<size_t> more = 0;     ///< so many of them more than in the whole log may be seen; nullopt: any number
  ReaderOptions options = {};         ///< of the cut log
};
/// REQUIREs of a log that is cut that `is_fine(part, i, whole)` holds of everything seen in it.
void check_cuts(const std::string& bytes, std::string_view format, const Cuts& cuts,
                const std::function<bool(const std::vector<KeptRecord>& part, size_t i, const std::vector<KeptRecord>& whole)>& is_fine);

/// DOS line ends change nothing, with a byte order mark or without. `in_text`: inside of statements they stay.
void check_dos_lines(const std::string& bytes, std::string_view format, bool in_text = false);

/// Bytes changed, lost, put in and repeated at random: no crash, and counts that agree. `check(log, lines)` knows what else must hold.
void check_damage(const std::string& bytes, std::string_view format, int rounds,
                  const std::function<void(const KeptLog& log, size_t lines)>& check = {});
/// For check_damage(): each line is of one record, or unrecognised.
void one_record_a_line(const KeptLog& log, size_t lines);

}  // namespace dbaudit
