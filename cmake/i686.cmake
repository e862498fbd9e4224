# 32-bit x86.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(ASHLAR_TRIPLET i686-linux-gnu)
set(ASHLAR_QEMU qemu-i386)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
