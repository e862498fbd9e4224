# The shared libraries that programs under tests/regress/programs are linked with or load by
# themselves, all in one folder whose path the programs know. It adds no test.
set(regress_libraries ${CMAKE_CURRENT_BINARY_DIR}/regress_libraries)

function(regress_library name kind)
  add_library(${name} ${kind} ${ARGN})
  target_compile_options(${name} PRIVATE -Wall -Wextra -Werror -fno-builtin)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${name} PRIVATE Threads::Threads)
  # C: what is loaded needs libc alone, as the library itself.
  set_target_properties(${name} PROPERTIES PREFIX lib LINKER_LANGUAGE C
    LIBRARY_OUTPUT_DIRECTORY ${regress_libraries} C_VISIBILITY_PRESET hidden)
  add_dependencies(ashlar_tests ${name})
endfunction()

regress_library(regress_early SHARED ${CMAKE_CURRENT_SOURCE_DIR}/regress/libraries/early.c)
set_target_properties(regress_early PROPERTIES C_VISIBILITY_PRESET default)
target_link_options(regress_01_library_constructor PRIVATE -Wl,--no-as-needed)
target_link_libraries(regress_01_library_constructor PRIVATE regress_early)

if(NOT TARGET regress_06_copies)
  return()
endif()

foreach(bytes 8 64 512)
  regress_library(regress_static_tls_${bytes} MODULE
    ${CMAKE_CURRENT_SOURCE_DIR}/regress/libraries/static_tls.c)
  target_compile_definitions(regress_static_tls_${bytes} PRIVATE BYTES=${bytes})
  target_compile_options(regress_static_tls_${bytes} PRIVATE -ftls-model=initial-exec)
  set_target_properties(regress_static_tls_${bytes} PROPERTIES C_VISIBILITY_PRESET default)
endforeach()

# Carries the static library, with all of its names hidden.
regress_library(regress_carrier MODULE ${CMAKE_CURRENT_SOURCE_DIR}/regress/libraries/carrier.c)
target_link_libraries(regress_carrier PRIVATE Ashlar::static)
target_link_options(regress_carrier PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic)

# The same with the library's code compiled for the TLS model that needs no static TLS.
get_target_property(definitions ashlar_config INTERFACE_COMPILE_DEFINITIONS)
list(FILTER definitions EXCLUDE REGEX "ASHLAR_TLS_MODEL")
get_target_property(options ashlar_code COMPILE_OPTIONS)
set(sources ${ASHLAR_SOURCES})
list(FILTER sources EXCLUDE REGEX "/src/api/override_[a-z_]*\\.cc$")
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/api/new_handler.cc PROPERTIES
  COMPILE_OPTIONS "-fexceptions")
add_library(regress_dynamic_tls STATIC ${sources})
target_include_directories(regress_dynamic_tls PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(regress_dynamic_tls PRIVATE ${definitions} ASHLAR_TLS_MODEL="global-dynamic")
target_compile_options(regress_dynamic_tls PRIVATE ${options})
regress_library(regress_carrier_dynamic_tls MODULE
  ${CMAKE_CURRENT_SOURCE_DIR}/regress/libraries/carrier.c)
target_link_libraries(regress_carrier_dynamic_tls PRIVATE regress_dynamic_tls)
target_link_options(regress_carrier_dynamic_tls PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic)

foreach(program 05_reload 05_static_tls 06_copies)
  target_compile_definitions(regress_${program} PRIVATE REGRESS_LIBRARIES="${regress_libraries}")
  add_dependencies(regress_${program} regress_carrier regress_carrier_dynamic_tls
    regress_static_tls_8 regress_static_tls_64 regress_static_tls_512)
endforeach()
