#!/usr/bin/env python3
"""Proves that tools/check_format and tools/check_tidy can fail, on small trees made for them."""
import json
import shutil

import fixture


class CheckFormat(fixture.ToolTest):
    tool = "check_format"

    def setUp(self):
        super().setUp()
        shutil.copy(fixture.ROOT / ".clang-format", self.tree)

    def test_good_tree(self):
        self.write("src/base/math.h", "#pragma once\n\nint half(int value);\n")
        self.assert_clean()

    def test_bad_format(self):
        for path in ("src/base/math.h", "include/x.h", "tests/a_test.cc", "bench/b.c"):
            target = self.write(path, "#pragma once\nint  half( int value );\n")
            self.assert_finding(f"{path}:2: not formatted")
            target.unlink()

    def test_fix(self):
        self.write("src/base/math.h", "int  half( int value );\n")
        self.assert_clean("--fix")
        self.assert_clean()


class CheckTidy(fixture.ToolTest):
    tool = "check_tidy"

    def setUp(self):
        super().setUp()
        shutil.copy(fixture.ROOT / ".clang-tidy", self.tree)
        self.source = self.tree / "src" / "base" / "math.cc"
        self.write("build/compile_commands.json", json.dumps([{
            "directory": str(self.tree), "file": str(self.source),
            "command": f"clang++-19 -std=c++20 -I{self.tree}/src -o math.o -c {self.source}"}]))

    def test_good_then_bad(self):
        good = "namespace ashlar {\nint half(int value) { return value / 2; }\n}  // namespace ashlar\n"
        self.source.parent.mkdir(parents=True)
        self.source.write_text(good, encoding="utf-8")
        self.assert_clean("--build", self.tree / "build")
        self.source.write_text(good.replace("half", "BadName"), encoding="utf-8")
        self.assert_finding("src/base/math.cc:2: invalid case style", "--build", self.tree / "build")
        self.source.write_text(good.replace("value / 2", "value == value"), encoding="utf-8")
        self.assert_finding("src/base/math.cc:2: both sides of operator are equivalent",
                            "--build", self.tree / "build")


if __name__ == "__main__":
    fixture.main()
