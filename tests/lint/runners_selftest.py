#!/usr/bin/env python3
"""Proves that run_misuse and summarise, which judge the other tests, see failures."""
import pathlib
import subprocess
import unittest

import fixture

HERE = pathlib.Path(__file__).resolve().parents[1]


class RunMisuse(fixture.ToolTest):
    def judge(self, script, expect, profile="release", *arguments):
        program = self.write("program", "#!/bin/sh\n" + script)
        program.chmod(0o755)
        expectation = self.write("program.expect", expect)
        result = subprocess.run([HERE / "misuse" / "run_misuse", "--profile", profile, "--expect",
                                 expectation, *arguments, program], text=True, capture_output=True, check=False)
        return result.returncode, result.stdout + result.stderr

    def test_status(self):
        self.assertEqual(self.judge("exit 3", "release: 3: nothing\n")[0], 0)
        status, output = self.judge("exit 3", "\nrelease: 0: nothing\n")
        self.assertEqual(status, 1)
        self.assertIn("program.expect:2: ended with 3, expected 0", output)

    def test_signal(self):
        self.assertEqual(self.judge("kill -ABRT $$", "any: SIGABRT: nothing\n")[0], 0)
        self.assertEqual(self.judge("kill -SEGV $$", "any: SIGABRT: nothing\n")[0], 1)
        self.assertEqual(self.judge("exit 0", "any: SIGABRT: nothing\n")[0], 1)

    def test_message(self):
        script = "echo 'ashlar: error: double free of 0x10' >&2"
        self.assertEqual(self.judge(script, "any: 0: double free of 0x[0-9a-f]+$\n")[0], 0)
        self.assertEqual(self.judge(script, "any: 0: invalid pointer\n")[0], 1)
        self.assertEqual(self.judge(script, "any: 0: nothing\n")[0], 1)

    def test_profiles(self):
        expect = "# three profiles\nrelease: 0: nothing\nany: 1: nothing\n"
        self.assertEqual(self.judge("exit 0", expect)[0], 0)
        self.assertEqual(self.judge("exit 1", expect, "secure")[0], 0)
        status, output = self.judge("exit 0", "release: 0: nothing\n", "debug")
        self.assertNotEqual(status, 0)
        self.assertIn("says nothing about profile debug", output)

    def test_environment_and_several_runs(self):
        script = 'if [ -n "$MIMALLOC_SHOW_ERRORS" ]; then echo seen >&2; fi'
        expect = "release: 0: nothing\nrelease MIMALLOC_SHOW_ERRORS=1: 0: ^seen$\n"
        status, output = self.judge(script, expect)
        self.assertEqual(status, 0, output)
        self.assertIn("2 of 2", output)
        self.assertEqual(self.judge("", expect)[0], 1)

    def test_hangs(self):
        status, output = self.judge("exec sleep 30", "any: 0: nothing\n", "release", "--timeout", "0.2")
        self.assertEqual(status, 1)
        self.assertIn("still running", output)

    def test_bad_expectations(self):
        for expect in ("release 0 nothing\n", "fast: 0: nothing\n", "any: SIGNOTHING: nothing\n",
                       "any NAME: 0: nothing\n", "any: 0: (\n", ""):
            self.assertNotEqual(self.judge("exit 0", expect)[0], 0, expect)


class Summarise(fixture.ToolTest):
    GTEST = '<testsuites><testsuite name="S">{}</testsuite></testsuites>'
    PASSED = '<testcase name="a" classname="S" status="run" result="completed"/>'
    FAILED = ('<testcase name="b" classname="S" status="run" result="completed">'
              '<failure message="x.cc:3&#x0A;Expected: 1"/></testcase>')
    SKIPPED = ('<testcase name="c" classname="S" status="run" result="skipped">'
               '<skipped message="no"/></testcase>')
    DISABLED = '<testcase name="d" classname="S" status="notrun" result="suppressed"/>'

    def judge(self, junit, **reports):
        self.write("junit.xml", f"<testsuite>{junit}</testsuite>")
        for name, cases in reports.items():
            self.write(f"gtest/{name}.xml", self.GTEST.format(cases))
        result = subprocess.run([HERE / "summarise", self.tree], text=True, capture_output=True, check=True)
        first, *rest = result.stdout.splitlines()
        return first, rest

    def test_plain_entries(self):
        first, rest = self.judge('<testcase name="x" status="run"/><testcase name="y" status="fail">'
                                 '<failure message="Timeout"/><system-out>one\ntwo\n</system-out></testcase>')
        self.assertEqual(first, "1 1")
        self.assertEqual(rest, ["y: Timeout: two"])

    def test_cases(self):
        first, rest = self.judge('<testcase name="p" status="fail"/>',
                                 p=self.PASSED * 3 + self.FAILED + self.SKIPPED + self.DISABLED)
        self.assertEqual(first, "3 3")
        self.assertEqual(rest[0], "p: S.b: x.cc:3 | Expected: 1")
        self.assertIn("did not run", rest[1])
        self.assertIn("did not run", rest[2])

    def test_crash_after_the_cases(self):
        first, rest = self.judge('<testcase name="p" status="fail"/>', p=self.PASSED)
        self.assertEqual(first, "1 1")
        self.assertIn("did not end well", rest[0])

    def test_crash_without_report(self):
        first, rest = self.judge('<testcase name="p" status="fail"><failure message="SEGFAULT"/></testcase>')
        self.assertEqual(first, "0 1")
        self.assertEqual(rest, ["p: SEGFAULT"])


if __name__ == "__main__":
    unittest.main(argv=["selftest"])
