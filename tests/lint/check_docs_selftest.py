#!/usr/bin/env python3
"""Proves that tools/check_docs finds what it is for, on small trees made for it."""
import fixture


class CheckDocs(fixture.ToolTest):
    tool = "check_docs"

    def setUp(self):
        super().setUp()
        self.write("src/page/page.h", "class PageQueue { void collect_remote(); };\nconstexpr int kPageSize = 1;\n")
        self.write("tools/install", "#!/bin/sh\n")
        self.write("docs/GLOSSARY.md", "# Words\n")

    def test_good_tree(self):
        self.write("README.md", """\
            `src/page/page.h`, `src/page/`, `tools/install test`, `./tools/install`, `src/<room>/*.h`,
            `src/{page}/page.h`, `PageQueue`, `ashlar::PageQueue`, `collect_remote()`, `kPageSize`,
            `madvise()`, `malloc(n)`, `x86-64`, `a || b`, `GLOSSARY` and [words](docs/GLOSSARY.md#top).
            """)
        self.write("src/page/README.md", "`page.h` and `src/page/page.h`\n")
        self.assert_clean()

    def test_missing(self):
        for span in ("src/page/gone.h", "./gone", "tools/gone --help", "src/*/gone.h", "GONE.md",
                     "src/{page,gone}/page.h", "PageStack", "ashlar::PageStack", "collect_local()",
                     "kPageCount", "kActive"):
            self.write("docs/design.md", f"one\n`{span}` is gone\n")
            self.assert_finding(f"docs/design.md:2: `{span}`: ")

    def test_fenced_text_is_left_alone(self):
        self.write("README.md", "```\n`src/page/gone.h`\n```\n")
        self.assert_clean()

    def test_link(self):
        self.write("README.md", "\n\n[words](docs/GONE.md)\n")
        self.assert_finding("README.md:3: the link's target docs/GONE.md does not exist")


if __name__ == "__main__":
    fixture.main()
