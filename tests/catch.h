#pragma once
// Catch2 as the machine has it: version 2 (Debian 12) or 3 (Ubuntu 24.04).

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <cstdio>
#include <string>

/// Ends a test case that needs what this machine has not. ctest shows the case as "Skipped" and lists it by name at the end, so a case
/// that skips itself should hold nothing that could have run.
#define SKIP_TEST(reason)                                               \
  do {                                                                  \
    std::fprintf(stderr, "SKIPPED: %s\n", std::string(reason).c_str()); \
    SUCCEED("skipped");                                                 \
    return;                                                             \
  } while (false)
