# 64-bit RISC-V.
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(ASHLAR_TRIPLET riscv64-linux-gnu)
set(ASHLAR_QEMU qemu-riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/foreign.cmake)
