#include "analyzers/log/source.h"

#include <bzlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"

namespace fs = std::filesystem;

namespace dbaudit {
namespace {

/// A directory of its own, removed with everything in it.
struct Directory {
  fs::path path;
  Directory() {
    std::string name = (fs::temp_directory_path() / "dbaudit_source_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
};

std::string gzip(const std::string& bytes) {
  z_stream s{};
  REQUIRE(deflateInit2(&s, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(bytes.size() + 1024, '\0');
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  s.avail_in = static_cast<uInt>(bytes.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&s, Z_FINISH) == Z_STREAM_END);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}

std::string bzip2(std::string bytes) {
  std::string out(bytes.size() + bytes.size() / 50 + 1024, '\0');
  auto size = static_cast<unsigned>(out.size());
  REQUIRE(BZ2_bzBuffToBuffCompress(out.data(), &size, bytes.data(), static_cast<unsigned>(bytes.size()), 1, 0, 0) == BZ_OK);
  out.resize(size);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  REQUIRE(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

struct Outcome {
  std::string bytes, error;
};

Outcome read_all(const std::string& path, size_t chunk = 4096) {
  Outcome outcome;
  auto source = open_source(path);
  if (!source) {
    outcome.error = source.error().message;
    return outcome;
  }
  std::vector<char> buffer(chunk);
  for (;;) {
    auto got = (*source)->read(buffer.data(), buffer.size());
    if (!got) outcome.error = got.error().message;
    if (!got || *got == 0) return outcome;
    outcome.bytes.append(buffer.data(), *got);
  }
}

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += "line " + std::to_string(i) + " of this log\n";
  return text;
}

}  // namespace

TEST_CASE("source: plain and compressed files, of any number of parts, read as one") {
  const Directory directory;
  const std::string one = lines(0, 40'000), two = lines(40'000, 50'000);
  const std::pair<const char*, std::string> cases[] = {
      {"plain.log", one + two},
      {"named_wrongly.log", gzip(one) + gzip(two)},
      {"a.gz", gzip(one) + gzip("") + gzip(two) + std::string(512, '\0')},
      {"a.bz2", bzip2(one) + bzip2(two)},
      {"a.zst", zstd(one) + zstd(two)},
  };
  for (const auto& [name, bytes] : cases) {
    const std::string path = directory.file(name, bytes);
    for (size_t chunk : {size_t{1}, size_t{777}, size_t{1} << 20}) {
      if (chunk == 1 && std::string_view(name) == "plain.log") continue;
      INFO(name << " in chunks of " << chunk);
      const Outcome outcome = read_all(path, chunk);
      CHECK(outcome.error == "");
      CHECK((outcome.bytes == one + two));
    }
  }
  CHECK(read_all(directory.file("empty.log", "")).bytes == "");
  CHECK(read_all(directory.file("empty.gz", gzip(""))).error == "");
  CHECK(read_all(directory.file("two.log", "\x1F\x8B")).bytes == "\x1F\x8B");
}

TEST_CASE("source: a damaged or cut stream gives what was read and one line with the path") {
  const Directory directory;
  const std::string text = lines(0, 30'000);
  for (const auto& [name, whole, format] :
       {std::tuple{std::string("a.gz"), gzip(text), std::string("gzip")}, {"a.bz2", bzip2(text), "bzip2"}, {"a.zst", zstd(text), "zstd"}}) {
    INFO(name);
    const Outcome cut = read_all(directory.file(name, whole.substr(0, whole.size() / 2)));
    CHECK((text.starts_with(cut.bytes)));
    CHECK(cut.error == (directory.path / name).string() + ": damaged " + format + " data: it ends in the middle");
    std::string damaged = whole;
    for (size_t i = whole.size() / 2; i < whole.size() / 2 + 64; ++i) damaged[i] = static_cast<char>(damaged[i] ^ 0x5A);
    const Outcome broken = read_all(directory.file(name, damaged));
    CHECK(broken.error.starts_with((directory.path / name).string() + ": damaged " + format + " data"));
    CHECK(broken.error.find('\n') == std::string::npos);
  }
}

TEST_CASE("source: what cannot be opened says why, with the path") {
  const Directory directory;
  const std::string missing = (directory.path / "no.log").string();
  CHECK(read_all(missing).error == missing + ": no such file");
  CHECK(read_all(directory.path.string()).error == directory.path.string() + ": is a directory");
  CHECK(read_all((directory.path / "evil\nname").string()).error.find('\n') == std::string::npos);
  const std::string secret = directory.file("secret.log", "x");
  ::chmod(secret.c_str(), 0);
  if (::geteuid() != 0) CHECK(read_all(secret).error == secret + ": permission denied");
}

TEST_CASE("source: a file that shrinks while it is read just ends") {
  const Directory directory;
  const std::string path = directory.file("app.log", lines(0, 1000));
  auto source = open_source(path);
  REQUIRE(source);
  char buffer[1000];
  REQUIRE(*(*source)->read(buffer, sizeof buffer) > 0);
  REQUIRE(::truncate(path.c_str(), 10) == 0);
  // Nothing is held back: what the file still has, and then the end.
  size_t rest = 0;
  for (;;) {
    auto got = (*source)->read(buffer, sizeof buffer);
    REQUIRE(got);
    if (*got == 0) break;
    rest += *got;
  }
  CHECK(rest <= sizeof buffer);
}

TEST_CASE("source: a file is read to the size it had, and what happened to it meanwhile is told") {
  const Directory directory;
  const std::string path = directory.file("app.log", std::string(1000, 'a'));
  const FileState before = file_state(path);
  CHECK(what_changed(before).empty());
  {
    auto source = open_source(path);
    REQUIRE(source);
    std::ofstream(path, std::ios::app) << std::string(500, 'b');
    std::string all;
    char buffer[300];
    for (;;) {
      const Result<size_t> n = (*source)->read(buffer, sizeof buffer);
      REQUIRE(n);
      if (*n == 0) break;
      all.append(buffer, *n);
    }
    CHECK(all == std::string(1000, 'a'));
  }
  CHECK(what_changed(before) == path + " grew by 500 bytes while it was read; those are not in the report");
  REQUIRE(::truncate(path.c_str(), 10) == 0);
  CHECK(what_changed(before).find("shrank from 1000 to 10 bytes") != std::string::npos);
  fs::rename(path, directory.path / "app.log.1");
  CHECK(what_changed(before).find("was removed") != std::string::npos);
  static_cast<void>(directory.file("app.log", "new"));
  CHECK(what_changed(before).find("was replaced") != std::string::npos);
  CHECK(what_changed(file_state("-")).empty());
  CHECK(what_changed(file_state("/dev/null")).empty());
}

TEST_CASE("source: patterns match, and rotated files among the arguments are put in order") {
  const Directory directory;
  for (const char* name : {"app.log", "app.log.1", "app.log.2.gz", "other.log"}) static_cast<void>(directory.file(name, "x"));
  const std::string at = directory.path.string() + "/";
  const auto expanded = expand_paths({at + "app.log", at + "other.log", at + "app.log.1", at + "app.log.2.gz"});
  REQUIRE(expanded);
  CHECK(*expanded == std::vector<std::string>{at + "app.log.2.gz", at + "other.log", at + "app.log.1", at + "app.log"});
  const auto matched = expand_paths({at + "app.*"});
  REQUIRE(matched);
  CHECK(*matched == std::vector<std::string>{at + "app.log.2.gz", at + "app.log.1", at + "app.log"});
  CHECK_FALSE(expand_paths({at + "nothing*"}));
}

TEST_CASE("source: directories become their logs, oldest first") {
  const Directory directory;
  for (const char* name : {"app.log", "app.log.1", "app.log.2.gz", "app.log.10.gz", "app.log.pid", ".hidden.log", "schema.sql",
                           "web.log-20260302", "web.log", "web.log-20260228.zst", "postgresql-2026-03-01_000000.log",
                           "postgresql-2026-02-28_235959.log", "orders.2026-03-01.1.log", "orders.2026-03-01.0.log", "orders.log"}) {
    (void)directory.file(name, "x");
  }
  fs::create_directory(directory.path / "sub.log");
  const auto paths = expand_paths({"-", directory.path.string()});
  REQUIRE(paths);
  std::vector<std::string> names;
  for (const std::string& path : *paths) names.push_back(fs::path(path).filename().string());
  CHECK(names == std::vector<std::string>{"-", "app.log.10.gz", "app.log.2.gz", "app.log.1", "app.log", "orders.2026-03-01.0.log",
                                          "orders.2026-03-01.1.log", "orders.log", "postgresql-2026-02-28_235959.log",
                                          "postgresql-2026-03-01_000000.log", "web.log-20260228.zst", "web.log-20260302", "web.log"});
  const std::string missing = (directory.path / "nowhere").string();
  CHECK(expand_paths({missing}).error().message == missing + ": no such file");
  fs::create_directory(directory.path / "empty");
  CHECK(expand_paths({(directory.path / "empty").string()}).error().message.ends_with(": no log files in this directory"));
}

}  // namespace dbaudit
