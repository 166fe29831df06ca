#pragma once
// Lines of a ByteSource through one moving buffer, so that a record of several lines is one contiguous view without a copy.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/base/error.h"
#include "analyzers/log/source.h"

namespace dbaudit {

/// Protocol of use: mark() at the first line of a record, take() lines while they belong to it (peek() looks one ahead), then
/// since_mark() is the whole record. While a mark is set, views stay valid until the next mark(); a view from a peek() without
/// one stays valid until the next peek(). A trailing CR is removed from what peek() shows.
///
/// Lines end at LF. A UTF-8 byte order mark at the start of the input is dropped; NUL is a byte like any other.
class Lines {
 public:
  /// A record longer than `max_record` bytes is cut: what follows until the next mark() is read, counted in cut_bytes() and
  /// dropped. One line longer than that is cut likewise. Memory stays below a few times `max_record` whatever the input.
  explicit Lines(std::unique_ptr<ByteSource> source, size_t max_record = size_t{16} << 20);
  ~Lines();

  /// The next line without its newline; nullopt at the end of the input. The same line until take().
  std::optional<std::string_view> peek() {
    if (!peeked_ && !look_ahead()) return std::nullopt;
    const char* data = buffer_.data.get();
    const size_t stop = line_end_ > next_ && data[line_end_ - 1] == '\r' ? line_end_ - 1 : line_end_;
    return std::string_view(data + next_, stop - next_);
  }
  void take();
  void mark();
  /// Bytes from the mark to the end of the last line taken, without the last newline (LF or CRLF). Interior CRs are kept.
  [[nodiscard]] std::string_view since_mark() const {
    const char* data = buffer_.data.get();
    const size_t stop = record_end_ > mark_ && data[record_end_ - 1] == '\r' ? record_end_ - 1 : record_end_;
    return {data + mark_, stop - mark_};
  }
  /// Bytes from the mark to the start of the line peek() shows: where in since_mark() that line will be once it is taken (parts of
  /// a record are best kept as such offsets; past the cap they lie behind the end of since_mark()).
  [[nodiscard]] size_t offset() const {
    // Once bytes were dropped the line is not part of the record any more; any offset behind its end says so.
    return cut_ ? record_end_ - mark_ + 1 : next_ - mark_;
  }
  /// Gives taken lines back: the next peek() is the line that starts at `offset` of the record and has that number. Only while nothing of
  /// the record was cut, and to an offset that was offset() once since the mark.
  void rewind(size_t offset, uint64_t line);
  [[nodiscard]] bool record_was_cut() const { return cut_; }    ///< since the last mark(): over the cap, or the source failed inside it
  [[nodiscard]] uint64_t cut_bytes() const;                     ///< dropped so far
  [[nodiscard]] uint64_t line_number() const { return line_; }  ///< 1-based number of the line peek() shows
  [[nodiscard]] uint64_t bytes_read() const;                    ///< decompressed
  /// Set when the source failed in the middle; peek() says nullopt after what was read before.
  [[nodiscard]] const std::optional<Error>& error() const;
  /// The first bytes of the input (at most 64 KiB), for format detection. Call before the first peek().
  std::string_view head();

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    size_t size = 0;
  };

  void start();
  bool look_ahead();
  bool find_line();
  bool fill();
  void make_room();
  size_t read_into(size_t offset);
  static Block new_block(size_t size);

  std::unique_ptr<ByteSource> source_;
  std::optional<Error> error_;
  Block buffer_;
  std::vector<Block> retired_;  // hold views of the current record; dropped at mark()
  Block spare_;                 // one of them, for reuse
  size_t max_record_;
  size_t mark_ = 0, record_end_ = 0;     // the record so far: offsets into buffer_
  size_t next_ = 0, end_ = 0;            // start of the peeked line, end of data
  size_t line_end_ = 0, line_next_ = 0;  // end of the peeked line's bytes, start of the one after it
  bool started_ = false, peeked_ = false, marked_ = false, at_end_ = false;
  bool cut_ = false, line_cut_ = false;
  uint64_t line_ = 1, bytes_ = 0, cut_bytes_ = 0;
};

}  // namespace dbaudit
