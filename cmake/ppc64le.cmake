# 64-bit POWER, little-endian.
set(CMAKE_SYSTEM_PROCESSOR ppc64le)
set(ASHLAR_TRIPLET powerpc64le-linux-gnu)
set(ASHLAR_QEMU qemu-ppc64le)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
