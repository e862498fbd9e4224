#!/usr/bin/env python3
"""Proves that tools/check_memory_order finds what it is for, on small trees made for it."""
import fixture

GOOD = """\
#pragma once
#include <atomic>
struct Page {
  std::atomic<int> count_{0};
  std::atomic<std::pair<int, long>*> list;
  std::array<std::atomic<bool>, 4> bits_;
  int take() {
    // relaxed: a hint; the claim below checks again.
    return count_.load(std::memory_order_relaxed);
  }
  void give(int value) {
    count_.store(value, std::memory_order::release);  // release: publishes what take() reads.
  }
  bool swap(int from, int to) {
    // acq_rel: publishes ours and sees theirs. relaxed: a failed try reads nothing.
    return count_.compare_exchange_weak(from, to, std::memory_order_acq_rel,
                                        std::memory_order_relaxed);
  }
  void reset() {
    // relaxed: nobody else is here yet.
    bits_[0].store(false, std::memory_order_relaxed);
    bits_[1].store(false, std::memory_order_relaxed);
    bits_[2].store(false, std::memory_order_relaxed);
    bits_[3].store(false, std::memory_order_relaxed);
    list.store(nullptr, std::memory_order_relaxed);
  }
  template <class Value>
  static Value read(const std::atomic<Value>& from, std::memory_order order) { return from.load(order); }
  const std::atomic<int>& count() const { return alias(&count_); }
  void fence() {
    // seq_cst: thread A stores x and reads y, thread B the reverse; one must see the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
};
"""


class CheckMemoryOrder(fixture.ToolTest):
    tool = "check_memory_order"

    def body(self, line, before=""):
        """A member function with this line as line 6 of src/page/page.h."""
        self.write("src/page/page.h", "#pragma once\nstruct Page {\n  std::atomic<int> count_{0};\n"
                                      f"  void act() {{\n{before}\n{line}\n  }}\n}};\n")

    def test_good_tree(self):
        self.write("src/page/page.h", GOOD)
        self.assert_clean()

    def test_no_order(self):
        for line in ("count_.load();", "page->count_.store(1);", "count_.fetch_add(1);",
                     "count_.exchange(\n2);", "count_.compare_exchange_strong(a, f(b));"):
            self.body(line, "// relaxed: said, but not done.")
            self.assert_finding("src/page/page.h:6: ")

    def test_no_reason(self):
        self.body("count_.load(std::memory_order_relaxed);")
        self.assert_finding("src/page/page.h:6: load (relaxed) without a reason")

    def test_reason_of_another_order(self):
        self.body("count_.load(std::memory_order_acquire);", "// relaxed: a hint.")
        self.assert_finding("src/page/page.h:6: load (acquire) without a reason")

    def test_word_without_reason(self):
        self.body("count_.load(std::memory_order_relaxed);  // relaxed")
        self.assert_finding("src/page/page.h:6: load (relaxed) without a reason")

    def test_reason_too_far_away(self):
        self.body("count_.load(std::memory_order_relaxed);", "// relaxed: a hint.\n\n\n")
        self.assert_finding("src/page/page.h:9: load (relaxed) without a reason")

    def test_reason_in_a_string(self):
        self.body('count_.load(std::memory_order_relaxed); say("// relaxed: a hint");')
        self.assert_finding("src/page/page.h:6: load (relaxed) without a reason")

    def test_seq_cst_needs_its_own_word(self):
        self.body("count_.load(std::memory_order_seq_cst);  // seq_cst for safety")
        self.assert_finding("src/page/page.h:6: load is seq_cst without a comment")

    def test_operators(self):
        for line in ("++count_;", "count_++;", "--page.count_;", "count_ += 2;", "count_ |= 2;",
                     "this->count_ = 3;", "count_ = 3;", "if (count_ == 3) {}", "if (!count_) {}",
                     "return count_;"):
            self.body(line)
            self.assert_finding("src/page/page.h:6: count_: ")

    def test_operators_in_the_file_beside(self):
        self.body("")
        self.write("src/page/page.cc", "void Page::more() { count_++; }\n")
        self.assert_finding("src/page/page.cc:1: count_: ")

    def test_namesake(self):
        self.body("int count_ = 3; count_++;")
        self.assert_clean()
        self.body("std::atomic<int>& count_ = page.count_;")
        self.assert_clean()
        self.body("int count_ = 3; page->count_++;")
        self.assert_finding("src/page/page.h:6: count_: ")

    def test_alias(self):
        self.write("src/page/words.h", "using Word = std::atomic<long>;\n")
        self.write("src/page/set.h", "struct Set {\n  Word words[4] = {};\n  void act() { words[2] |= 1; }\n};\n")
        self.assert_finding("src/page/set.h:3: words: ")

    def test_builtins(self):
        self.body("__sync_fetch_and_add(&x, 1);")
        self.assert_finding("src/page/page.h:6: __sync_ built-ins")
        self.body("__atomic_load_n(&x, __ATOMIC_RELAXED);")
        self.assert_finding("src/page/page.h:6: __atomic_load_n (relaxed) without a reason")

    def test_not_atomic(self):
        self.body("file.load(3);  // not atomic: reads a file.")
        self.assert_clean()


if __name__ == "__main__":
    fixture.main()
