# What the toolchain files of all processors share: Debian's cross compiler for ASHLAR_TRIPLET, its
# libraries, and qemu-user to run what it makes. tools/foreign_packages fetches the test libraries.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${ASHLAR_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${ASHLAR_TRIPLET}-g++)
set(CMAKE_OBJCOPY ${ASHLAR_TRIPLET}-objcopy)

get_filename_component(ASHLAR_FOREIGN ${CMAKE_CURRENT_LIST_DIR}/../build/foreign/${ASHLAR_TRIPLET}
  ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${ASHLAR_FOREIGN} /usr/${ASHLAR_TRIPLET})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR ${ASHLAR_QEMU} -L /usr/${ASHLAR_TRIPLET})
