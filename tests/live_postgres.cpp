#include "tests/live_postgres.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>

#include "analyzers/schema/connection.h"
#include "tests/catch.h"
#include "tests/run_program.h"

namespace dbaudit {

std::string live_postgres_url() {
  const char* url = std::getenv("DBAUDIT_TEST_POSTGRES");
  return url == nullptr ? "" : url;
}

std::string live_postgres_url(const std::string& database, const std::string& query) {
  std::string url = live_postgres_url();
  url.resize(url.rfind('/') + 1);
  return url + database + (query.empty() ? "" : "?" + query);
}

LiveSession::LiveSession(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  INFO(PQerrorMessage(connection_));
  REQUIRE(PQstatus(connection_) == CONNECTION_OK);
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
}

LiveSession::~LiveSession() { PQfinish(connection_); }

void LiveSession::run(const std::string& sql) {
  PGresult* r = PQexec(connection_, sql.c_str());
  const std::string error = PQresultErrorMessage(r);
  PQclear(r);
  INFO(sql << "\n" << error);
  REQUIRE(error.empty());
}

void LiveSession::run_with(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const std::string& p : parameters) values.push_back(p.c_str());
  PGresult* r = PQexecParams(connection_, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0);
  const std::string error = PQresultErrorMessage(r);
  PQclear(r);
  INFO(sql << "\n" << error);
  REQUIRE(error.empty());
}

std::string LiveSession::sqlstate_of(const std::string& sql) {
  PGresult* r = PQexec(connection_, sql.c_str());
  const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  std::string out = state == nullptr ? "" : state;
  PQclear(r);
  return out;
}

std::vector<std::vector<std::optional<std::string>>> LiveSession::rows(const std::string& sql) {
  PGresult* r = PQexec(connection_, sql.c_str());
  const std::string error = PQresultErrorMessage(r);
  std::vector<std::vector<std::optional<std::string>>> out;
  for (int i = 0; i < PQntuples(r); ++i) {
    std::vector<std::optional<std::string>>& row = out.emplace_back();
    for (int k = 0; k < PQnfields(r); ++k) {
      row.push_back(PQgetisnull(r, i, k) != 0 ? std::nullopt : std::optional<std::string>(PQgetvalue(r, i, k)));
    }
  }
  PQclear(r);
  INFO(sql << "\n" << error);
  REQUIRE(error.empty());
  return out;
}

std::string LiveSession::value(const std::string& sql) {
  const auto values = rows(sql);
  REQUIRE_FALSE(values.empty());
  return values[0][0].value_or("");
}

LiveDatabase::LiveDatabase() {
  static int count = 0;
  name_ = "dbaudit_test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
  LiveSession(live_postgres_url()).run("CREATE DATABASE " + name_ + " TEMPLATE template0");
  admin_ = std::make_unique<LiveSession>(url());
}

LiveDatabase::~LiveDatabase() {
  admin_.reset();
  PGconn* c = PQconnectdb(live_postgres_url().c_str());
  const std::string others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name_ + "'";
  PQclear(PQexec(c, others.c_str()));
  PQclear(PQexec(c, ("DROP DATABASE IF EXISTS " + name_).c_str()));
  PQfinish(c);
}

Result<Catalog> introspect_live(const std::string& url) {
  const Result<Dsn> dsn = parse_dsn(url);
  REQUIRE(dsn);
  const auto connection = connect(*dsn);
  if (!connection) return tl::unexpected<Error>(connection.error());
  return (*connection)->introspect();
}

std::string dump_schema(const std::string& url) {
  const ProgramResult r = run_program({"/usr/bin/env", "pg_dump", "-s", "-d", url}, ".");
  if (r.status == 127) return "";
  INFO(r.err);
  REQUIRE(r.status == 0);
  return r.out;
}

}  // namespace dbaudit
