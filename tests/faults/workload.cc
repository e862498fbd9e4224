// The workload: one table of live blocks, each filled with a pattern of its own.
#include "workload.h"

#include <errno.h>
#include <malloc.h>
#include <mimalloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>
#include <new>

namespace faults {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

struct Live {
  unsigned char* block = nullptr;
  size_t size = 0;
};

class Workload {
 public:
  explicit Workload(Demand demand) : demand_(demand) {}

  const char* run() {
    small_blocks();
    larger_blocks();
    zeroed_blocks();
    aligned_blocks();
    strings_and_new();
    growing(16);
    growing(4096);
    resize_family();
    free_some();
    threads();
    check_all();
    free_all();
    mi_collect(true);
    return wrong_;
  }

 private:
  static constexpr size_t kMost = 1200;

  // Only the ends of large blocks are filled: the middle costs time and finds nothing more.
  static constexpr size_t kFilled = 2048;

  // What tells the bytes of one block from those of another: where it is when it is filled.
  static uintptr_t key_of(const unsigned char* block) {
    return reinterpret_cast<uintptr_t>(block) >> 4;
  }
  static unsigned char pattern(uintptr_t key, size_t at) {
    return static_cast<unsigned char>(key + at * 13 + 5);
  }
  template <class Visit>
  static void for_each_end(size_t size, Visit visit) {
    const size_t head = size < kFilled ? size : kFilled;
    for (size_t at = 0; at < head; ++at) {
      visit(at);
    }
    for (size_t at = size - head > head ? size - head : head; at < size; ++at) {
      visit(at);
    }
  }
  static void fill(unsigned char* block, size_t size) {
    for_each_end(size, [&](size_t at) { block[at] = pattern(key_of(block), at); });
  }

  void complain(const char* what) {
    if (wrong_ == nullptr) {
      wrong_ = what;
    }
  }
  void check(bool good, const char* what) {
    if (!good) {
      complain(what);
    }
  }
  void check_failure(const char* what) {
    check(errno == ENOMEM, "NULL without ENOMEM");
    check(demand_ == Demand::kMayFail, what);
  }

  // Takes note of an allocation; `what` names it where it failed and may not.
  unsigned char* note(void* result, size_t size, const char* what) {
    auto* const block = static_cast<unsigned char*>(result);
    if (block == nullptr) {
      check_failure(what);
      return nullptr;
    }
    check(mi_usable_size(block) >= size, "a block is smaller than asked for");
    fill(block, size);
    if (count_ == kMost) {
      mi_free(block);
      return nullptr;
    }
    live_[count_++] = {block, size};
    return block;
  }
  void note_aligned(void* result, size_t size, size_t alignment, const char* what) {
    check(reinterpret_cast<uintptr_t>(result) % alignment == 0, "a block is not aligned");
    note(result, size, what);
  }
  void note_zeroed(void* result, size_t size, const char* what) {
    if (const auto* block = static_cast<const unsigned char*>(result)) {
      unsigned char any = 0;
      for (size_t at = 0; at < size; at += at < kFilled ? 1 : 50'001) {
        any = static_cast<unsigned char>(any | block[at]);
      }
      check(any == 0, "a zeroed block is not zero");
    }
    note(result, size, what);
  }

  static bool is_intact(const Live& live) {
    bool intact = true;
    for_each_end(live.size, [&](size_t at) {
      intact = intact && live.block[at] == pattern(key_of(live.block), at);
    });
    return intact;
  }
  void check_all() {
    for (size_t i = 0; i < count_; ++i) {
      check(is_intact(live_[i]), "a live block changed");
    }
  }
  void free_all() {
    while (count_ != 0) {
      free(live_[--count_].block);
    }
  }
  void free_some() {
    check_all();
    for (size_t i = 0; i < count_; i += 2) {
      free(live_[i].block);
      live_[i] = live_[--count_];
    }
    check_all();
  }

  void small_blocks() {
    for (size_t i = 0; i < 400; ++i) {
      errno = 0;
      const size_t size = i * 37 % 1100;
      note(malloc(size), size, "malloc, small");
    }
  }
  void larger_blocks() {
    for (const size_t size :
         {3 * kKiB, 9 * kKiB, 20 * kKiB, 50 * kKiB, 70 * kKiB, 200 * kKiB, 512 * kKiB, 513 * kKiB,
          kMiB, 5 * kMiB, 31 * kMiB, 33 * kMiB, 80 * kMiB}) {
      for (int i = 0; i < 3; ++i) {
        errno = 0;
        note(malloc(size), size, "malloc, large");
      }
    }
    check_all();
  }
  void zeroed_blocks() {
    free_some();
    for (const size_t size : {24 * size_t{1}, 1000 * size_t{1}, 9 * kKiB, 70 * kKiB, 600 * kKiB,
                              3 * kMiB, 40 * kMiB, 80 * kMiB}) {
      for (int i = 0; i < 2; ++i) {
        errno = 0;
        note_zeroed(calloc(1, size), size, "calloc");
        errno = 0;
        note_zeroed(mi_zalloc(size), size, "mi_zalloc");
      }
    }
    check_all();
  }
  void aligned_blocks() {
    for (const size_t alignment : {size_t{32}, size_t{256}, 4 * kKiB, 64 * kKiB, kMiB, 16 * kMiB}) {
      for (const size_t size : {size_t{40}, 5 * kKiB, 100 * kKiB, 2 * kMiB}) {
        errno = 0;
        note_aligned(memalign(alignment, size), size, alignment, "memalign");
        void* block = nullptr;
        const int code = posix_memalign(&block, alignment, size);
        check(code == 0 || code == ENOMEM, "posix_memalign's code is not ENOMEM");
        check((code == 0) == (block != nullptr), "posix_memalign's code and block disagree");
        errno = code;
        note_aligned(block, size, alignment, "posix_memalign");
        errno = 0;
        void* const offset = mi_malloc_aligned_at(size, alignment, 24);
        if (offset != nullptr) {
          check((reinterpret_cast<uintptr_t>(offset) + 24) % alignment == 0, "offset alignment");
        }
        note(offset, size, "mi_malloc_aligned_at");
      }
    }
    check_all();
  }
  void strings_and_new() {
    errno = 0;
    char* const copy = strdup("a line of text that is copied");
    note(copy, copy == nullptr ? 0 : strlen(copy) + 1, "strdup");
    errno = 0;
    note(operator new(100, std::nothrow), 100, "operator new, nothrow");
    errno = 0;
    note(mi_new_nothrow(5 * kMiB), 5 * kMiB, "mi_new_nothrow");
  }

  // Through all regimes, up and down. A realloc that fails leaves the block as it was.
  void growing(size_t first) {
    errno = 0;
    auto* block = static_cast<unsigned char*>(malloc(first));
    if (block == nullptr) {
      check_failure("malloc");
      return;
    }
    size_t size = first;
    fill(block, size);
    for (const size_t next : {size_t{100}, 5 * kKiB, 60 * kKiB, 400 * kKiB, 700 * kKiB, 2 * kMiB,
                              34 * kMiB, 90 * kMiB, 40 * kMiB, kMiB, 100 * kKiB, size_t{100}}) {
      const uintptr_t key = key_of(block);
      errno = 0;
      auto* const moved = static_cast<unsigned char*>(realloc(block, next));
      if (moved == nullptr) {
        check_failure("realloc");
        check(is_intact({block, size}), "a failed realloc changed the block");
        continue;
      }
      // Only the head is compared: what was the tail may be in the middle now.
      const size_t kept = size < next ? size : next;
      bool intact = true;
      for (size_t at = 0; at < kept && at < kFilled; ++at) {
        intact = intact && moved[at] == pattern(key, at);
      }
      check(intact, "realloc lost bytes");
      block = moved;
      size = next;
      fill(block, size);
    }
    note(block, size, "realloc");
    check_all();
  }
  void resize_family() {
    errno = 0;
    auto* block = static_cast<unsigned char*>(mi_zalloc(1000));
    if (block == nullptr) {
      check_failure("mi_zalloc");
      return;
    }
    size_t zero_to = 1000;
    for (const size_t next : {50 * kKiB, 800 * kKiB, 35 * kMiB, 70 * kMiB, 20 * kMiB}) {
      errno = 0;
      auto* const moved = static_cast<unsigned char*>(mi_rezalloc(block, next));
      if (moved == nullptr) {
        check_failure("mi_rezalloc");
        continue;
      }
      block = moved;
      zero_to = next;
    }
    unsigned char any = 0;
    for (size_t at = 0; at < zero_to; at += 50'001) {
      any = static_cast<unsigned char>(any | block[at]);
    }
    check(any == 0, "mi_rezalloc left bytes that are not zero");
    fill(block, zero_to);
    errno = 0;
    void* const array = reallocarray(nullptr, 300, 1000);
    note(array, 300 * 1000, "reallocarray");
    errno = 0;
    void* const last = mi_reallocf(block, 45 * kMiB);  // frees the block where it fails
    note(last, 45 * kMiB, "mi_reallocf");
  }

  struct Share {
    Workload* owner;
    unsigned char* left[8];  // for another thread to free
    const char* wrong;
  };
  static void* thread_main(void* arg) {
    auto* const share = static_cast<Share*>(arg);
    unsigned char* own[64] = {};
    size_t i = 0;
    for (unsigned char*& block : own) {
      const size_t size = i++ % 8 == 7 ? 600 * kKiB : 64 << (i % 8);
      errno = 0;
      block = static_cast<unsigned char*>(malloc(size));
      if (block == nullptr) {
        share->wrong = errno == ENOMEM ? share->wrong : "NULL without ENOMEM in a thread";
        if (share->owner->demand_ == Demand::kMustSucceed) {
          share->wrong = "malloc in a thread";
        }
      } else {
        fill(block, 64);
      }
    }
    for (size_t at = 0; at < 64; ++at) {
      if (own[at] != nullptr && !is_intact({own[at], 64})) {
        share->wrong = "a thread's block changed";
      }
      if (at % 8 == 3) {
        share->left[at / 8] = own[at];
      } else {
        free(own[at]);
      }
    }
    return nullptr;
  }
  void threads() {
    for (int round = 0; round < 3; ++round) {
      Share share{this, {}, nullptr};
      pthread_t thread;
      if (pthread_create(&thread, nullptr, thread_main, &share) != 0) {
        check(demand_ == Demand::kMayFail, "pthread_create");
        continue;
      }
      pthread_join(thread, nullptr);
      check(share.wrong == nullptr, share.wrong);
      for (unsigned char* const block : share.left) {
        if (block != nullptr) {
          check(is_intact({block, 64}), "a block changed when its thread ended");
          free(block);
        }
      }
    }
  }

  const Demand demand_;
  const char* wrong_ = nullptr;
  size_t count_ = 0;
  Live live_[kMost];
};

}  // namespace

const char* run_workload(Demand demand) {
  // Not on the heap, and too large for some stacks.
  alignas(Workload) static char memory[sizeof(Workload)];
  auto* const workload = new (memory) Workload(demand);
  return workload->run();
}

}  // namespace faults
