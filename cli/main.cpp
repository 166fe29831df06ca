#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "cli/command.h"
#include "cli/terminal.h"

int main(int argc, char** argv) {
  int status = 2;
  try {
    status = dbaudit::run_command_line(argc, argv);
  } catch (const std::bad_alloc&) {
    return dbaudit::job_failed("out of memory");
  } catch (const std::exception& error) {
    // A library's exception that got past its home is a bug of ours, but the person at the keyboard still gets one line.
    return dbaudit::job_failed(std::string("internal error: ") + error.what());
  }
  // A report cut short by a full disk must not look like a whole one.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return dbaudit::job_failed(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
  return status;
}
