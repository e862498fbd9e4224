#!/usr/bin/env python3
"""Proves that tools/check_file_size finds what it is for, on small trees made for it."""
import fixture


class CheckFileSize(fixture.ToolTest):
    tool = "check_file_size"

    def setUp(self):
        super().setUp()
        self.write("src/page/README.md", "a line\n" * 40)
        self.write("src/page/page.h", "// a line\n" * 600)
        self.write("ARCHITECTURE.md", "a line\n" * 250)

    def test_good_tree(self):
        self.assert_clean()

    def test_long_source(self):
        self.write("bench/long.cc", "// a line\n" * 601)
        self.assert_finding("bench/long.cc:601: 601 lines, at most 600")

    def test_long_model(self):
        self.write("model/long.pml", "skip;\n" * 601)
        self.assert_finding("model/long.pml:601: 601 lines, at most 600")

    def test_long_script(self):
        self.write("tools/long", "#!/bin/sh\n" + "true\n" * 600)
        self.assert_finding("tools/long:601: 601 lines, at most 600")

    def test_long_readme(self):
        self.write("src/page/README.md", "a line\n" * 41)
        self.assert_finding("src/page/README.md:41: 41 lines, at most 40")

    def test_missing_readme(self):
        self.write("src/heap/heap.h", "\n")
        self.assert_finding("src/heap/README.md:1: missing")

    def test_long_architecture(self):
        self.write("ARCHITECTURE.md", "a line\n" * 251)
        self.assert_finding("ARCHITECTURE.md:251: 251 lines, at most 250")

    def test_included_source(self):
        self.write("src/page/page.cc", '\n#include "page/other.cc"\n')
        self.assert_finding("src/page/page.cc:2: includes page/other.cc")
        self.write("src/page/page.cc", '// #include "page/other.cc"\n')
        self.assert_clean()


if __name__ == "__main__":
    fixture.main()
