# IBM Z, big-endian.
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(ASHLAR_TRIPLET s390x-linux-gnu)
set(ASHLAR_QEMU qemu-s390x)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
