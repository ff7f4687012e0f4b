# What makes a build quick (docs/adr/0019-quick-builds.md): several sources of a target are compiled as one, and headers
# that many of them read are compiled once. KVMTEST_QUICK=OFF compiles each source by itself, as sanitizers, fuzzers and
# clang-tidy have it.
set(quick ON)
if(KVMTEST_SANITIZE OR KVMTEST_FUZZ)
  set(quick OFF)
endif()
option(KVMTEST_QUICK "compile several sources as one, with precompiled headers" ${quick})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
if(NOT KVMTEST_QUICK)
  set(CMAKE_DISABLE_PRECOMPILE_HEADERS ON)
endif()

# Sets of headers:
#
#   standard   the standard library's alone, for layers that may know no more
#   libraries  and those that read and write text and JSON
#   commands   and the command lines'
#
# A source still includes what it uses: scripts/check-layers reads it.
set(KVMTEST_STANDARD_HEADERS <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <string>
  <string_view> <utility> <variant> <vector>)
set(KVMTEST_LIBRARIES_HEADERS ${KVMTEST_STANDARD_HEADERS} <atomic> <condition_variable> <cstddef> <filesystem> <fstream>
  <iostream> <mutex> <random> <span> <sstream> <stdexcept> <system_error> <thread> <fmt/format.h> <fmt/ranges.h>
  <nlohmann/json.hpp>)
set(KVMTEST_COMMANDS_HEADERS ${KVMTEST_LIBRARIES_HEADERS} <CLI/CLI.hpp>)

function(kvmtest_precompiled_headers name headers)
  set(source ${PROJECT_BINARY_DIR}/precompiled/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// No code: the target that has the precompiled headers.\n")
  add_library(kvmtest_headers_${name} OBJECT ${source})
  target_link_libraries(kvmtest_headers_${name} PUBLIC ${ARGN})
  target_precompile_headers(kvmtest_headers_${name} PRIVATE ${headers})
endfunction()
kvmtest_precompiled_headers(standard "${KVMTEST_STANDARD_HEADERS}")
kvmtest_precompiled_headers(libraries "${KVMTEST_LIBRARIES_HEADERS}" fmt::fmt nlohmann_json::nlohmann_json)
kvmtest_precompiled_headers(commands "${KVMTEST_COMMANDS_HEADERS}" fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11)

# CLI11 looks whether this is defined, and Debian 13's RE2 defines it: GCC wants the same for a header and its readers.
target_compile_definitions(kvmtest_headers_commands PUBLIC NOMINMAX)

# kvmtest_quick(SET TARGET...)
function(kvmtest_quick name)
  get_target_property(needed kvmtest_headers_${name} INTERFACE_LINK_LIBRARIES)
  get_target_property(defined kvmtest_headers_${name} INTERFACE_COMPILE_DEFINITIONS)
  foreach(target ${ARGN})
    target_precompile_headers(${target} REUSE_FROM kvmtest_headers_${name})
    if(KVMTEST_QUICK)
      # A name of one source may be that of another's function: each alone is right.
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
      target_compile_options(${target} PRIVATE -Wno-shadow)
    endif()
    if(defined)
      target_compile_definitions(${target} PRIVATE ${defined})
    endif()
    if(needed)
      target_link_libraries(${target} PRIVATE ${needed})
    endif()
  endforeach()
endfunction()
