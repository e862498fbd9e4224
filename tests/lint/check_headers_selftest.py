#!/usr/bin/env python3
"""Proves that tools/check_headers finds what it is for, on small trees made for it."""
import fixture

BOTH = """\
#pragma once
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void* mi_malloc(size_t size);
#ifdef __cplusplus
}
#endif
"""


class CheckHeaders(fixture.ToolTest):
    tool = "check_headers"

    def test_good_tree(self):
        self.write("src/base/math.h", "#pragma once\n#include <cstdint>\nstd::uint8_t half(std::uint8_t);\n")
        self.write("src/page/page.h", '#pragma once\n#include "base/math.h"\ninline int two() { return 2; }\n')
        self.write("include/mimalloc.h", BOTH)
        self.assert_clean()

    def test_missing_include(self):
        self.write("src/base/math.h", "#pragma once\nstd::uint8_t half(std::uint8_t);\n")
        self.assert_finding("src/base/math.h:1: does not compile alone as c++20")

    def test_no_guard(self):
        self.write("src/base/math.h", "struct Twice {};\n")
        self.assert_finding("src/base/math.h:1: does not compile alone as c++20")

    def test_warning(self):
        self.write("src/base/math.h", "#pragma once\ninline int cut(long value) { return value; }\n")
        self.assert_finding("src/base/math.h:1: does not compile alone as c++20")

    def test_not_c(self):
        self.write("include/mimalloc.h", BOTH + "bool mi_is_redirected(void);\n")
        self.assert_finding("include/mimalloc.h:1: does not compile alone as c11")


if __name__ == "__main__":
    fixture.main()
