// Ways to a live PostgreSQL: every one that libpq knows leads there, and every way of not getting there ends in one clear line, soon.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "analyzers/schema/connection.h"
#include "tests/catch.h"
#include "tests/live_postgres.h"
#include "tests/run_program.h"
#include "tests/silent_server.h"

namespace dbaudit {
namespace {

namespace fs = std::filesystem;

TEST_CASE("A PostgreSQL that cannot be reached is one clear line, soon", "[live][postgres]") {
  SilentServer silent;
  const std::string port = std::to_string(silent.port);
  struct Case {
    std::string url, expected;
  };
  const std::vector<Case> cases = {
      {"postgresql://app:hunter2@127.0.0.1:1/shop", "Connection refused"},
      {"postgresql://app:hunter2@/shop?host=/nowhere/at/all", "No such file or directory"},
      {"postgresql://app:hunter2@no-such-host.invalid/shop", "could not translate host name"},
      {"postgresql://app:hunter2@127.0.0.1:" + port + "/shop?connect_timeout=2", "timeout expired"},
      {"postgresql://app:hunter2@127.0.0.1:1,127.0.0.1:2/shop", "port 2 failed"},
      {"postgresql://app:hunter2@[::1]:1/shop", "::1"},
      {"postgresql://app:hunter2@127.0.0.1:99999/shop", "invalid port number"},
      {"postgresql://app:hunter2@127.0.0.1:1/shop?schema=public", "invalid URI query parameter: \"schema\""},
      {"postgresql://app:hunter2@127.0.0.1/shop?sslmode=perhaps", "sslmode"},
      {"postgresql://app:hunter2@[::1/shop", "matching \"]\""},
      {"postgresql://app:hunter2%zz@127.0.0.1/shop", "percent-encoded"},
      {"postgresql://app:hunter2%00@127.0.0.1/shop", "forbidden value"},
      {"postgresql://app:hunter@hunter2@127.0.0.1:1/shop", "write %40 or %2F"},
      {"postgresql://app:hunter/hunter2@127.0.0.1:1/shop", "write %40 or %2F"},
      {"postgresql://127.0.0.1:1/shop?service=no_such_service", "no_such_service"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const auto start = std::chrono::steady_clock::now();
    const Result<Catalog> r = introspect_live(c.url);
    REQUIRE_FALSE(r);
    INFO(r.error().message);
    CHECK(r.error().message.find(c.expected) != std::string::npos);
    CHECK(r.error().message.find("hunter") == std::string::npos);
    CHECK(r.error().message.find('\n') == std::string::npos);
    CHECK(r.error().message.size() < 400);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(8));
  }
}

/// A server of its own, with an idea of who may come in how. Not started (`port` empty) where PostgreSQL's, openssl's or Python's programs are missing.
class GuardedServer {
 public:
  GuardedServer() {
    write_file(directory_.path() + "/start", R"sh(
set -eu
cd "$1"
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -x "$bin/initdb" ] && command -v openssl >/dev/null && command -v python3 >/dev/null || exit 77
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid nobody --regid nogroup --clear-groups "$@"; else "$@"; fi; }
mkdir pg
chmod 755 .
[ "$(id -u)" != 0 ] || chown nobody pg
as_server "$bin/initdb" -D pg -U dbaudit -A trust -E UTF8 --locale=C --no-sync >initdb.out 2>&1
openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -out pg/server.crt -keyout pg/server.key 2>/dev/null
chmod 600 pg/server.key
[ "$(id -u)" != 0 ] || chown nobody pg/server.crt pg/server.key
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >pg/pg_hba.conf <<EOF
local all all trust
host all secret 127.0.0.1/32 scram-sha-256
hostssl all tls_only 127.0.0.1/32 trust
hostnossl all plain_only 127.0.0.1/32 trust
host all outsider 127.0.0.1/32 reject
EOF
cat >>pg/postgresql.conf <<EOF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$1/pg'
fsync = off
ssl = on
EOF
as_server "$bin/pg_ctl" -D pg -l pg/log -w -s start </dev/null >/dev/null 2>&1
psql -q "postgresql://dbaudit@/postgres?host=$1/pg&port=$port" -c "CREATE ROLE secret LOGIN PASSWORD 'hunter2'" -c 'CREATE ROLE tls_only LOGIN' \
  -c 'CREATE ROLE plain_only LOGIN' -c 'CREATE ROLE outsider LOGIN' -c 'CREATE TABLE t (id int PRIMARY KEY)'
printf %s "$port"
)sh");
    const ProgramResult r = run_program({"/bin/sh", "start", directory_.path()}, directory_.path());
    if (r.status == 77) return;
    INFO(r.err);
    REQUIRE(r.status == 0);
    port_ = r.out;
  }
  ~GuardedServer() { stop(); }
  GuardedServer(const GuardedServer&) = delete;
  GuardedServer& operator=(const GuardedServer&) = delete;

  /// At once, as a crash would.
  void stop() {
    const std::string lock = directory_.path() + "/pg/postmaster.pid";
    const std::string pid = read_file(lock);
    if (port_.empty() || pid.empty()) return;
    kill(static_cast<pid_t>(std::stol(pid)), SIGQUIT);
    for (int i = 0; i < 500 && fs::exists(lock); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    port_.clear();
  }
  [[nodiscard]] const std::string& port() const { return port_; }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }
  [[nodiscard]] std::string socket() const { return "postgresql://dbaudit@/postgres?host=" + directory_.path() + "/pg&port=" + port_; }
  [[nodiscard]] std::string tcp(const std::string& user, const std::string& query = {}) const {
    return "postgresql://" + user + "@127.0.0.1:" + port_ + "/postgres" + (query.empty() ? "" : "?" + query);
  }

 private:
  TemporaryDirectory directory_;
  std::string port_;
};

/// One variable for the time of a scope.
struct Environment {
  const char* name;
  Environment(const char* n, const std::string& value) : name(n) { setenv(n, value.c_str(), 1); }
  ~Environment() { unsetenv(name); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

TEST_CASE("Passwords, TLS and pg_hba of a PostgreSQL: in, or one clear line", "[live][postgres]") {
  NEED_POSTGRES();
  GuardedServer server;
  if (server.port().empty()) SKIP_TEST("no initdb, openssl or python3");
  struct Case {
    std::string url, expected;  // empty: it connects
  };
  const std::vector<Case> cases = {
      {server.socket(), ""},
      {server.tcp("secret:hunter2"), ""},
      {server.tcp("secret:hunter3"), "password authentication failed for user \"secret\""},
      {server.tcp("secret"), "no password supplied"},
      {server.tcp("secret", "password=hunter2"), ""},
      {server.tcp("tls_only", "sslmode=require"), ""},
      {server.tcp("tls_only", "sslmode=disable"), "no encryption"},
      {server.tcp("tls_only", "sslmode=verify-full&sslrootcert=/nowhere/root.crt"), "root certificate file"},
      {server.tcp("tls_only", "sslmode=verify-full&sslrootcert=" + server.directory() + "/pg/server.crt"), "127.0.0.1"},
      {server.tcp("plain_only", "sslmode=prefer"), ""},
      {server.tcp("plain_only", "sslmode=require"), "SSL encryption"},
      {server.tcp("outsider"), "rejects connection"},
      {server.tcp("unknown"), "no pg_hba.conf entry"},
      {live_postgres_url("postgres", "sslmode=require"), "SSL"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.url);
    const Result<Catalog> r = introspect_live(c.url);
    INFO((r ? "connected" : r.error().message));
    CHECK(r.has_value() == c.expected.empty());
    if (r) {
      CHECK(r->find("", "t") != nullptr);
    } else {
      CHECK(r.error().message.find(c.expected) != std::string::npos);
      CHECK(r.error().message.find("hunter") == std::string::npos);
      CHECK(r.error().message.find('\n') == std::string::npos);
    }
  }

  // Where libpq looks for a password and for all the rest.
  {
    const Environment password("PGPASSWORD", "hunter2");
    CHECK(introspect_live(server.tcp("secret")));
  }
  write_file(server.directory() + "/pgpass", "127.0.0.1:" + server.port() + ":*:secret:hunter2\n");
  fs::permissions(server.directory() + "/pgpass", fs::perms::owner_read);
  {
    const Environment file("PGPASSFILE", server.directory() + "/pgpass");
    CHECK(introspect_live(server.tcp("secret")));
  }
  write_file(server.directory() + "/services",
             "[mine]\nhost=127.0.0.1\nport=" + server.port() + "\nuser=secret\npassword=hunter2\ndbname=postgres\n");
  {
    const Environment file("PGSERVICEFILE", server.directory() + "/services");
    CHECK(introspect_live("postgresql://?service=mine"));
  }
  {
    const Environment host("PGHOST", server.directory() + "/pg"), port("PGPORT", server.port()), user("PGUSER", "dbaudit"),
        database("PGDATABASE", "postgres");
    CHECK(introspect_live("postgresql://"));
  }

  // The whole server gone under an open connection.
  const Result<Dsn> dsn = parse_dsn(server.socket());
  REQUIRE(dsn);
  const auto connection = connect(*dsn);
  REQUIRE(connection);
  server.stop();
  const auto start = std::chrono::steady_clock::now();
  const Result<Catalog> gone = (*connection)->introspect();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().message.find("was lost") != std::string::npos);
  CHECK(gone.error().message.find('\n') == std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(3));
}

TEST_CASE("A URL reaches libpq whole", "[live][postgres]") {
  NEED_POSTGRES();
  LiveDatabase db;
  const std::string role = db.name() + "_Näme@x";
  db.admin().run("CREATE ROLE \"" + role + "\" LOGIN PASSWORD 'p@ss/w:rd%'");
  struct Case {
    std::string query, expected;
  };
  const std::string encoded = db.name() + "_N%C3%A4me%40x";
  const std::vector<Case> cases = {
      {"", "dbaudit"},
      {"application_name=mine", "mine"},
      {"sslmode=disable&user=" + encoded + "&password=p%40ss%2Fw%3Ard%25", "dbaudit"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.query);
    std::string url = db.url(c.query);
    for (const char* suffix : {"", "+psycopg2"}) {
      const Result<Dsn> dsn = parse_dsn("postgresql" + std::string(suffix) + url.substr(url.find("://")));
      REQUIRE(dsn);
      CHECK(dsn->shown.find("p%40ss") == std::string::npos);
      const auto connection = connect(*dsn);
      INFO((connection ? "" : connection.error().message));
      REQUIRE(connection);
      CHECK((*connection)->engine() == Engine::kPostgres);
      const Result<Rows> name = (*connection)->query("SELECT current_setting('application_name')", 1, 1000);
      REQUIRE(name);
      CHECK(name->rows[0][0] == c.expected);
    }
  }
  db.admin().run("DROP ROLE \"" + role + "\"");
  // The second of two hosts, and what the server says of a database that is not there.
  std::string two = db.url();
  two.insert(two.find('@') + 1, "127.0.0.1:1,");
  CHECK(introspect_live(two));
  const Result<Catalog> missing = introspect_live(live_postgres_url("no_such_database"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find("database \"no_such_database\" does not exist") != std::string::npos);
}

}  // namespace
}  // namespace dbaudit
