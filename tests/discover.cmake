# Writes the file by which ctest knows each test case: cmake -D PROGRAM=… -D LIST_NAMES=… -D ARGUMENTS=… -D OUTPUT=… -P discover.cmake

separate_arguments(LIST_NAMES)
execute_process(COMMAND ${PROGRAM} ${LIST_NAMES} OUTPUT_VARIABLE names)  # version 2 returns their number as its status
if(names STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} lists no tests")
endif()

# Tests on live servers count what those servers did: one at a time.
execute_process(COMMAND ${PROGRAM} ${LIST_NAMES} [live] OUTPUT_VARIABLE live)
set(live "\n${live}")

set(script "")
while(NOT names STREQUAL "")
  string(FIND "${names}" "\n" end)
  string(SUBSTRING "${names}" 0 ${end} name)
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${names}" ${end} -1 names)
  string(REGEX REPLACE "([^A-Za-z0-9 ])" "\\\\\\1" pattern "${name}")  # to Catch2 a name is a pattern, to its command line maybe an option
  string(APPEND script "add_test([==[${name}]==] \"${PROGRAM}\" [==[${pattern}]==] ${ARGUMENTS})\n"
                       "set_tests_properties([==[${name}]==] PROPERTIES TIMEOUT 300 SKIP_REGULAR_EXPRESSION \"SKIPPED: \")\n")
  string(FIND "${live}" "\n${name}\n" is_live)
  if(NOT is_live EQUAL -1)
    string(APPEND script "set_tests_properties([==[${name}]==] PROPERTIES RESOURCE_LOCK live_servers)\n")
  endif()
endwhile()
file(WRITE "${OUTPUT}" "${script}")
