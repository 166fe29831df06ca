#pragma once
// What tests/orm_logs/workload.py wrote beside a log: the executions, as the ORM's hooks saw them.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/log_fixture.h"

namespace dbaudit {

struct Execution {
  std::string thread, ident, sql;
  std::vector<std::optional<std::string>> params;  ///< of named ones each once, in the order in which the SQL first names them
};

inline std::vector<Execution> read_truth(const std::string& name) {
  std::vector<Execution> result;
  std::istringstream in(fixture(name));
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    Execution e{json["thread"], std::to_string(json["ident"].get<uint64_t>()), json["sql"], {}};
    std::vector<std::pair<size_t, size_t>> order;  // place in the SQL, number
    for (size_t i = 0; i < json["params"].size(); ++i) {
      size_t place = i;
      if (json.contains("names")) {
        const std::string key = json["names"][i];
        place = std::min(e.sql.find("%(" + key + ")s"), e.sql.find(":" + key));
      }
      order.emplace_back(place, i);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [place, i] : order) {
      const auto& value = json["params"][i];
      e.params.push_back(value.is_null() ? std::nullopt : std::optional<std::string>(value.get<std::string>()));
    }
    result.push_back(std::move(e));
  }
  REQUIRE(!result.empty());
  return result;
}

inline std::map<std::string, std::vector<Execution>> by_thread(const std::vector<Execution>& executions, bool ident) {
  std::map<std::string, std::vector<Execution>> result;
  for (const Execution& e : executions) result[ident ? e.ident : e.thread].push_back(e);
  return result;
}

}  // namespace dbaudit
