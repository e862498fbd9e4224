#!/usr/bin/env python3
"""Proves that tools/check_options finds what it is for, on a small tree and a small table."""
import fixture

TABLE = """\
| # | name | acts |
| 0 | `show_errors` | on or off | print | at once |
| 1 | `os_tag` | number | a tag | no |
"""
READER = "bool is_on() { return option_is_enabled(Option::kShowErrors); }  // not Option::kOsTag\n"


class CheckOptions(fixture.ToolTest):
    tool = "check_options"

    def setUp(self):
        super().setUp()
        self.program = self.write("print", "#!/bin/sh\ncat <<'END'\n" + TABLE + "END\n")
        self.program.chmod(0o755)
        self.write("docs/options.md", TABLE)
        self.write("src/support/messages.cc", READER)
        self.write("src/support/option_table.h", "Option::kOsTag, Option::kShowErrors\n")

    def test_good_tree(self):
        self.assert_clean(self.program)

    def test_old_document(self):
        document = self.write("docs/options.md", TABLE.replace("a tag", "the tag"))
        self.assert_finding("docs/options.md:1: not what the table", self.program)
        self.assert_clean("--update", self.program)
        self.assertEqual(document.read_text(encoding="utf-8"), TABLE)

    def test_effect_that_is_not_told(self):
        self.write("src/os/tag.cc", "long tag() { return option_get(Option::kOsTag); }\n")
        self.assert_finding("src/support/option_table.h:1: kOsTag is read", self.program)

    def test_promise_that_is_not_kept(self):
        self.write("src/support/messages.cc", "")
        self.assert_finding("src/support/option_table.h:1: kShowErrors is read nowhere", self.program)


if __name__ == "__main__":
    fixture.main()
