// The log a server keeps in its own tables, read as if it were a file that its client had written.

#include <fmt/format.h>

#include "cli/scan.h"

namespace dbaudit {

namespace {

class HeldLogSource final : public ByteSource {
 public:
  explicit HeldLogSource(std::unique_ptr<HeldLog> log) : log_(std::move(log)) {}
  Result<size_t> read(char* buffer, size_t size) override { return log_->read(buffer, size); }

 private:
  std::unique_ptr<HeldLog> log_;
};

}  // namespace

OpenLog open_held_log(std::unique_ptr<HeldLog> held, const ScanOptions& options, Engine engine) {
  OpenLog log;
  log.path = held->name();
  log.format = find_format(held->format());
  ReaderOptions reader_options;
  reader_options.engine = engine;
  // The session that reads is in UTC.
  reader_options.zone_offset_minutes = options.zone_offset_minutes == INT32_MIN ? 0 : options.zone_offset_minutes;
  auto lines = std::make_unique<Lines>(std::make_unique<HeldLogSource>(std::move(held)));
  log.lines = lines.get();
  log.reader = log.format->open(std::move(lines), reader_options);
  return log;
}

}  // namespace dbaudit
