# The test libraries of a foreign processor. Debian's are fetched by tools/foreign_packages; where
# Debian has none, GoogleTest is built from the sources in its package, and what needs rapidcheck
# is left out.
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  set(BUILD_GMOCK ON)
  set(INSTALL_GTEST OFF)
  add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
endif()
find_package(rapidcheck QUIET)

# What qemu-user does otherwise than Linux: it says yes to advice about memory and follows only some
# of it.
set(ASHLAR_NOT_EMULATED
  LinuxMemory.PopulatedMemoryIsThereAndHoldsWhatItHeld
  LinuxMemory.MemoryWithoutAccessIsNotPopulated
  LinuxHuge.AdviceAndNodesAreTakenForMemoryThatIsThere
  Page.OsPagesAreThereBeforeTheirBlocksAreNeeded)
list(JOIN ASHLAR_NOT_EMULATED ":" ASHLAR_NOT_EMULATED)
