#pragma once
// What a log format is, and the registry of them. One file per format under formats/, one line each in formats.def.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/engine.h"
#include "analyzers/base/error.h"
#include "analyzers/log/lines.h"
#include "analyzers/log/record.h"

namespace dbaudit {

struct ReaderOptions {
  std::string log_line_prefix;              ///< PostgreSQL; empty: guess
  int32_t zone_offset_minutes = INT32_MIN;  ///< of times that name no zone; INT32_MIN: unknown
  Engine engine = Engine::kUnknown;
};

/// Counters every reader keeps; they become `inputs` in the report and the summary of `events`.
struct ReaderCounts {
  uint64_t records = 0;             ///< log entries of every kind, as the server or the logger wrote them
  uint64_t statements = 0;          ///< executions delivered
  uint64_t unrecognised_lines = 0;  ///< lines that belong to no entry of this format
  uint64_t truncated_statements = 0;
  bool sampled = false;
  Engine engine = Engine::kUnknown;  ///< when the log itself tells more than its format does (a banner: MariaDB, not MySQL)
  /// Why this log cannot show everything, one stable word each: `no-session`, `no-transaction-boundaries`, `no-parameters`, `no-time`,
  /// `truncated`, `sampled`. Sorted.
  std::vector<std::string> incomplete;
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  /// Delivers the next record in file order; false at the end. Never throws on bad bytes: what is not understood is counted.
  virtual bool next(LogRecord& record) = 0;
  [[nodiscard]] virtual const ReaderCounts& counts() const = 0;
};

/// One sample line (or a few) that this format, and no other, must claim; checked by a test for every pair of formats.
struct FormatSample {
  std::string_view text;
  int statements;  ///< executions in it
};

struct Format {
  std::string_view name;     ///< as in --log-format
  std::string_view summary;  ///< one line for --log-format help
  std::string_view enable;   ///< the setting that makes the server or ORM write it
  Engine engine;             ///< the engine it implies, or kUnknown (an ORM's log)
  std::string_view orm;      ///< `django`, … or empty
  std::span<const FormatSample> samples;
  /// How sure this format is that `head` (up to 64 KiB from the start of a file) is its own: 0 not at all … 1000 certain.
  /// Roughly the share of lines that parse as this format's entries, times its specificity.
  int (*score)(std::string_view head, const ReaderOptions& options);
  std::unique_ptr<RecordReader> (*open)(std::unique_ptr<Lines> lines, const ReaderOptions& options);
};

/// All formats, in the order of formats.def.
[[nodiscard]] std::span<const Format* const> all_formats();
[[nodiscard]] const Format* find_format(std::string_view name);
/// The best-scoring format, or nullptr when none is sure enough (score < 200) to be believed.
[[nodiscard]] const Format* detect_format(std::string_view head, const ReaderOptions& options);

}  // namespace dbaudit
