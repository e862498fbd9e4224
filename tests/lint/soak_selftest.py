#!/usr/bin/env python3
"""Proves that tools/soak draws from what is built, stops at a failure and says how to repeat it."""
import subprocess
import unittest

import fixture

MOMENT = "0.005"  # minutes


class Soak(fixture.ToolTest):
    tool = "soak"

    def program(self, name, body, preset="release"):
        """A stress program that notes its arguments, and then does what the body says."""
        path = self.write(f"build/{preset}/tests/{name}_stress",
                          f'#!/bin/sh\necho "{preset} {name} $*" >>"{self.tree}/log"\n{body}\n')
        path.chmod(0o755)

    def log(self):
        return (self.tree / "log").read_text(encoding="utf-8").splitlines()

    def test_all_goes_well(self):
        self.program("good", "sleep 0.01")
        status, output = self.check(MOMENT)
        self.assertEqual(status, 0, output)
        self.assertIn("all went well", output)
        self.assertGreater(len(self.log()), 1)
        seeds = {line.split()[3] for line in self.log()}
        self.assertEqual(len(seeds), len(self.log()), "a seed of its own for each run")
        for line in self.log():
            self.assertRegex(line, r"^release good --seed [1-9]\d* --threads \d+ --seconds 5$")
            self.assertTrue(1 <= int(line.split()[5]) <= 64, line)

    def test_stops_at_the_first_failure_and_says_how_to_repeat_it(self):
        self.program("bad", "echo lost a page; exit 7")
        status, output = self.check("1")
        self.assertEqual(status, 1, output)
        self.assertEqual(len(self.log()), 1)
        self.assertIn("bad_stress of preset release ended with 7", output)
        self.assertIn("lost a page", output)
        command = output.splitlines()[-1].strip()
        again = subprocess.run(command, shell=True, cwd=self.tree, check=False, capture_output=True)
        self.assertEqual(again.returncode, 7, command)
        first, second = self.log()
        self.assertEqual(first, second, "the same arguments")

    def test_a_signal_is_a_failure(self):
        self.program("crash", "kill -SEGV $$")
        status, output = self.check("1")
        self.assertEqual(status, 1, output)
        self.assertIn("ended with -11", output)

    def test_the_command_sets_what_a_sanitizer_needs(self):
        self.program("race", 'test -z "$TSAN_OPTIONS"', "tsan")
        status, output = self.check("1")
        self.assertEqual(status, 1, output)
        self.assertRegex(output.splitlines()[-1], r"^  TSAN_OPTIONS=\S*halt_on_error=1\S* build/tsan/tests/race_stress ")

    def test_a_seed_repeats_the_order(self):
        for name in ("one", "two", "three"):
            self.program(name, "sleep 0.01")
            self.program(name, "sleep 0.01", "debug")
        self.assert_clean(MOMENT, "--seed", "11")
        first = self.log()
        (self.tree / "log").unlink()
        self.assert_clean(MOMENT, "--seed", "11")
        both = min(len(first), len(self.log()))
        self.assertGreater(both, 3)
        self.assertEqual(first[:both], self.log()[:both])
        self.assertGreater(len({line.split()[1] for line in first}), 1)

    def test_presets_and_threads_are_chosen(self):
        self.program("good", "sleep 0.01")
        self.program("good", "sleep 0.01", "schedule")
        self.program("good", "exit 1", "asan")
        self.assert_clean(MOMENT, "--preset", "schedule", "--threads", "3,8-9", "--seconds", "0.5")
        for line in self.log():
            self.assertRegex(line, r"^schedule good --seed \d+ --threads [389] --seconds 0\.5$")
        (self.tree / "log").unlink()
        self.assert_clean(MOMENT)
        self.assertFalse([line for line in self.log() if line.startswith("asan")], "only by name")

    def test_bad_usage(self):
        self.assertEqual(self.check("1")[0], 2, "nothing is built")
        self.program("good", "exit 0")
        for arguments in (["1", "--preset", "tsan"], ["1", "--threads", "0"], ["1", "--threads", "65"],
                          ["1", "--threads", "x"], ["-1"], [], ["soon"]):
            self.assertEqual(self.check(*arguments)[0], 2, arguments)

    def test_help(self):
        result = self.run_tool("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("Exit status", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=["selftest"])
