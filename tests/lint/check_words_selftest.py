#!/usr/bin/env python3
"""Proves that tools/check_words finds what it is for, on small trees made for it."""
import fixture


class CheckWords(fixture.ToolTest):
    tool = "check_words"

    def test_good_tree(self):
        self.write("src/page/page.h", "// A stubborn page; hacksaws and todos are fine words.\n")
        self.assert_clean()

    def test_words(self):
        for word in ("TODO", "FIXME", "XXX", "HACK", "stub", "Placeholder", "benign race", "benign races"):
            for path in ("src/page/page.h", "include/mimalloc.h", "cli/main.cc", "src/page/README.md"):
                target = self.write(path, f"\n// some {word} here\n")
                self.assert_finding(f"{path}:2: '{word}'")
                target.unlink()


if __name__ == "__main__":
    fixture.main()
