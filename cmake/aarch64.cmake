# 64-bit ARM.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(ASHLAR_TRIPLET aarch64-linux-gnu)
set(ASHLAR_QEMU qemu-aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
