# musl instead of glibc, on x86-64: its own compiler for C, and g++ with musl's headers in front of
# glibc's for the library, which takes none but headers from C++. Programs in C++ cannot be linked:
# Debian has no C++ library for musl.
set(ASHLAR_LIBC musl CACHE STRING "glibc or musl")
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_CXX_COMPILER g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# Of what lies in glibc's folders only the kernel's headers are wanted.
set(ASHLAR_KERNEL ${CMAKE_BINARY_DIR}/kernel)
file(MAKE_DIRECTORY ${ASHLAR_KERNEL})
foreach(folder linux asm-generic)
  file(CREATE_LINK /usr/include/${folder} ${ASHLAR_KERNEL}/${folder} SYMBOLIC)
endforeach()
file(CREATE_LINK /usr/include/x86_64-linux-gnu/asm ${ASHLAR_KERNEL}/asm SYMBOLIC)

execute_process(COMMAND g++ -print-file-name=include OUTPUT_VARIABLE ASHLAR_GCC_HEADERS
  OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND g++ -dumpversion OUTPUT_VARIABLE ASHLAR_GCC_VERSION
  OUTPUT_STRIP_TRAILING_WHITESPACE)
set(headers "")
foreach(folder ${CMAKE_CURRENT_LIST_DIR}/musl /usr/include/c++/${ASHLAR_GCC_VERSION}
    /usr/include/x86_64-linux-gnu/c++/${ASHLAR_GCC_VERSION} /usr/include/x86_64-linux-musl
    ${ASHLAR_GCC_HEADERS} ${ASHLAR_KERNEL})
  list(APPEND headers "SHELL:-isystem ${folder}")
endforeach()
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-nostdinc;${headers}>")
add_link_options("$<$<LINK_LANGUAGE:CXX>:-specs=/usr/lib/x86_64-linux-musl/musl-gcc.specs>")
