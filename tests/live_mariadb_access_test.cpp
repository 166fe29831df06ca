// A MariaDB of its own, as its package leaves it, with TLS: who gets in how, what doctor's advice makes of it, and what is said when it dies.

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include <nlohmann/json.hpp>

#include "analyzers/schema/connection.h"
#include "tests/catch.h"
#include "tests/live_mariadb.h"
#include "tests/run_program.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

/// Not started (`port` 0) where MariaDB's, openssl's or Python's programs are missing.
class OwnMariaDb {
 public:
  OwnMariaDb() {
    write_file(directory_.path() + "/start", R"sh(
set -eu
cd "$1"
PATH=$PATH:/usr/sbin
for program in mariadbd mariadb-install-db mariadb openssl python3; do command -v $program >/dev/null || exit 77; done
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else "$@"; fi; }
mkdir my
chmod 755 .
openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -out server.crt -keyout server.key 2>/dev/null
openssl req -new -x509 -days 2 -nodes -subj /CN=other -out other.crt -keyout other.key 2>/dev/null
[ "$(id -u)" != 0 ] || chown nobody my server.crt server.key
as_server mariadb-install-db --no-defaults --datadir="$1/my" --auth-root-authentication-method=normal --skip-test-db >install.out 2>&1
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as_server "$(command -v mariadbd)" --no-defaults --datadir="$1/my" --socket="$1/my/my.sock" --port="$port" --bind-address=127.0.0.1 \
  --pid-file="$1/my/my.pid" --innodb-flush-log-at-trx-commit=0 --ssl-cert="$1/server.crt" --ssl-key="$1/server.key" \
  </dev/null >server.out 2>&1 &
for i in $(seq 200); do mariadb --no-defaults -S my/my.sock -u root -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
mariadb --no-defaults -S my/my.sock -u root -e "CREATE DATABASE shop; CREATE USER admin@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO admin@'%';
  CREATE USER tls_only@'%' IDENTIFIED BY 'hunter2' REQUIRE SSL; CREATE USER plain@'%' IDENTIFIED BY 'hunter2'"
printf %s "$port"
)sh");
    const ProgramResult r = run_program({"/bin/sh", "start", directory_.path()}, directory_.path());
    if (r.status == 77) return;
    INFO(r.err << read_file(directory_.path() + "/server.out"));
    REQUIRE(r.status == 0);
    server_.user = "admin";
    server_.password = "secret";
    server_.host = "127.0.0.1";
    server_.port = static_cast<unsigned>(std::stoul(r.out));
  }
  ~OwnMariaDb() { kill_it(); }
  OwnMariaDb(const OwnMariaDb&) = delete;
  OwnMariaDb& operator=(const OwnMariaDb&) = delete;

  /// At once, as a crash would.
  void kill_it() {
    const std::string pid = read_file(directory_.path() + "/my/my.pid");
    if (server_.port == 0 || pid.empty()) return;
    const pid_t process = static_cast<pid_t>(std::stol(pid));
    kill(process, SIGKILL);
    for (int i = 0; i < 500 && kill(process, 0) == 0 && fs::exists("/proc/" + std::to_string(process) + "/fd/0"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    server_.port = 0;
  }
  [[nodiscard]] const LiveMariaDb& server() const { return server_; }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  LiveMariaDb server_;
};

json doctor(const std::string& dsn, int status) {
  const ProgramResult r = run_program({DBAUDIT_BINARY, "doctor", "--dsn", dsn, "--format", "json"}, "/");
  INFO(r.err << r.out);
  REQUIRE(r.status == status);
  return json::parse(r.out);
}

TEST_CASE("a fresh MariaDB: passwords, TLS, doctor's advice to the letter, and its death", "[live][mariadb][doctor]") {
  if (!LiveMariaDb::find()) SKIP_TEST("no DBAUDIT_TEST_MARIADB");
  OwnMariaDb own;
  const LiveMariaDb& server = own.server();
  if (server.port == 0) SKIP_TEST("no mariadbd, openssl or python3");

  struct Case {
    std::string dsn, expected;  // empty: it connects
  };
  const std::string tls = server.dsn_as("tls_only", "hunter2", ""), plain = server.dsn_as("plain", "hunter2", "");
  const std::string ca = "ssl_ca=" + own.directory();
  std::string by_name = tls;
  by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
  const std::vector<Case> cases = {
      {tls, ""},
      {plain, ""},
      {tls + "?ssl-mode=REQUIRED", ""},
      {plain + "?ssl-mode=DISABLED", ""},
      {tls + "?ssl-mode=DISABLED", "Access denied"},
      {server.dsn_as("plain", "hunter3", ""), "Access denied"},
      {by_name + "?ssl-mode=VERIFY_IDENTITY&" + ca + "/server.crt", ""},
      {by_name + "?ssl-mode=VERIFY_CA&" + ca + "/other.crt", "TLS"},
      {tls + "?ssl-mode=VERIFY_IDENTITY&" + ca + "/server.crt", "TLS"},  // 127.0.0.1 is not localhost
  };
  for (const Case& c : cases) {
    CAPTURE(c.dsn);
    const ProgramResult r = run_program({DBAUDIT_BINARY, "doctor", "--dsn", c.dsn}, "/", {}, 30);
    INFO(r.err);
    CHECK(r.status == (c.expected.empty() ? 1 : 2));
    CHECK(r.err.find(c.expected) != std::string::npos);
    CHECK(r.err.empty() == c.expected.empty());
    CHECK((r.err + r.out).find("hunter") == std::string::npos);
  }

  // Nothing is logged; what doctor says is run; a race; what doctor says is scanned.
  const std::string dsn = server.dsn_of("shop");
  const json before = doctor(dsn, 1);
  MariaDbWriter one(server, "shop"), two(server, "shop");
  one.run("CREATE TABLE tag (id int AUTO_INCREMENT PRIMARY KEY, name varchar(100) NOT NULL, KEY (name))");
  for (const json& statement : before["statements"]) one.run(statement.get<std::string>());
  const json after = doctor(dsn, 0);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "'tag " + std::to_string(i) + "'";
    for (MariaDbWriter* w : {&one, &two}) w->run("START TRANSACTION");
    for (MariaDbWriter* w : {&one, &two}) w->run("SELECT id FROM tag WHERE name = " + name + " LIMIT 1");
    for (MariaDbWriter* w : {&one, &two}) w->run("INSERT INTO tag (name) VALUES (" + name + ")");
    for (MariaDbWriter* w : {&one, &two}) w->run("COMMIT");
  }
  CHECK(one.value("SELECT count(*) FROM tag") == "6");
  const std::string log = after["logs"][0];
  CHECK(log == before["logs"][0]);
  REQUIRE_FALSE(read_file(log).empty());
  const ProgramResult scan = run_program({DBAUDIT_BINARY, "scan", "--dsn", dsn, "--check-data", log}, "/");
  INFO(scan.err << scan.out);
  CHECK(scan.status == 1);
  CHECK(scan.out.find("DBA101") != std::string::npos);
  CHECK(scan.out.find("live-duplicates") != std::string::npos);
  for (const json& statement : before["restore"]) one.run(statement.get<std::string>());
  CHECK(doctor(dsn, 1)["settings"] == before["settings"]);

  // Gone in the middle of its log, and before a question.
  one.run("SET GLOBAL log_output = 'TABLE', general_log = ON");
  const std::string long_text(60'000, 'x');
  for (int i = 0; i < 200; ++i) one.run("SELECT '" + long_text + "'");
  const Result<Dsn> parsed = parse_dsn(dsn);
  REQUIRE(parsed);
  auto connection = connect(*parsed), idle = connect(*parsed);
  REQUIRE(connection);
  REQUIRE(idle);
  Result<HeldLogAnswer> held = (*connection)->held_log();
  REQUIRE(held);
  REQUIRE(held->log != nullptr);
  char buffer[4096];
  REQUIRE(held->log->read(buffer, sizeof buffer));
  own.kill_it();
  const auto start = Clock::now();
  Result<size_t> n = size_t{1};
  while (n && *n > 0) n = held->log->read(buffer, sizeof buffer);
  REQUIRE_FALSE(n);
  const Result<LogAdvice> advice = (*idle)->examine_log();
  REQUIRE_FALSE(advice);
  for (const std::string& message : {n.error().message, advice.error().message}) {
    INFO(message);
    CHECK(message.find("closed the connection") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.find("secret@") == std::string::npos);
  }
  CHECK_FALSE(connect(*parsed));
  CHECK(std::chrono::duration<double>(Clock::now() - start).count() < 5);
}

}  // namespace
}  // namespace dbaudit
