# What makes builds quick (docs/adr/0019-quick-builds.md): several sources of a target are compiled as one, but for those
# that somebody works on. KVMTEST_QUICK=OFF compiles each source by itself, as sanitizers, fuzzers and clang-tidy have it.
set(quick ON)
if(KVMTEST_SANITIZE OR KVMTEST_FUZZ)
  set(quick OFF)
endif()
option(KVMTEST_QUICK "compile several sources as one" ${quick})
set(batch 12)

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Those that were changed since the first build, a line each, below the project: scripts/single-out writes it.
set(edited_list ${PROJECT_BINARY_DIR}/edited)
if(NOT EXISTS ${edited_list})
  file(TOUCH ${edited_list})  # else ninja would not look at it
endif()
file(STRINGS ${edited_list} edited)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${edited_list})

# kvmtest_quick(TARGET...), where the targets are made
function(kvmtest_quick)
  if(NOT KVMTEST_QUICK)
    return()
  endif()
  foreach(target ${ARGN})
    # A name of one source may be that of another's function: each alone is right.
    target_compile_options(${target} PRIVATE -Wno-shadow)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "\\.cpp$")
    set(count 0)
    foreach(source ${sources})
      file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${source})
      if(NOT path IN_LIST edited)
        # By its place in the list: what leaves a batch changes no other one.
        math(EXPR group "${count} / ${batch}")
        set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${target}_${group})
      endif()
      math(EXPR count "${count} + 1")
    endforeach()
  endforeach()
endfunction()
