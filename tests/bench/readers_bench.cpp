// How fast each log format is split into records with their fields extracted, beside memchr over the same bytes in the same run.
//
//   readers_bench [FORMAT|FILE…]
//
// The input is a file, or the largest fixture of the format, over and over, 64 MB of it; of several passes the best counts, in CPU time and in turns with memchr, so
// that what else runs on the machine weighs little.

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "analyzers/log/reader.h"

namespace {

using namespace dbaudit;
namespace fs = std::filesystem;

constexpr size_t kBytes = size_t{64} << 20;
constexpr int kPasses = 5;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Bytes that stay where they are: the pass measures the reader, not copies into it beyond those it makes.
class ViewSource final : public ByteSource {
 public:
  explicit ViewSource(std::string_view bytes) : left_(bytes) {}
  Result<size_t> read(char* buffer, size_t size) override {
    const size_t n = std::min(size, left_.size());
    std::memcpy(buffer, left_.data(), n);
    left_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view left_;
};

struct Input {
  std::string name, bytes;
};

std::map<std::string, Input> largest_of(std::vector<fs::path> files) {
  std::map<std::string, Input> largest;
  if (files.empty()) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(DBAUDIT_SOURCE_DIR) / "fixtures/logs")) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const Format* format = detect_format(std::string_view(bytes).substr(0, size_t{64} << 10), {});
    if (format == nullptr) continue;
    Input& best = largest[std::string(format->name)];
    if (bytes.size() > best.bytes.size()) best = {file.filename().string(), std::move(bytes)};
  }
  return largest;
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("%-18s %10s %10s %8s %12s  %s\n", "format", "MB/s", "memchr", "ratio", "ns a record", "fixture");
  std::vector<std::string> formats;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (find_format(argv[i]) != nullptr) {
      formats.emplace_back(argv[i]);
    } else {
      files.emplace_back(argv[i]);
    }
  }
  for (const auto& [name, input] : largest_of(files)) {
    if (!formats.empty() && std::find(formats.begin(), formats.end(), name) == formats.end()) continue;
    std::string log = input.bytes + (input.bytes.ends_with('\n') ? "" : "\n");
    while (log.size() < kBytes) log += log.substr(0, std::min(log.size(), kBytes));
    double best = std::numeric_limits<double>::infinity();
    double best_search = best;
    uint64_t records = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
      double begin = cpu_seconds();
      benchmark::DoNotOptimize(std::memchr(log.data(), '\x01', log.size()));
      best_search = std::min(best_search, cpu_seconds() - begin);
      begin = cpu_seconds();
      auto reader = find_format(name)->open(std::make_unique<Lines>(std::make_unique<ViewSource>(log)), {});
      LogRecord record;
      while (reader->next(record)) continue;
      records = reader->counts().records;
      best = std::min(best, cpu_seconds() - begin);
    }
    const double megabytes = static_cast<double>(log.size()) / 1e6;
    std::printf("%-18s %10.0f %10.0f  1 :%4.0f %12.0f  %s\n", name.c_str(), megabytes / best, megabytes / std::max(best_search, 1e-9),
                best / std::max(best_search, 1e-9), best * 1e9 / static_cast<double>(std::max<uint64_t>(records, 1)), input.name.c_str());
    std::fflush(stdout);
  }
  return 0;
}
