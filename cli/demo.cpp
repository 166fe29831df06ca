// `dbaudit demo`: breaks a fresh database with real threads, then audits what they left, so that a newcomer sees a true finding within seconds.
// Nothing is staged: the shop (demo_shop.h) runs until queries on its file show the damage, and the scan is the ordinary one.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "analyzers/base/error.h"
#include "analyzers/base/text.h"
#include "cli/command.h"
#include "cli/demo_shop.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

/// fmt::print throws when nobody reads; a demo piped into `head` must still tidy up.
template <typename... T>
void print(std::FILE* to, fmt::format_string<T...> format, T&&... values) {
  std::fputs(fmt::format(format, std::forward<T>(values)...).c_str(), to);
}

volatile sig_atomic_t caught_signal = 0;

void note_signal(int number) { caught_signal = number; }

/// While it lives, SIGINT, SIGTERM and SIGHUP are only noted (once: a second one kills as usual; one that was ignored, as under nohup, stays so)
/// and a closed pipe kills nobody, so that the directory can be removed. The destructor puts everything back.
class SignalWatch {
 public:
  SignalWatch() {
    caught_signal = 0;
    struct sigaction noting = {};
    noting.sa_handler = note_signal;
    noting.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigemptyset(&noting.sa_mask);
    struct sigaction ignoring = {};
    ignoring.sa_handler = SIG_IGN;
    sigemptyset(&ignoring.sa_mask);
    for (size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], kSignals[i] == SIGPIPE ? &ignoring : &noting, &before_[i]);
      if (before_[i].sa_handler == SIG_IGN) sigaction(kSignals[i], &before_[i], nullptr);
    }
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array<int, 4> kSignals = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  std::array<struct sigaction, 4> before_ = {};
};

/// Where the demo works: a private temporary directory, emptied and removed at the end, or the directory of --keep.
class Workshop {
 public:
  static Result<Workshop> open(const std::string& keep_dir) {
    std::error_code error;
    if (!keep_dir.empty()) {
      fs::path path = fs::absolute(keep_dir, error);
      if (!error) fs::create_directories(path, error);
      if (error) return fail(fmt::format("demo: cannot create {}: {}", printable(keep_dir), error.message()));
      Workshop kept(path.lexically_normal(), true);
      for (const std::string& file : {kept.database(), kept.log()}) {
        if (fs::exists(fs::symlink_status(file, error)))
          return fail(fmt::format("demo: {} exists; name another directory", printable(file)));
      }
      return kept;
    }
    const char* base = std::getenv("TMPDIR");
    std::string path = std::string(base && *base ? base : "/tmp") + "/dbaudit-demo-XXXXXX";
    if (!mkdtemp(path.data())) return fail(fmt::format("demo: cannot make a directory like {}: {}", printable(path), std::strerror(errno)));
    return Workshop(fs::absolute(path, error), false);
  }

  Workshop(Workshop&& other) noexcept : path_(std::exchange(other.path_, {})), kept_(other.kept_) {}
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop() {
    if (kept_ || path_.empty()) return;
    // Only what the demo made, by name: a directory that holds anything else stays.
    std::error_code ignored;
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) fs::remove(database() + suffix, ignored);
    fs::remove(log(), ignored);
    fs::remove(path_, ignored);
  }

  [[nodiscard]] std::string database() const { return (path_ / "shop.db").string(); }
  [[nodiscard]] std::string log() const { return (path_ / "shop.jsonl").string(); }
  [[nodiscard]] bool kept() const { return kept_; }

 private:
  Workshop(fs::path path, bool kept) : path_(std::move(path)), kept_(kept) {}

  fs::path path_;
  bool kept_;
};

/// `sqlite:///` and the path, with what a URL would misread encoded.
std::string sqlite_dsn(std::string_view path) {
  std::string dsn = "sqlite:///";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#' || c == ' ')
      dsn += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      dsn += c;
  }
  return dsn;
}

std::string shell_word(std::string_view word) {
  const std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=@%+,-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

void print_outcome(const ShopSetup& setup, const ShopOutcome& outcome, double seconds) {
  print(stdout,
        "A shop on a fresh SQLite file: {} sessions in autocommit, first one after the other, then {} rounds of all at once,\n"
        "with 1 to 3 ms of application time between a read and its write. After {:.1f} s:\n",
        setup.sessions, outcome.rounds, seconds);
  print(stdout, "  tag   {} of {} names are there more than once: {} rows too many, though each session looked before it inserted.\n",
        outcome.duplicated_names, outcome.tag_names, outcome.tag_rows - outcome.tag_names);
  print(stdout, "  item  {} units were sold, yet the stock went down by {}: {} sales are missing from it.\n", outcome.units_sold,
        outcome.stock_gone, outcome.units_sold - outcome.stock_gone);
  print(stdout, "What dbaudit makes of that file and of the {} statements in the shop's log:\n\n", outcome.statements);
  std::fflush(stdout);
}

int run_in(const Workshop& workshop) {
  ShopSetup setup;
  setup.database = workshop.database();
  setup.log = workshop.log();
  setup.interrupted = [] { return caught_signal != 0; };

  const auto begun = std::chrono::steady_clock::now();
  const Result<ShopOutcome> outcome = run_shop(setup);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (!outcome) {
    print(stderr, "dbaudit: demo: {}\n", printable(outcome.error().message));
    return 2;
  }
  if (outcome->interrupted) return 2;
  if (!outcome->rows_duplicated() || !outcome->update_lost()) {
    print(stderr, "dbaudit: demo: after {} rounds {}; this machine ran the sessions one after the other\n", outcome->rounds,
          outcome->rows_duplicated() ? "no update was lost"
          : outcome->update_lost()   ? "no row was duplicated"
                                     : "no row was duplicated and no update was lost");
    return 2;
  }
  print_outcome(setup, *outcome, seconds);

  ScanOptions scan;
  scan.dsn = sqlite_dsn(workshop.database());
  scan.logs = {workshop.log()};
  scan.log_format = "jsonl";
  scan.check_data = true;
  scan.fail_on = std::nullopt;
  const int status = run_scan(scan);
  if (workshop.kept() && status == 0) {
    print(stdout, "\nKept: {}\n      {}\nAgain: dbaudit scan --dsn {} --log-format jsonl --check-data {}\n", printable(workshop.database()),
          printable(workshop.log()), shell_word(scan.dsn), shell_word(workshop.log()));
  }
  return status;
}

}  // namespace

int run_demo(const std::string& keep_dir) {
  int status = 2;
  {
    const SignalWatch watch;
    const Result<Workshop> workshop = Workshop::open(keep_dir);
    if (!workshop) {
      print(stderr, "dbaudit: {}\n", workshop.error().message);
      return 2;
    }
    status = run_in(*workshop);
  }
  // As a program that was interrupted ends, now that the files are gone.
  if (caught_signal != 0) raise(caught_signal);
  return status;
}

}  // namespace dbaudit
