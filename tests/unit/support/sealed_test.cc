// Read-only data of the library's: what the program's functions are can be changed by the calls for
// that alone, in the profile that seals.
#include "support/sealed.h"

#include <gtest/gtest.h>

#include <string>

#include "heap/process.h"

namespace ashlar {
namespace {

TEST(Sealed, TheProgramsFunctionsCanBeChangedAndAreCalled) {
  start_process();
  std::string seen;
  register_output([](const char* text, void* arg) { *static_cast<std::string*>(arg) += text; },
                  &seen);
  seen.clear();  // what was written before may come first
  write_output("one line\n");
  register_output(nullptr, nullptr);
  EXPECT_EQ(seen, "one line\n");
  EXPECT_EQ(sealed.output, nullptr);
}

TEST(Sealed, AStrayWriteIsStoppedWhereItIsSealed) {
  start_process();
  const auto write = [] { *const_cast<void* volatile*>(&sealed.error_arg) = &sealed; };
  if (kActive.seal && System::page_size() <= kSealBytes) {
    EXPECT_DEATH(write(), "");
  } else {
    write();
    EXPECT_EQ(sealed.error_arg, &sealed);
    sealed.error_arg = nullptr;
  }
}

TEST(Sealed, ItIsSealedAgainAfterEachChange) {
  start_process();
  register_error(nullptr, nullptr);
  int runs = 0;
  {
    LockGuard guard(messages_lock());
    ASSERT_TRUE(change_sealed([&runs] {
      ++runs;
      sealed.error_arg = nullptr;
    }));
  }
  EXPECT_EQ(runs, 1);
  const auto write = [] { *const_cast<void* volatile*>(&sealed.output_arg) = &sealed; };
  if (kActive.seal && System::page_size() <= kSealBytes) {
    EXPECT_DEATH(write(), "");
  }
}

}  // namespace
}  // namespace ashlar
