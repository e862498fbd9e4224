#!/usr/bin/env python3
"""Proves that tools/check_layers finds what it is for, on small trees made for it."""
import fixture


class CheckLayers(fixture.ToolTest):
    tool = "check_layers"

    def setUp(self):
        super().setUp()
        self.write("src/base/math.h", "#pragma once\n#include <cstdint>\n")
        self.write("src/os/memory.h", '#pragma once\n#include <sys/mman.h>\n#include "base/math.h"\n')
        self.write("src/harden/canary.h", '#pragma once\n#include "os/memory.h"\n')
        self.write("src/support/text.h", '#pragma once\n#include "os/memory.h"\n#include <string.h>\n')
        self.write("src/arena/bitmap.h", '#pragma once\n#include "support/text.h"\n')
        self.write("src/page/page.h", '#pragma once\n#include "harden/canary.h"\n#include "arena/bitmap.h"\n')
        self.write("include/mimalloc.h", "#pragma once\n")
        self.write("src/api/c.cc", '#include <mimalloc.h>\n#include "page/page.h"\n')

    def test_good_tree(self):
        self.assert_clean()

    def test_upward_include(self):
        self.write("src/base/math.h", '#pragma once\n\n#include "arena/bitmap.h"\n')
        self.assert_finding("src/base/math.h:3: base may not include arena")

    def test_sideways_include(self):
        self.write("src/harden/canary.h", '#include "support/text.h"\n')
        self.assert_finding("src/harden/canary.h:1: harden may not include support")

    def test_unknown_room(self):
        self.write("src/kitchen/sink.h", "#pragma once\n")
        self.assert_finding("src/kitchen/sink.h:1: src/kitchen is not a room")

    def test_include_of_unknown_room(self):
        self.write("src/page/page.h", '#include "kitchen/sink.h"\n')
        self.assert_finding('src/page/page.h:1: "kitchen/sink.h" is in no known room')

    def test_missing_file(self):
        self.write("src/page/page.h", '#include "base/none.h"\n')
        self.assert_finding('src/page/page.h:1: "base/none.h" does not exist')

    def test_path_beside(self):
        self.write("src/arena/run.h", '#include "bitmap.h"\n')
        self.assert_finding('src/arena/run.h:1: "bitmap.h" is not a path relative to src/')
        self.write("src/arena/run.h", '#include "../base/math.h"\n')
        self.assert_finding('src/arena/run.h:1: "../base/math.h" is not a path relative to src/')

    def test_public_header(self):
        for text in ("#include <mimalloc.h>\n", '#include "mimalloc.h"\n'):
            self.write("src/page/page.h", text)
            self.assert_finding('src/page/page.h:1: the public header "mimalloc.h"')

    def test_library_header(self):
        self.write("src/page/page.h", "#include <vector>\n")
        self.assert_finding("src/page/page.h:1: <vector> is neither")

    def test_c_header(self):
        self.write("src/page/page.h", "#include <string.h>\n")
        self.assert_finding("src/page/page.h:1: <string.h> is a C or system header")

    def test_condition(self):
        self.write("src/page/page.h", "#pragma once\n#if 1\n#endif\n")
        self.assert_finding("src/page/page.h:2: #if outside src/policy and src/os")
        self.write("src/page/page.h", "#pragma once\n#  ifdef __clang__\n#endif\n")
        self.assert_finding("src/page/page.h:2: #ifdef outside")

    def test_condition_where_allowed(self):
        self.write("src/policy/config.h", "#ifdef X\n#endif\n")
        self.write("src/os/system.h", "#ifdef X\n#endif\n")
        self.assert_clean()

    def test_comments_are_not_code(self):
        self.write("src/page/page.h", '// #if 1\n/*\n#include <vector>\n#include "arena/none.h"\n*/\n')
        self.assert_clean()

    def test_computed_include(self):
        self.write("src/page/page.h", "#include HEADER\n")
        self.assert_finding("src/page/page.h:1: #include HEADER: name the header itself")


if __name__ == "__main__":
    fixture.main()
