#pragma once
// Validates JSON against the part of JSON Schema 2020-12 that cli/report/report.schema.json is written in.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace dbaudit {

/// What is wrong with `document`, one line each (`/findings/0/code: is not …`), empty when it is valid. A keyword this validator does not
/// know is an error too: a schema must not be able to say what nobody checks.
std::vector<std::string> validate_json(const nlohmann::json& schema, const nlohmann::json& document);

}  // namespace dbaudit
