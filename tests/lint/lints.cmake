# The lints as ctest entries. Label "source": they read files only, and ./test runs them in its
# stage lint, before anything is built. Label "built": they read the library that was just built.

set(tools ${CMAKE_SOURCE_DIR}/tools)

foreach(lint layers memory_order file_size words format docs headers models)
  add_test(NAME lint_${lint} COMMAND ${tools}/check_${lint})
  set_tests_properties(lint_${lint} PROPERTIES LABELS "lint;source" TIMEOUT 300)
endforeach()

file(GLOB selftests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lint/*_selftest.py)
foreach(selftest IN LISTS selftests)
  get_filename_component(name ${selftest} NAME_WE)
  add_test(NAME lint_${name} COMMAND ${selftest})
  set_tests_properties(lint_${name} PROPERTIES LABELS "lint;source" TIMEOUT 300)
endforeach()

if(ASHLAR_OVERRIDE AND NOT ASHLAR_FAULTS AND NOT ASHLAR_SCHEDULE)
  add_test(NAME lint_exports COMMAND ${tools}/check_exports $<TARGET_FILE:ashlar>)
  set_tests_properties(lint_exports PROPERTIES LABELS "lint;built" TIMEOUT 60)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_test(NAME lint_fastpath COMMAND ${tools}/fastpath --profile ${ASHLAR_PROFILE}
      --golden ${CMAKE_SOURCE_DIR}/bench/fastpath.golden $<TARGET_FILE:ashlar>)
    set_tests_properties(lint_fastpath PROPERTIES LABELS "lint;built" TIMEOUT 60)
  endif()
endif()
