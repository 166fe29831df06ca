#include "tests/live_mariadb.h"

#include <mysql.h>
#include <unistd.h>

#include <cstdlib>

#include "analyzers/schema/connection.h"
#include "analyzers/schema/engines/mysql_session.h"
#include "tests/catch.h"

namespace dbaudit {

std::optional<LiveMariaDb> LiveMariaDb::find() {
  const char* given = std::getenv("DBAUDIT_TEST_MARIADB");
  if (given == nullptr || *given == '\0') return std::nullopt;
  const Result<Dsn> dsn = parse_dsn(given);
  REQUIRE(dsn);
  const Result<MySqlTarget> target = mysql_target(*dsn);
  REQUIRE(target);
  return LiveMariaDb{given, target->user, target->password, target->host, target->port};
}

std::string LiveMariaDb::dsn_of(const std::string& database, const std::string& query) const {
  return dsn_as(user, password, database) + query;
}

std::string LiveMariaDb::dsn_as(const std::string& as, const std::string& word, const std::string& database) const {
  return "mysql://" + as + ":" + word + "@" + host + ":" + std::to_string(port) + (database.empty() ? "" : "/" + database);
}

ProgramResult LiveMariaDb::dump(const std::string& database) const {
  return run_program({"/usr/bin/mariadb-dump", "--no-defaults", "--host=" + host, "--port=" + std::to_string(port), "--user=" + user,
                      "--password=" + password, "--no-data", database},
                     "/");
}

ProgramResult LiveMariaDb::script(const std::string& database, const std::string& sql) const {
  return run_program({"/usr/bin/mariadb", "--no-defaults", "--host=" + host, "--port=" + std::to_string(port), "--user=" + user,
                      "--password=" + password, "--default-character-set=utf8mb4", "--database=" + database},
                     "/", sql);
}

MariaDbWriter::MariaDbWriter(const LiveMariaDb& server, const std::string& database) : mysql_(mysql_init(nullptr)) {
  mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const bool connected = mysql_real_connect(mysql_, server.host.c_str(), server.user.c_str(), server.password.c_str(),
                                            database.empty() ? nullptr : database.c_str(), server.port, nullptr, 0) != nullptr;
  INFO(mysql_error(mysql_));
  REQUIRE(connected);
}

MariaDbWriter::~MariaDbWriter() { mysql_close(mysql_); }

unsigned MariaDbWriter::attempt(const std::string& sql) {
  if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) return mysql_errno(mysql_);
  if (MYSQL_RES* result = mysql_store_result(mysql_); result != nullptr) mysql_free_result(result);
  return mysql_errno(mysql_);
}

void MariaDbWriter::run(const std::string& sql) {
  const unsigned code = attempt(sql);
  INFO(sql << ": " << mysql_error(mysql_));
  REQUIRE(code == 0);
}

std::vector<std::vector<std::string>> MariaDbWriter::rows(const std::string& sql) {
  const bool sent = mysql_real_query(mysql_, sql.data(), sql.size()) == 0;
  INFO(sql << ": " << mysql_error(mysql_));
  REQUIRE(sent);
  std::vector<std::vector<std::string>> out;
  MYSQL_RES* const result = mysql_store_result(mysql_);
  REQUIRE(result != nullptr);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* const lengths = mysql_fetch_lengths(result);
    std::vector<std::string>& values = out.emplace_back();
    for (unsigned i = 0; i < mysql_num_fields(result); ++i) values.push_back(row[i] == nullptr ? "NULL" : std::string(row[i], lengths[i]));
  }
  mysql_free_result(result);
  return out;
}

std::string MariaDbWriter::value(const std::string& sql) {
  const auto all = rows(sql);
  REQUIRE_FALSE(all.empty());
  return all[0][0];
}

std::string MariaDbWriter::error() const { return mysql_error(mysql_); }

ScratchMariaDb::ScratchMariaDb(const LiveMariaDb& server, const std::string& label, const std::string& options)
    : server_(server), name_("dbaudit_" + label + "_" + std::to_string(getpid())) {
  MariaDbWriter writer(server_);
  writer.run("DROP DATABASE IF EXISTS " + name_);
  writer.run("CREATE DATABASE " + name_ + " " + options);
}

ScratchMariaDb::~ScratchMariaDb() { MariaDbWriter(server_).attempt("DROP DATABASE IF EXISTS " + name_); }

Result<Catalog> introspect_dsn(const std::string& text) {
  const Result<Dsn> dsn = parse_dsn(text);
  if (!dsn) return tl::unexpected<Error>(dsn.error());
  auto connection = connect(*dsn);
  if (!connection) return tl::unexpected<Error>(connection.error());
  return (*connection)->introspect();
}

}  // namespace dbaudit
