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
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_executable(pair_loop ${CMAKE_SOURCE_DIR}/bench/pair_loop.c)
    target_compile_options(pair_loop PRIVATE -O2)
    add_dependencies(ashlar_tests pair_loop)
    add_test(NAME lint_paircost COMMAND ${tools}/paircost --profile ${ASHLAR_PROFILE}
      $<TARGET_FILE:ashlar> $<TARGET_FILE:pair_loop>)
    set_tests_properties(lint_paircost PROPERTIES LABELS "lint;built" TIMEOUT 120)
  endif()
  # The other profiles have no bound.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND ASHLAR_PROFILE STREQUAL release)
    add_test(NAME lint_growthcost COMMAND ${tools}/growthcost $<TARGET_FILE:ashlar>
      ${CMAKE_BINARY_DIR}/bench)
    set_tests_properties(lint_growthcost PROPERTIES LABELS "lint;built" TIMEOUT 240)
    add_dependencies(ashlar_tests scale_heaps scale_reserve)
  endif()
endif()

# docs/options.md is made from the table of options; the target options_doc makes it anew.
add_executable(option_table ${CMAKE_SOURCE_DIR}/tools/option_table.cc)
target_link_libraries(option_table PRIVATE ashlar_config)
add_dependencies(ashlar_tests option_table)
add_custom_target(options_doc COMMAND ${tools}/check_options --update $<TARGET_FILE:option_table>)
add_dependencies(options_doc option_table)
add_test(NAME lint_options COMMAND ${tools}/check_options $<TARGET_FILE:option_table>)
set_tests_properties(lint_options PROPERTIES LABELS "lint;built" TIMEOUT 60)

# So is docs/size-classes.md from the size classes; the target is size_classes_doc.
set(size_classes ${CMAKE_SOURCE_DIR}/docs/size-classes.md)
add_executable(size_class_table ${CMAKE_SOURCE_DIR}/tools/size_class_table.cc)
target_link_libraries(size_class_table PRIVATE ashlar_config)
target_include_directories(size_class_table PRIVATE ${CMAKE_SOURCE_DIR}/src)
add_dependencies(ashlar_tests size_class_table)
add_custom_target(size_classes_doc COMMAND size_class_table > ${size_classes})
add_test(NAME lint_size_classes COMMAND sh -c
  "$<TARGET_FILE:size_class_table> | diff ${size_classes} - || { echo build size_classes_doc; exit 1; }")
set_tests_properties(lint_size_classes PROPERTIES LABELS "lint;built" TIMEOUT 60)
