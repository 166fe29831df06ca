#include "analyzers/log/read_ahead.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace dbaudit {

namespace {

class ReadAhead final : public ByteSource {
 public:
  explicit ReadAhead(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
    for (Chunk& c : chunks_) c.bytes.resize(size_t{1} << 20);
    thread_ = std::thread([this] { fill(); });
  }

  ~ReadAhead() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  Result<size_t> read(char* buffer, size_t size) override {
    std::unique_lock<std::mutex> lock(mutex_);
    Chunk& c = chunks_[taking_];
    changed_.wait(lock, [&] { return c.full; });
    if (c.error) return tl::unexpected(*c.error);
    // The filling thread leaves a full chunk alone: its bytes can be copied without the lock.
    lock.unlock();
    const size_t n = std::min(size, c.size - c.taken);
    std::memcpy(buffer, c.bytes.data() + c.taken, n);
    c.taken += n;
    if (c.taken == c.size && c.size != 0) {
      lock.lock();
      c.full = false;
      taking_ = 1 - taking_;
      lock.unlock();
      changed_.notify_all();
    }
    return n;
  }

 private:
  struct Chunk {
    std::vector<char> bytes;
    size_t size = 0, taken = 0;  // size 0 when full: the end
    bool full = false;
    std::optional<Error> error;
  };

  void fill() {
    for (size_t at = 0;; at = 1 - at) {
      Chunk& c = chunks_[at];
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || !c.full; });
        if (stop_) return;
      }
      const Result<size_t> n = source_->read(c.bytes.data(), c.bytes.size());
      const bool last = !n || *n == 0;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        c.size = n ? *n : 0;
        c.taken = 0;
        if (!n) c.error = n.error();
        c.full = true;
      }
      changed_.notify_all();
      if (last) return;  // the last chunk stays full for ever: every later read sees the end, or the error, again
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::array<Chunk, 2> chunks_;
  size_t taking_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source) { return std::make_unique<ReadAhead>(std::move(source)); }

}  // namespace dbaudit
