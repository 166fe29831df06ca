#pragma once
// Errors of the outside world (files, databases, bad flags). A bug is an assert; odd data is counted, never an Error.

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace dbaudit {

/// What went wrong while doing what. One line, without a trailing newline, safe to print (no control bytes, no password).
struct Error {
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// `return fail(fmt::format("cannot open {}", path));` without spelling the type.
inline tl::unexpected<Error> fail(std::string message) { return tl::unexpected<Error>(Error{std::move(message)}); }

}  // namespace dbaudit
