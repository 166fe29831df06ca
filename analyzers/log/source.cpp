// Files, standard input and the three decompressors. Each decompressor is a ByteSource over another, so that a compressed standard
// input works like a compressed file, and recognition is by magic bytes: `cat app.log.1 | dbaudit events -` may well be gzip.

#include "analyzers/log/source.h"

#include <bzlib.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "analyzers/base/text.h"
#include "analyzers/log/stop_reading.h"

namespace dbaudit {
namespace {

constexpr size_t kCompressedChunk = size_t{256} << 10;

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> read(char* buffer, size_t size) override {
    const size_t n = std::min(size, bytes_.size() - at_);
    std::memcpy(buffer, bytes_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

/// A descriptor read to its end, or to `limit` bytes. A file that shrinks while it is read (copytruncate) just ends.
class FileSource final : public ByteSource {
 public:
  FileSource(int fd, bool owned, std::string name, uint64_t limit = UINT64_MAX)
      : fd_(fd), owned_(owned), may_wait_(limit == UINT64_MAX), name_(std::move(name)), left_(limit) {}
  ~FileSource() override {
    if (owned_) ::close(fd_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<size_t> read(char* buffer, size_t size) override {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(size, left_));
    if (want == 0) return size_t{0};
    if (may_wait_ && !wait_for_input()) return fail(name_ + ": interrupted");
    for (;;) {
      const ssize_t n = ::read(fd_, buffer, want);
      if (n >= 0) {
        left_ -= static_cast<uint64_t>(n);
        return static_cast<size_t>(n);
      }
      if (errno != EINTR) return fail(name_ + ": read error: " + std::strerror(errno));
    }
  }

 private:
  // False when reading is to stop. A wait without an end would miss a signal that came just before it, or on another thread.
  [[nodiscard]] bool wait_for_input() const {
    constexpr int kMilliseconds = 200;
    pollfd input = {fd_, POLLIN, 0};
    while (stop_reading == 0) {
      if (const int ready = ::poll(&input, 1, kMilliseconds); ready > 0 || (ready < 0 && errno != EINTR)) return true;
    }
    return false;
  }

  int fd_;
  bool owned_;
  bool may_wait_;  // not a file of known size: a pipe, a terminal
  std::string name_;
  uint64_t left_;
};

/// Gives back the bytes that were read to recognise the stream, then the rest.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest) : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  Result<size_t> read(char* buffer, size_t size) override {
    if (at_ == prefix_.size()) return rest_->read(buffer, size);
    const size_t n = std::min(size, prefix_.size() - at_);
    std::memcpy(buffer, prefix_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string prefix_;
  size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

/// What the three decompressors share: a window over the compressed bytes.
class CompressedSource : public ByteSource {
 public:
  CompressedSource(std::unique_ptr<ByteSource> input, std::string name)
      : name_(std::move(name)), input_(std::move(input)), buffer_(new char[kCompressedChunk]) {}

 protected:
  /// Reads more when the window is empty; true when there is something in it.
  Result<bool> more() {
    if (from_ != to_) return true;
    if (ended_) return false;
    Result<size_t> got = input_->read(buffer_.get(), kCompressedChunk);
    if (!got) return tl::unexpected<Error>(got.error());
    from_ = 0;
    to_ = *got;
    ended_ = to_ == 0;
    return !ended_;
  }
  [[nodiscard]] char* window() { return buffer_.get() + from_; }
  [[nodiscard]] size_t available() const { return to_ - from_; }
  void consume(size_t n) { from_ += n; }
  tl::unexpected<Error> damaged(std::string_view format) const { return fail(name_ + ": damaged " + std::string(format) + " data"); }
  tl::unexpected<Error> cut_off(std::string_view format) const {
    return fail(name_ + ": damaged " + std::string(format) + " data: it ends in the middle");
  }

  std::string name_;

 private:
  std::unique_ptr<ByteSource> input_;
  std::unique_ptr<char[]> buffer_;
  size_t from_ = 0, to_ = 0;
  bool ended_ = false;
};

/// gzip, any number of members one after another (`cat a.gz b.gz`). Trailing zero padding and other garbage is ignored, as gzip does.
class GzipSource final : public CompressedSource {
 public:
  using CompressedSource::CompressedSource;
  ~GzipSource() override {
    if (open_) inflateEnd(&stream_);
  }
  Result<size_t> read(char* buffer, size_t size) override {
    if (size == 0 || done_) return size_t{0};
    if (!open_) {
      if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) return fail(name_ + ": out of memory");
      open_ = true;
    }
    const size_t want = std::min<size_t>(size, size_t{1} << 30);
    for (;;) {
      Result<bool> some = more();
      if (!some) return tl::unexpected<Error>(some.error());
      if (!*some) {
        if (!between_members_) return cut_off("gzip");
        done_ = true;
        return size_t{0};
      }
      if (between_members_ && members_ > 0 && static_cast<unsigned char>(*window()) != 0x1F) {
        done_ = true;
        return size_t{0};
      }
      stream_.next_in = reinterpret_cast<Bytef*>(window());
      stream_.avail_in = static_cast<uInt>(available());
      stream_.next_out = reinterpret_cast<Bytef*>(buffer);
      stream_.avail_out = static_cast<uInt>(want);
      between_members_ = false;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      consume(available() - stream_.avail_in);
      const size_t produced = want - stream_.avail_out;
      if (status == Z_STREAM_END) {
        between_members_ = true;
        ++members_;
        inflateReset(&stream_);
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        if (produced == 0) return damaged("gzip");
        pending_damage_ = true;
      }
      if (produced != 0) return produced;
      if (pending_damage_) return damaged("gzip");
    }
  }

 private:
  z_stream stream_{};
  bool open_ = false, done_ = false, between_members_ = true, pending_damage_ = false;
  uint64_t members_ = 0;
};

/// bzip2, any number of streams one after another (pbzip2 writes one a block).
class Bzip2Source final : public CompressedSource {
 public:
  using CompressedSource::CompressedSource;
  ~Bzip2Source() override {
    if (open_) BZ2_bzDecompressEnd(&stream_);
  }
  Result<size_t> read(char* buffer, size_t size) override {
    if (size == 0 || done_) return size_t{0};
    const size_t want = std::min<size_t>(size, size_t{1} << 30);
    for (;;) {
      Result<bool> some = more();
      if (!some) return tl::unexpected<Error>(some.error());
      if (!*some) {
        if (open_) return cut_off("bzip2");
        done_ = true;
        return size_t{0};
      }
      if (!open_) {
        if (streams_ > 0 && *window() != 'B') {
          done_ = true;
          return size_t{0};
        }
        stream_ = bz_stream{};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) return fail(name_ + ": out of memory");
        open_ = true;
      }
      stream_.next_in = window();
      stream_.avail_in = static_cast<unsigned>(available());
      stream_.next_out = buffer;
      stream_.avail_out = static_cast<unsigned>(want);
      const int status = BZ2_bzDecompress(&stream_);
      consume(available() - stream_.avail_in);
      const size_t produced = want - stream_.avail_out;
      if (status == BZ_STREAM_END) {
        BZ2_bzDecompressEnd(&stream_);
        open_ = false;
        ++streams_;
      } else if (status != BZ_OK) {
        return damaged("bzip2");
      }
      if (produced != 0) return produced;
    }
  }

 private:
  bz_stream stream_{};
  bool open_ = false, done_ = false;
  uint64_t streams_ = 0;
};

/// zstd, any number of frames; skippable frames are skipped by the library.
class ZstdSource final : public CompressedSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> input, std::string name)
      : CompressedSource(std::move(input), std::move(name)), stream_(ZSTD_createDStream()) {
    // `zstd --long` files name windows of up to 128 MiB; larger ones would let a small file claim any amount of memory.
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 27);
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<size_t> read(char* buffer, size_t size) override {
    if (stream_ == nullptr) return fail(name_ + ": out of memory");
    if (size == 0) return size_t{0};
    for (;;) {
      Result<bool> some = more();
      if (!some) return tl::unexpected<Error>(some.error());
      ZSTD_inBuffer in{*some ? window() : nullptr, *some ? available() : 0, 0};
      ZSTD_outBuffer out{buffer, size, 0};
      // Also without input: the library may hold decompressed bytes back when the last buffer was full.
      if (!*some && !in_frame_) return size_t{0};
      const size_t status = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(status) != 0) return damaged("zstd");
      consume(in.pos);
      in_frame_ = status != 0;
      if (out.pos != 0) return out.pos;
      if (!*some) return in_frame_ ? Result<size_t>(cut_off("zstd")) : Result<size_t>(size_t{0});
    }
  }

 private:
  ZSTD_DStream* stream_;
  bool in_frame_ = false;
};

bool starts_with_bytes(std::string_view s, std::string_view magic) { return s.substr(0, magic.size()) == magic; }

}  // namespace

std::unique_ptr<ByteSource> memory_source(std::string bytes) { return std::make_unique<MemorySource>(std::move(bytes)); }

Result<std::unique_ptr<ByteSource>> decompressed(std::unique_ptr<ByteSource> input, const std::string& name) {
  std::string magic(4, '\0');
  size_t have = 0;
  while (have < magic.size()) {
    Result<size_t> got = input->read(magic.data() + have, magic.size() - have);
    if (!got) return tl::unexpected<Error>(got.error());
    if (*got == 0) break;
    have += *got;
  }
  magic.resize(have);
  auto whole = std::make_unique<PrefixedSource>(magic, std::move(input));
  if (starts_with_bytes(magic, "\x1F\x8B\x08")) return std::make_unique<GzipSource>(std::move(whole), name);
  if (starts_with_bytes(magic, "BZh") && magic.size() == 4 && magic[3] >= '1' && magic[3] <= '9') {
    return std::make_unique<Bzip2Source>(std::move(whole), name);
  }
  if (starts_with_bytes(magic, "\x28\xB5\x2F\xFD")) return std::make_unique<ZstdSource>(std::move(whole), name);
  return whole;
}

FileState file_state(const std::string& path) {
  FileState state;
  state.path = path;
  struct stat info {};
  if (path == "-" || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return state;
  state.is_regular = true;
  state.device = info.st_dev;
  state.inode = info.st_ino;
  state.size = static_cast<uint64_t>(info.st_size);
  return state;
}

std::string what_changed(const FileState& before) {
  if (!before.is_regular) return {};
  const FileState now = file_state(before.path);
  const std::string name = printable(before.path);
  if (!now.is_regular) return name + " was removed while it was read; what it held is in the report";
  if (now.device != before.device || now.inode != before.inode) {
    return name + " was replaced while it was read (rotated?); the report is of the file it was";
  }
  if (now.size > before.size) {
    return name + " grew by " + std::to_string(now.size - before.size) + " bytes while it was read; those are not in the report";
  }
  if (now.size < before.size) {
    return name + " shrank from " + std::to_string(before.size) + " to " + std::to_string(now.size) +
           " bytes while it was read; what was cut off before it was reached is not in the report";
  }
  return {};
}

std::atomic<int> stop_reading = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler sets it");

Result<std::unique_ptr<ByteSource>> open_source(const std::string& path) {
  if (path == "-") return decompressed(std::make_unique<FileSource>(STDIN_FILENO, false, "standard input"), "standard input");
  const std::string name = printable(path);
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR && stop_reading == 0);
  if (fd < 0) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR: return fail(name + ": no such file");
      case EACCES:
      case EPERM: return fail(name + ": permission denied");
      default: return fail(name + ": cannot be opened: " + std::strerror(errno));
    }
  }
  struct stat info {};
  const bool is_known = ::fstat(fd, &info) == 0;
  // /proc and the like say 0 of files that hold something.
  const bool has_size = is_known && S_ISREG(info.st_mode) && info.st_size > 0;
  auto file = std::make_unique<FileSource>(fd, true, name, has_size ? static_cast<uint64_t>(info.st_size) : UINT64_MAX);
  if (is_known && S_ISDIR(info.st_mode)) return fail(name + ": is a directory");
#ifdef POSIX_FADV_SEQUENTIAL
  (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
  return decompressed(std::move(file), name);
}

}  // namespace dbaudit
