// The real system: what each call promises, what it does on failure, and that errno survives.
#include "os/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

constexpr int kErrnoMark = 4242;

// A reservation that ends with its scope.
class Mapping {
 public:
  Mapping(std::size_t size, std::size_t alignment, Access access, void* hint = nullptr)
      : size_(size), start_(Linux::reserve(hint, size, alignment, access)) {}
  ~Mapping() {
    if (start_ != nullptr) {
      Linux::release(start_, size_);
    }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* bytes() const { return static_cast<char*>(start_); }
  void* start() const { return start_; }

 private:
  const std::size_t size_;
  void* const start_;
};

bool all_zero(const char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) {
      return false;
    }
  }
  return true;
}

TEST(LinuxMemory, TheOsPageIsAPowerOfTwo) {
  EXPECT_TRUE(is_power_of_two(Linux::page_size()));
  EXPECT_EQ(Linux::page_size(), static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
}

TEST(LinuxMemory, ReservedMemoryIsAlignedZeroAndWritable) {
  for (const std::size_t alignment : {4 * kKiB, 64 * kKiB, 4 * kMiB, 64 * kMiB}) {
    const std::size_t size = 256 * kKiB;
    const Mapping mapping(size, alignment, Access::kReadWrite);
    ASSERT_NE(mapping.start(), nullptr);
    EXPECT_TRUE(is_aligned(mapping.start(), alignment)) << alignment;
    EXPECT_TRUE(all_zero(mapping.bytes(), size));
    memset(mapping.bytes(), 1, size);
    EXPECT_EQ(mapping.bytes()[size - 1], 1);
  }
}

TEST(LinuxMemory, AlignedReservationsKeepNothingBesideTheirOwn) {
  // The ends that were cut off are free again: a reservation right there succeeds at its hint.
  const std::size_t size = 4 * kMiB;
  void* before = nullptr;
  {
    const Mapping mapping(size, 64 * kMiB, Access::kNone);
    ASSERT_NE(mapping.start(), nullptr);
    before = mapping.bytes() - Linux::page_size();
    const Mapping neighbour(Linux::page_size(), 1, Access::kNone, before);
    EXPECT_EQ(neighbour.start(), before);
  }
}

TEST(LinuxMemory, AFreeHintIsTaken) {
  void* hint = nullptr;
  {
    const Mapping mapping(kMiB, 64 * kKiB, Access::kNone);
    hint = mapping.start();
  }
  const Mapping mapping(kMiB, 64 * kKiB, Access::kNone, hint);
  EXPECT_EQ(mapping.start(), hint);
}

TEST(LinuxMemory, AHintInUseIsLeftAlone) {
  const Mapping first(kMiB, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(first.start(), nullptr);
  first.bytes()[0] = 5;
  const Mapping second(kMiB, 64 * kKiB, Access::kReadWrite, first.start());
  ASSERT_NE(second.start(), nullptr);
  EXPECT_NE(second.start(), first.start());
  EXPECT_EQ(first.bytes()[0], 5);
}

TEST(LinuxMemory, CommitMakesReservedMemoryUsable) {
  const Mapping mapping(kMiB, 64 * kKiB, Access::kNone);
  ASSERT_NE(mapping.start(), nullptr);
  ASSERT_TRUE(Linux::commit(mapping.bytes() + 64 * kKiB, 64 * kKiB));
  mapping.bytes()[64 * kKiB] = 1;
  EXPECT_EQ(mapping.bytes()[64 * kKiB], 1);
}

TEST(LinuxMemoryDeathTest, MemoryWithoutAccessCannotBeTouched) {
  const Mapping mapping(kMiB, 64 * kKiB, Access::kNone);
  ASSERT_NE(mapping.start(), nullptr);
  volatile char* const byte = mapping.bytes();
  EXPECT_DEATH(*byte = 1, "");
  ASSERT_TRUE(Linux::protect(mapping.start(), kMiB, Access::kReadWrite));
  *byte = 1;
  ASSERT_TRUE(Linux::protect(mapping.start(), kMiB, Access::kNone));
  EXPECT_DEATH(*byte = 1, "");
}

TEST(LinuxMemory, PurgedMemoryReadsAsZero) {
  const Mapping mapping(256 * kKiB, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(mapping.start(), nullptr);
  memset(mapping.bytes(), 0x55, 256 * kKiB);
  ASSERT_TRUE(Linux::purge(mapping.bytes() + 64 * kKiB, 64 * kKiB));
  EXPECT_TRUE(all_zero(mapping.bytes() + 64 * kKiB, 64 * kKiB));
  EXPECT_EQ(mapping.bytes()[64 * kKiB - 1], 0x55);
  EXPECT_EQ(mapping.bytes()[128 * kKiB], 0x55);
}

// By one call or by many, as the kernel is; one piece of memory that is not there among them.
TEST(LinuxMemory, PiecesArePurgedAndNothingElse) {
  constexpr std::size_t kPiece = 64 * kKiB;
  constexpr std::uint32_t kCount = 8;
  const Mapping mapping(2 * kCount * kPiece, kPiece, Access::kReadWrite);
  ASSERT_NE(mapping.start(), nullptr);
  memset(mapping.bytes(), 0x55, 2 * kCount * kPiece);
  MemoryPiece pieces[kCount];
  for (std::uint32_t i = 0; i < kCount; ++i) {
    pieces[i] = {mapping.bytes() + 2 * i * kPiece, kPiece};
  }
  pieces[3].start = mapping.bytes() + 1;  // not of whole OS pages
  errno = kErrnoMark;
  EXPECT_EQ(Linux::purge_pieces(pieces, kCount), low_bits(kCount) & ~(std::uint64_t{1} << 3));
  EXPECT_EQ(errno, kErrnoMark);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    char* const piece = mapping.bytes() + 2 * i * kPiece;
    EXPECT_EQ(all_zero(piece, kPiece), i != 3) << i;
    EXPECT_EQ(piece[kPiece], 0x55);
    EXPECT_EQ(piece[2 * kPiece - 1], 0x55);
  }
  EXPECT_EQ(Linux::purge_pieces(pieces, 0), 0u);
}

// Kernels before 5.14 do not know the call: then nothing happens.
TEST(LinuxMemory, PopulatedMemoryIsThereAndHoldsWhatItHeld) {
  const Mapping mapping(256 * kKiB, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(mapping.start(), nullptr);
  const std::size_t os_page = Linux::page_size();
  memset(mapping.bytes(), 0x55, os_page);
  errno = kErrnoMark;
  const bool done = Linux::populate(mapping.start(), 128 * kKiB);
  EXPECT_EQ(errno, kErrnoMark);
  std::vector<unsigned char> present(256 * kKiB / os_page);
  ASSERT_EQ(mincore(mapping.start(), 256 * kKiB, present.data()), 0);
  for (std::size_t i = 0; i < present.size(); ++i) {
    EXPECT_EQ((present[i] & 1) != 0, i == 0 || (done && i < 128 * kKiB / os_page)) << i;
  }
  EXPECT_EQ(mapping.bytes()[os_page - 1], 0x55);
  EXPECT_TRUE(all_zero(mapping.bytes() + os_page, 256 * kKiB - os_page));
}

TEST(LinuxMemory, MemoryWithoutAccessIsNotPopulated) {
  const Mapping mapping(64 * kKiB, 64 * kKiB, Access::kNone);
  ASSERT_NE(mapping.start(), nullptr);
  EXPECT_FALSE(Linux::populate(mapping.start(), 64 * kKiB));
}

TEST(LinuxMemory, ResetMemoryHoldsWhatIsWrittenAfterwards) {
  const Mapping mapping(64 * kKiB, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(mapping.start(), nullptr);
  memset(mapping.bytes(), 0x55, 64 * kKiB);
  ASSERT_TRUE(Linux::reset(mapping.start(), 64 * kKiB));
  memset(mapping.bytes(), 0x66, 64 * kKiB);
  EXPECT_EQ(mapping.bytes()[100], 0x66);
}

TEST(LinuxMemory, RemapMovesContentsToReservedMemoryAndAddsZeroes) {
  const std::size_t old_size = 64 * kKiB;
  const std::size_t new_size = 8 * kMiB;
  void* start = Linux::reserve(nullptr, old_size, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(start, nullptr);
  memset(start, 0x77, old_size);
  const Mapping target(new_size, 64 * kKiB, Access::kReadWrite);
  ASSERT_NE(target.start(), nullptr);
  memset(target.start(), 0x11, new_size);
  ASSERT_TRUE(Linux::remap(start, old_size, target.start(), new_size));
  EXPECT_EQ(target.bytes()[0], 0x77);
  EXPECT_EQ(target.bytes()[old_size - 1], 0x77);
  EXPECT_TRUE(all_zero(target.bytes() + old_size, new_size - old_size));
}

TEST(LinuxMemory, RemapInPlaceGrowsOnlyIntoFreeAddresses) {
  // A mapping of two halves: once the second is unmapped, the first may grow over its place.
  const std::size_t half = kMiB;
  char* const start =
      static_cast<char*>(Linux::reserve(nullptr, 2 * half, 64 * kKiB, Access::kReadWrite));
  ASSERT_NE(start, nullptr);
  start[0] = 0x77;
  ASSERT_TRUE(Linux::release(start + half, half));
  ASSERT_TRUE(Linux::remap(start, half, start, 2 * half));
  EXPECT_EQ(start[0], 0x77);
  EXPECT_TRUE(all_zero(start + half, half));
  // Shrinking gives the end back; a neighbour there stops the next growth, and nothing changes.
  ASSERT_TRUE(Linux::remap(start, 2 * half, start, half));
  const Mapping neighbour(half, 1, Access::kNone, start + half);
  ASSERT_EQ(neighbour.start(), start + half);
  EXPECT_FALSE(Linux::remap(start, half, start, 2 * half));
  EXPECT_EQ(start[0], 0x77);
  EXPECT_TRUE(Linux::release(start, half));
}

TEST(LinuxMemory, WhatCannotBeDoneFailsAndErrnoStays) {
  errno = kErrnoMark;
  const std::size_t too_much = std::size_t{1} << 62;
  EXPECT_EQ(Linux::reserve(nullptr, too_much, 4096, Access::kReadWrite), nullptr);
  EXPECT_EQ(Linux::reserve(nullptr, 4096, std::size_t{1} << 62, Access::kReadWrite), nullptr);
  char* const odd = reinterpret_cast<char*>(std::uintptr_t{4097});
  EXPECT_FALSE(Linux::release(odd, 4096));
  EXPECT_FALSE(Linux::commit(odd, 4096));
  EXPECT_FALSE(Linux::purge(odd, 4096));
  EXPECT_FALSE(Linux::reset(odd, 4096));
  EXPECT_FALSE(Linux::protect(odd, 4096, Access::kNone));
  EXPECT_FALSE(Linux::remap(odd, 4096, odd, 8192));
  EXPECT_EQ(errno, kErrnoMark);
}

TEST(LinuxServices, ErrnoStaysAsItWas) {
  errno = kErrnoMark;
  char bytes[8];
  Linux::page_size();
  Linux::overcommits();
  Linux::clock_ms();
  Linux::process_usage();
  EXPECT_TRUE(Linux::random_bytes(bytes, sizeof bytes));
  Linux::numa_node();
  Linux::numa_node_count();
  Linux::thread_number();
  Linux::environment("ASHLAR_NOT_SET_ANYWHERE", true);
  Linux::yield();
  EXPECT_EQ(errno, kErrnoMark);
}

TEST(LinuxServices, UsageFollowsWhatTheProcessTouches) {
  const ProcessUsage before = Linux::process_usage();
  const std::size_t size = 32 * kMiB;
  {
    const Mapping mapping(size, 64 * kKiB, Access::kReadWrite);
    memset(mapping.start(), 1, size);
    const ProcessUsage with = Linux::process_usage();
    EXPECT_GE(with.resident, before.resident + size - kMiB);
    EXPECT_GE(with.peak_resident, with.resident);
  }
  const ProcessUsage after = Linux::process_usage();
  EXPECT_LT(after.resident, before.resident + size / 2);
  EXPECT_GE(after.peak_resident, before.resident + size - kMiB);
  EXPECT_GE(after.user_ms + after.system_ms, before.user_ms + before.system_ms);
}

TEST(LinuxServices, TheClockGoesForward) {
  const std::uint64_t before = Linux::clock_ms();
  usleep(20'000);
  const std::uint64_t after = Linux::clock_ms();
  EXPECT_GE(after, before + 19);
}

TEST(LinuxServices, RandomBytesDiffer) {
  char first[32] = {};
  char second[32] = {};
  ASSERT_TRUE(Linux::random_bytes(first, sizeof first));
  ASSERT_TRUE(Linux::random_bytes(second, sizeof second));
  EXPECT_NE(memcmp(first, second, sizeof first), 0);
}

TEST(LinuxServices, TheNumaNodeIsOneOfThoseThereAre) {
  EXPECT_GE(Linux::numa_node_count(), 1u);
  EXPECT_LT(Linux::numa_node(), Linux::numa_node_count());
}

TEST(LinuxServices, ThreadsHaveNumbersAndTheMainOneThatOfTheProcess) {
  EXPECT_EQ(Linux::thread_number(), static_cast<std::uint64_t>(getpid()));
  std::uint64_t other = 0;
  std::thread([&other] { other = Linux::thread_number(); }).join();
  EXPECT_NE(other, 0u);
  EXPECT_NE(other, Linux::thread_number());
}

TEST(LinuxServices, EnvironmentByExactNameOrAnyCase) {
  ASSERT_EQ(setenv("Ashlar_Os_Test", "value=1", 1), 0);
  ASSERT_EQ(setenv("ASHLAR_OS_TEST_EMPTY", "", 1), 0);
  EXPECT_STREQ(Linux::environment("Ashlar_Os_Test", false), "value=1");
  EXPECT_STREQ(Linux::environment("ASHLAR_OS_TEST", true), "value=1");
  EXPECT_EQ(Linux::environment("ASHLAR_OS_TEST", false), nullptr);
  EXPECT_EQ(Linux::environment("ASHLAR_OS_TES", true), nullptr) << "only the beginning of a name";
  EXPECT_STREQ(Linux::environment("ASHLAR_OS_TEST_EMPTY", false), "");
  ASSERT_EQ(unsetenv("Ashlar_Os_Test"), 0);
  EXPECT_EQ(Linux::environment("ASHLAR_OS_TEST", true), nullptr);
}

TEST(LinuxServices, WithoutAnEnvironmentNothingIsFound) {
  char** const kept = environ;
  environ = nullptr;
  const char* const value = Linux::environment("PATH", true);
  environ = kept;
  EXPECT_EQ(value, nullptr);
}

TEST(LinuxServicesDeathTest, ErrorsGoToFileDescriptorTwo) {
  EXPECT_EXIT(
      {
        Linux::write_error("first ", 6);
        Linux::write_error("second, but not this", 6);
        _exit(3);
      },
      testing::ExitedWithCode(3), "^first second$");
}

TEST(LinuxServicesDeathTest, AClosedFileDescriptorTwoIsSurvived) {
  EXPECT_EXIT(
      {
        close(STDERR_FILENO);
        errno = kErrnoMark;
        Linux::write_error("nobody hears this", 17);
        _exit(errno == kErrnoMark ? 3 : 4);
      },
      testing::ExitedWithCode(3), "^$");
}

TEST(LinuxServicesDeathTest, StopAborts) {
  EXPECT_EXIT(Linux::stop(), testing::KilledBySignal(SIGABRT), "");
}

constinit int forks_prepared = 0;
constinit int forks_in_parent = 0;
constinit int forks_in_child = 0;

TEST(LinuxServices, ForkHandlersRunOnTheirSides) {
  ASSERT_TRUE(Linux::at_fork([] { ++forks_prepared; }, [] { ++forks_in_parent; },
                             [] { ++forks_in_child; }));
  const pid_t child = fork();
  if (child == 0) {
    _exit(forks_prepared == 1 && forks_in_parent == 0 && forks_in_child == 1 ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(forks_prepared, 1);
  EXPECT_EQ(forks_in_parent, 1);
  EXPECT_EQ(forks_in_child, 0);
}

TEST(LinuxServices, WaitReturnsAtOnceWhenTheWordHasChanged) {
  std::atomic<std::uint32_t> word{1};
  Linux::wait(&word, 0);  // would sleep for ever if it looked at nothing
  EXPECT_EQ(word.load(std::memory_order_relaxed), 1u);
}

TEST(LinuxServices, WakeEndsAWait) {
  std::atomic<std::uint32_t> word{0};
  std::thread sleeper([&word] {
    while (word.load(std::memory_order_acquire) == 0) {
      Linux::wait(&word, 0);
    }
  });
  word.store(1, std::memory_order_release);
  Linux::wake_one(&word);
  sleeper.join();
  EXPECT_EQ(word.load(std::memory_order_relaxed), 1u);
}

}  // namespace
}  // namespace ashlar
