# Warnings are errors in our own code; generated code and system headers are
# left alone.
add_library(quorate_warnings INTERFACE)
target_compile_options(quorate_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wswitch -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
