#!/usr/bin/env python3
"""Proves that tools/check_exports finds what it is for, on small libraries made for it."""
import subprocess

import fixture

GOOD = """\
#include <unistd.h>
__attribute__((weak)) void runtime_part(void);
void* mi_malloc(unsigned long size) { if (runtime_part) runtime_part(); return (void*)(size + getpid()); }
void* malloc(unsigned long size) { return mi_malloc(size); }
__attribute__((visibility("hidden"))) void inner(void) {}
"""


class CheckExports(fixture.ToolTest):
    tool = "check_exports"

    def judge(self, code, *link):
        source = self.write("library.c", code)
        library = self.tree / "libashlar.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", source, "-o", library, *link], check=True)
        return library

    def setUp(self):
        super().setUp()
        self.write("include/mimalloc.h", "typedef void mi_fun(int);\n#define mi_macro(x) mi_malloc(x)\n"
                                         "struct mi_thing { mi_thing(int); };\n#define mi_hint(x)\n"
                                         "static inline void mi_inline(int* p) { *p = 0; }\n"
                                         "void* mi_malloc(unsigned long size) mi_hint(1);\n")
        self.write("tools/exports.txt", "# names\n?mi_*\nmalloc\n?free\n")

    def test_good_library(self):
        self.assert_clean(self.judge(GOOD))

    def test_leaked_name(self):
        library = self.judge(GOOD + "void outer(void) {}\n")
        self.assert_finding("libashlar.so:0: exports outer;", library)

    def test_missing_name(self):
        library = self.judge(GOOD.replace("void* malloc", "void* free"))
        self.assert_finding("libashlar.so:0: does not export malloc", library)

    def test_undeclared_name(self):
        library = self.judge(GOOD + "void mi_secret(void) {}\n")
        self.assert_finding("libashlar.so:0: exports mi_secret, which no header", library)

    def test_declared_name(self):
        self.write("include/more.h", "void mi_promise(void);\n")
        library = self.judge(GOOD)
        self.assert_finding("libashlar.so:0: does not export mi_promise, which a header", library)

    def test_strong_symbol(self):
        library = self.judge(GOOD.replace("__attribute__((weak)) ", ""))
        self.assert_finding("libashlar.so:0: needs the strong symbol runtime_part", library)

    def test_process_wide_functions(self):
        for call in ("prctl(41, 1, 0, 0, 0)", "setrlimit(3, 0)", "sigset(10, 0)", "personality(0)"):
            library = self.judge(GOOD + f"void* calloc(unsigned long n, unsigned long m) {{ return (void*)(long){call}; }}\n")
            self.write("tools/exports.txt", "?mi_*\nmalloc\n?calloc\n")
            name = call.split("(")[0]
            self.assert_finding(f"libashlar.so:0: needs {name}, which changes the whole process", library)

    def test_needed_library(self):
        library = self.judge(GOOD, "-Wl,--no-as-needed", "-lm")
        self.assert_finding("libashlar.so:0: needs libm.so.6", library)
        self.assert_finding("libashlar.so:0: ldd shows libm.so.6", library)

    def test_no_library(self):
        status, output = self.check(self.tree / "none.so")
        self.assertNotEqual(status, 0)
        self.assertIn("build it first", output)


if __name__ == "__main__":
    fixture.main()
