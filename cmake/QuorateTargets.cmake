# quorate_library(NAME SOURCES ... [PUBLIC_DEPS ...] [PRIVATE_DEPS ...])
#
# One library a folder. Includes are written from the root of the tree.
# A dependency is public only where a header of ours needs it.
function(quorate_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC_DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name}
    PUBLIC ${ARG_PUBLIC_DEPS}
    PRIVATE quorate_warnings ${ARG_PRIVATE_DEPS})
endfunction()

# quorate_program(NAME SOURCES ... DEPS ...): lands in build/<preset>/bin.
function(quorate_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE quorate_warnings ${ARG_DEPS})
endfunction()

# `quorate_tests` builds all tests; `quorate_tests_<label>` those of a label.
foreach(group "" _unit _fast _sim _grpc _e2e)
  add_custom_target(quorate_tests${group})
endforeach()

# quorate_test(NAME SOURCES ... DEPS ... LABELS ... [TIMEOUT s] [ARGS ...])
#
# Labels: `unit` pure and quick, `fast` part of ./dev check, `sim` simulator,
# `grpc` opens sockets, `e2e` real processes. Each test program is one ctest.
function(quorate_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS;ARGS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE
    quorate_warnings ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  # What measures failovers of real processes has the machine for itself.
  if("e2e" IN_LIST ARG_LABELS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  add_dependencies(quorate_tests ${name})
  foreach(label ${ARG_LABELS})
    add_dependencies(quorate_tests_${label} ${name})
  endforeach()
endfunction()
