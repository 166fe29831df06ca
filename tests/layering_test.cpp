// Holds the house's floors: reads every #include of every source file and says which one climbs, and which third-party header has left home.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/catch.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

struct Floor {
  std::string_view directory;
  std::set<std::string_view> may_include;
};

const std::vector<Floor>& floors() {
  // The longest directory first: cli/report is not cli. A floor includes itself and those to its left:
  //   base <- log; base <- sql <- schema <- trace <- rules <- cli/report <- cli. Trace also includes log; rules never do.
  static const std::vector<Floor> kFloors = {
      {"analyzers/base", {"analyzers/base"}},
      {"analyzers/log", {"analyzers/base", "analyzers/log"}},
      {"analyzers/sql", {"analyzers/base", "analyzers/sql"}},
      {"analyzers/schema", {"analyzers/base", "analyzers/sql", "analyzers/schema"}},
      {"analyzers/trace", {"analyzers/base", "analyzers/log", "analyzers/sql", "analyzers/schema", "analyzers/trace"}},
      {"rules", {"analyzers/base", "analyzers/sql", "analyzers/schema", "analyzers/trace", "rules"}},
      {"cli/report", {"analyzers/base", "analyzers/sql", "analyzers/schema", "analyzers/trace", "rules", "cli/report"}},
      {"cli", {"analyzers/base", "analyzers/log", "analyzers/sql", "analyzers/schema", "analyzers/trace", "rules", "cli/report", "cli"}},
  };
  return kFloors;
}

const Floor* floor_of(std::string_view path) {
  for (const Floor& floor : floors()) {
    if (path.substr(0, floor.directory.size()) == floor.directory && path.substr(floor.directory.size(), 1) == "/") return &floor;
  }
  return nullptr;
}

/// Third-party headers by their first path component (or the whole name), and the beginnings of the paths that may include them.
const std::map<std::string, std::vector<std::string>>& third_party_homes() {
  static const std::map<std::string, std::vector<std::string>> kHomes = {
      {"CLI", {"cli/options.cpp"}},
      {"toml++", {"cli/config.cpp"}},
      {"nlohmann", {"cli/", "analyzers/schema/snapshot.cpp"}},
      {"simdjson.h", {"analyzers/log/"}},
      {"mysql.h", {"analyzers/schema/engines/mysql_session.cpp"}},
      {"errmsg.h", {"analyzers/schema/engines/mysql_session.cpp"}},
      {"sqlite3.h", {"analyzers/schema/engines/sqlite", "cli/demo"}},
      {"libpq-fe.h", {"analyzers/schema/engines/postgres"}},
      {"zlib.h", {"analyzers/log/source"}},
      {"bzlib.h", {"analyzers/log/source"}},
      {"zstd.h", {"analyzers/log/source"}},
      {"xxhash.h", {"analyzers/base/hash.cpp"}},
      {"fmt", {""}},
      {"tl", {""}},
  };
  return kHomes;
}

std::set<std::string> words(const char* text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

/// Not <regex>, which is slow and recurses on its input; not <iostream>.
const std::set<std::string>& standard_headers() {
  static const std::set<std::string> kHeaders = words(
      "algorithm any array atomic barrier bit bitset cassert cctype cerrno charconv chrono cinttypes climits clocale cmath compare "
      "concepts condition_variable csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime deque exception filesystem fstream "
      "functional "
      "initializer_list iterator latch limits list map memory memory_resource mutex new numeric optional queue random ranges semaphore set "
      "shared_mutex span sstream stdexcept stop_token string string_view system_error thread tuple type_traits typeinfo unordered_map "
      "unordered_set utility variant vector version");
  return kHeaders;
}

/// Vector instructions, which a header of inline code may use under its #if.
const std::set<std::string>& intrinsics() {
  static const std::set<std::string> kHeaders = words("arm_neon.h emmintrin.h immintrin.h");
  return kHeaders;
}

const std::set<std::string>& posix_headers() {
  static const std::set<std::string> kHeaders = words(
      "dirent.h errno.h fcntl.h glob.h langinfo.h poll.h signal.h sys/ioctl.h sys/mman.h sys/resource.h sys/stat.h sys/time.h sys/types.h "
      "sys/wait.h termios.h time.h unistd.h");
  return kHeaders;
}

struct Include {
  std::string header;
  bool quoted = false;
};

/// The header an #include names, if the line is one.
bool read_include(std::string_view line, Include* out) {
  const auto skip_blanks = [&line] { line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size())); };
  skip_blanks();
  if (line.empty() || line.front() != '#') return false;
  line.remove_prefix(1);
  skip_blanks();
  constexpr std::string_view kDirective = "include";
  if (line.substr(0, kDirective.size()) != kDirective) return false;
  line.remove_prefix(kDirective.size());
  skip_blanks();
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return false;
  out->quoted = line.front() == '"';
  const size_t end = line.find(out->quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return false;
  out->header = line.substr(1, end - 1);
  return true;
}

bool is_header(std::string_view path) { return path.size() > 2 && path.substr(path.size() - 2) == ".h"; }

/// What is wrong with this #include of the file at `path` (relative to the root); empty when nothing is.
std::string objection(const std::string& path, const Include& include) {
  if (include.quoted) {
    const Floor* to = floor_of(include.header);
    if (to == nullptr) return "names no file of a floor by its path from the root";
    const Floor* from = floor_of(path);
    if (from != nullptr && from->may_include.count(to->directory) == 0) {
      return "climbs: " + std::string(from->directory) + " must not know " + std::string(to->directory);
    }
    return {};
  }
  if (standard_headers().count(include.header) != 0 || intrinsics().count(include.header) != 0) return {};
  if (posix_headers().count(include.header) != 0) return is_header(path) ? "brings POSIX into a header" : "";
  const std::string library = include.header.substr(0, include.header.find('/'));
  const auto home = third_party_homes().find(library);
  if (home == third_party_homes().end()) return "is not a header this test knows a home for";
  if (is_header(path) && library != "tl") return "brings a third-party type into a header";
  for (const std::string& beginning : home->second) {
    if (path.compare(0, beginning.size(), beginning) == 0) return {};
  }
  return "has its home in " + home->second.front();
}

std::vector<std::string> source_files() {
  const fs::path root = DBAUDIT_SOURCE_DIR;
  std::vector<std::string> files;
  for (const char* top : {"analyzers", "rules", "cli"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const fs::path extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp" || extension == ".def") files.push_back(entry.path().lexically_relative(root).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("Every include stays on its floor and every third-party header at home", "[layering]") {
  const std::vector<std::string> files = source_files();
  size_t includes = 0;
  for (const std::string& path : files) {
    if (floor_of(path) == nullptr) {
      UNSCOPED_INFO(path << ": belongs to no floor");
      CHECK(false);
    }
    std::ifstream in(fs::path(DBAUDIT_SOURCE_DIR) / path);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      Include include;
      if (!read_include(line, &include)) continue;
      ++includes;
      std::string wrong = objection(path, include);
      if (include.quoted && wrong.empty() && !fs::exists(fs::path(DBAUDIT_SOURCE_DIR) / include.header)) wrong = "does not exist";
      INFO(path << ":" << number << ": " << include.header << " " << wrong);
      CHECK(wrong.empty());
    }
  }
  CHECK(files.size() > 50);
  CHECK(includes > 200);  // the reader really reads
}

TEST_CASE("The layering test notices what it is there for", "[layering]") {
  const auto includes = [](const std::string& path, std::string_view line) {
    Include include;
    REQUIRE(read_include(line, &include));
    return objection(path, include).empty();
  };
  CHECK(includes("rules/a.cpp", "#include \"analyzers/trace/transaction.h\""));
  CHECK_FALSE(includes("rules/a.cpp", "#include \"analyzers/log/record.h\""));
  CHECK(includes("analyzers/trace/a.cpp", "# include  \"analyzers/log/record.h\""));
  CHECK_FALSE(includes("analyzers/sql/a.h", "#include \"analyzers/schema/catalog.h\""));
  CHECK_FALSE(includes("analyzers/log/formats/a.cpp", "#include \"analyzers/sql/lexer.h\""));
  CHECK_FALSE(includes("cli/report/a.cpp", "#include \"cli/command.h\""));
  CHECK(includes("cli/a.cpp", "#include \"cli/report/report.h\""));
  CHECK_FALSE(includes("cli/a.cpp", "#include \"command.h\""));
  CHECK_FALSE(includes("cli/a.cpp", "#include \"../rules/rule.h\""));
  CHECK_FALSE(includes("cli/a.cpp", "  #include <regex>"));
  CHECK_FALSE(includes("cli/scan.cpp", "#include <CLI/CLI.hpp>"));
  CHECK(includes("cli/options.cpp", "#include <CLI/CLI.hpp>"));
  CHECK_FALSE(includes("cli/report/json.h", "#include <nlohmann/json.hpp>"));
  CHECK(includes("cli/report/json.cpp", "#include <nlohmann/json.hpp>"));
  CHECK_FALSE(includes("rules/a.cpp", "#include <nlohmann/json.hpp>"));
  CHECK_FALSE(includes("analyzers/schema/catalog.cpp", "#include <sqlite3.h>"));
  CHECK(includes("analyzers/base/error.h", "#include <tl/expected.hpp>"));
  CHECK_FALSE(includes("analyzers/base/error.h", "#include <fmt/format.h>"));
  CHECK_FALSE(includes("analyzers/base/a.cpp", "#include <boost/regex.hpp>"));
  CHECK(floor_of("analyzers/a.cpp") == nullptr);
  CHECK(floor_of("rulesets/a.cpp") == nullptr);
  Include unused;
  CHECK_FALSE(read_include("// #include <regex>", &unused));
  CHECK_FALSE(read_include("", &unused));
}

TEST_CASE("No file is named after nothing", "[layering]") {
  for (const std::string& path : source_files()) {
    INFO(path);
    const std::string name = fs::path(path).stem().string();
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    for (const char* empty_word : {"util", "helper", "manager", "common", "misc"}) CHECK(name.find(empty_word) == std::string::npos);
  }
}

}  // namespace
}  // namespace dbaudit
