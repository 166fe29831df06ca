#pragma once
// What a container runtime, a log shipper or a cloud wraps around every line of a log, and how a log is opened through it.

#include <memory>
#include <span>
#include <string_view>

#include "analyzers/log/lines.h"
#include "analyzers/log/reader.h"

namespace dbaudit {

/// A log whose format is decided.
struct OpenedLog {
  const Format* format = nullptr;  ///< nullptr: no format is sure enough
  std::unique_ptr<RecordReader> reader;
  /// Of the bytes as they came, envelope included: bytes read, and the error that ended them. Owned by `reader`; nullptr without one.
  const Lines* lines = nullptr;
  std::string_view envelope;  ///< the outermost that was taken off, as in envelope_names(); empty: none
};

/// Opens a log of format `wanted`, or of the best-scoring one when that is nullptr. An envelope around the lines is taken off first; records keep the line
/// numbers of the file as it came, take the envelope's time where their format has none, and the name of their container, process or dyno before
/// their session where a log holds several.
[[nodiscard]] OpenedLog open_records(std::unique_ptr<Lines> lines, const Format* wanted, const ReaderOptions& options);

/// `docker-json`, `kubernetes-cri`, …: those that are taken off, for the documentation.
struct EnvelopeName {
  std::string_view name, example;
};
[[nodiscard]] std::span<const EnvelopeName> envelope_names();

}  // namespace dbaudit
