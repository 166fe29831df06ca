#include "cli/output_file.h"

#include <filesystem>
#include <iterator>
#include <string>

#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

size_t files_in(const std::string& directory) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

TEST_CASE("What is in a file's place stays there until all of the new one is written", "[output]") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/report.json";
  write_file(path, "old");
  OutputFile file(path);
  file.write("new ");
  CHECK(read_file(path) == "old");
  file.write("text");
  CHECK(read_file(path) == "old");
  REQUIRE(file.finish());
  CHECK(read_file(path) == "new text");
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE("A file that is not finished leaves nothing behind", "[output]") {
  const TemporaryDirectory directory;
  {
    OutputFile file(directory.path() + "/report.json");
    file.write("half");
    CHECK(files_in(directory.path()) == 1);
  }
  CHECK(files_in(directory.path()) == 0);
}

TEST_CASE("A link leads to where the file goes, and stays one", "[output]") {
  const TemporaryDirectory directory;
  const std::string there = directory.path() + "/there", link = directory.path() + "/link", loose = directory.path() + "/loose";
  write_file(there, "old");
  std::filesystem::create_symlink(there, link);
  std::filesystem::create_symlink(directory.path() + "/none", loose);
  REQUIRE(write_whole(link, "new"));
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_file(there) == "new");
  REQUIRE(write_whole(loose, "text"));  // led nowhere
  CHECK(read_file(loose) == "text");
}

TEST_CASE("A file that cannot be written says why", "[output]") {
  const TemporaryDirectory directory;
  const auto error_of = [](const std::string& path) {
    const Result<void> written = write_whole(path, std::string(1 << 20, 'x'));
    return written ? std::string() : written.error().message;
  };
  CHECK(error_of("/dev/null").empty());
  CHECK(error_of("/dev/full") == "cannot write /dev/full: No space left on device");
  const std::string nowhere = directory.path() + "/none/report.json";
  CHECK(error_of(nowhere) == "cannot write " + nowhere + ": No such file or directory");
  CHECK(error_of(directory.path()) == "cannot write " + directory.path() + ": Is a directory");
}

}  // namespace
}  // namespace dbaudit
