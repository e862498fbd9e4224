# 32-bit ARM with hardware floating point.
set(CMAKE_SYSTEM_PROCESSOR armv7)
set(ASHLAR_TRIPLET arm-linux-gnueabihf)
set(ASHLAR_QEMU qemu-arm)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
