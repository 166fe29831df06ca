#pragma once
// `--fixes-out DIR`: one SQL file a finding, to be read by a person and then run.

#include <string>
#include <vector>

#include "analyzers/base/error.h"
#include "rules/finding.h"

namespace dbaudit {

/// `DBA101-public.race_race-9f86d081884c7d65.sql`: safe characters only.
[[nodiscard]] std::string fix_file_name(const Finding& finding);

/// The file. What a person runs once stands there as SQL, in order; what deletes rows, and what belongs into the program, as comments. Nothing from a log can
/// end a comment: they are line comments, and line breaks and control bytes do not get into them. The same finding gives the same bytes.
[[nodiscard]] std::string fix_file(const Finding& finding);

/// Writes the files of all findings that have a fix, making the directory if need be. Overwrites only files that begin like its own; those of findings that are
/// gone stay. Errors: a file of somebody else's is in the way; the directory cannot be made or written.
[[nodiscard]] Result<void> write_fix_files(const std::vector<Finding>& findings, const std::string& directory);

}  // namespace dbaudit
