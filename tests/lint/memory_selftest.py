#!/usr/bin/env python3
"""Proves that bench/memory reads, judges and prints figures rightly, that it undoes what it changes,
and that its programs tell what its rows need. Runs under libc's malloc alone."""
import json
import math
import os
import pathlib
import unittest
from unittest import mock

import fixture
from bench_fixture import BenchTest, rows_document
from benchlib import memory_report, memory_rows, rows, rows_run  # noqa: E402


def document(told, **more):
    return rows_document(told, **{"rounds": 2, "scale": 1, **more})


def idle(kib):
    return [{"held_kib": value, "mappings": 30} for value in kib]


class Figures(unittest.TestCase):
    def find(self, name):
        runs = memory_rows.every_run(memory_rows.Scale())
        return next(run for run in runs if run.name == name)

    def test_reads_output(self):
        told, course = rows_run.read_output("pid 3\nheld_kib -12\nround 200 100\nround 300 100\n")
        self.assertEqual(told["held_kib"], -12)
        self.assertEqual(course, [2, 3])
        self.assertEqual(told["fragmentation_worst"], 3)

    def test_first_rounds_do_not_count(self):
        text = "".join(f"round {900 if i < 10 else 100 + i} 100\n" for i in range(13))
        told, _ = rows_run.read_output(text)
        self.assertAlmostEqual(told["fragmentation_median"], 1.11)
        self.assertAlmostEqual(told["fragmentation_worst"], 1.12)

    def test_base_is_taken_off(self):
        run = self.find("footprint-threads")
        told = {"threads-nothing": {"libc": [{"dirty_kib": 1000}]},
                run.name: {"ashlar": [{"dirty_kib": 1500}, {"dirty_kib": 1700}]}}
        self.assertAlmostEqual(memory_report.values(run, run.figures[0], told)["ashlar"].median, 6)
        del told["threads-nothing"]
        self.assertEqual(memory_report.values(run, run.figures[0], told), {})

    def test_who_gave_up_took_longest(self):
        run = self.find("realloc-mib")
        told = {run.name: {"libc": [{"us": 5000000, "finished": 0, "peak_kib": 3, "size_kib": 2}]}}
        value = memory_report.values(run, run.figures[0], told)["libc"]
        self.assertTrue(math.isinf(value.median))
        self.assertEqual(value.text(run.figures[0]), "> 5")

    def test_small_differences_do_not_count(self):
        figure = self.find("idle-4-own").figures[0]
        own = rows.Value(10.0, 0.1)
        self.assertTrue(memory_report.is_leaner(rows.Value(8.0, 0.1), own, figure))
        self.assertFalse(memory_report.is_leaner(rows.Value(9.9, 0.0), own, figure))
        self.assertFalse(memory_report.is_leaner(rows.Value(8.0, 3.0), own, figure))

    def test_names_are_unique_and_groups_known(self):
        runs = memory_rows.every_run(memory_rows.Scale())
        self.assertEqual(len({run.name for run in runs}), len(runs))
        for run in runs:
            self.assertEqual(len({figure.name for figure in run.figures}), len(run.figures))
            for figure in run.figures:
                self.assertIn(figure.group, memory_rows.GROUPS)
                self.assertIn(figure.base, {None, *(other.name for other in runs)})


class HugePages(fixture.ToolTest):
    def test_comes_back(self):
        path = self.write("enabled", "always [madvise] never\n")
        with mock.patch.object(rows_run, "THP", path):
            with self.assertRaises(ZeroDivisionError), rows_run.huge_pages("always"):
                self.assertEqual(path.read_text(), "always")
                raise ZeroDivisionError
        self.assertEqual(path.read_text(), "madvise")

    def test_says_why_not(self):
        missing = self.tree / "none"
        runs = [run for run in memory_rows.every_run(memory_rows.Scale()) if run.thp]
        with mock.patch.object(rows_run, "THP", missing):
            found = rows_run.measure_all(runs, [], 1, mock.Mock())
        self.assertEqual(set(found["not_run"].values()), {"not run: needs root"})
        self.assertFalse(missing.exists())


class Script(BenchTest):
    script = "memory"

    def test_tells_what_is_missed(self):
        told = {"idle-4-own": {"libc": idle([4096, 4096]), "ashlar": idle([40960, 40960])}}
        status, output, _ = self.report(document(told))
        self.assertEqual(status, 0)
        self.assertIn("ashlar: idle, 4 threads, each frees its own, MiB: 40.0; bound 20", output)
        self.assertIn("MiB: 40.0; libc 4.0", output)
        told["idle-4-own"]["ashlar"] = idle([2048, 2048])
        _, output, _ = self.report(document(told))
        self.assertNotIn("ashlar:", output)
        self.assertEqual(output.count("none"), 2)

    def test_failures(self):
        told = {"idle-4-own": {"libc": idle([4096])}}
        status, output, errors = self.report(document(told, failures=["idle-4-own: signal"]))
        self.assertEqual(status, 1)
        self.assertIn("failed: idle-4-own: signal", errors)
        self.assertRegex(output, r"frees its own, MiB +failed +4\.0")

    def test_not_run(self):
        content = document({}, runs=["thp-always-idle"])
        content["not_run"]["thp-always-idle"] = "not run: needs root"
        self.assertIn("not run: needs root", self.report(content)[1])

    def test_bad_input(self):
        self.assert_no_documents(({}, [], {"scale": 1, "runs": 3}), "memory: --from")
        self.assertEqual(self.run_script("--only", "(")[0], 2)
        self.assertEqual(self.run_script("--rounds", "-1")[0], 2)
        self.assertIn("matches no run", self.run_script("--only", "nothing like it")[2])

    def test_update(self):
        content = document({"idle-4-own": {"libc": idle([4096]), "ashlar": idle([2048])}})
        self.assert_update(content,
                           "| 4 threads, each frees its own, MiB | 2.0 | 4.0 | 4.0 libc | 20 |")

    def test_pictures(self):
        curve = {"libc": [[-0.1, 5.0], [0.0, 9.0], [1.5, 9.0]], "ashlar": [[0.0, 9.0], [1.5, 1.0]]}
        content = document({}, courses={"idle-4-own": curve, "fragmentation": {
            "libc": [1.5, 2.0, 1.9], "ashlar": [1.2, 1.3, 1.2]}})
        self.draw(content, "fragmentation.svg", "idle.svg")

    def test_programs_tell_what_rows_need(self):
        result = self.tree / "result.json"
        status, output, errors = self.run_script(
            "--allocators", "libc", "--scale", 256, "--rounds", 1, "--json", result, "--only",
            "^(idle-4-own|trim-4|realloc|calloc|buffer|footprint|overhead|waste|fragm|mapping)")
        self.assertEqual(status, 0, errors)
        self.assertNotIn("failed", output)
        content = json.loads(result.read_text(encoding="utf-8"))
        course = content["courses"]["idle-4-own"]["libc"]
        self.assertGreater(course[-1][0], 1.2)
        self.assertGreater(len(course), 20)
        held = content["told"]["idle-4-own"]["libc"][0]
        self.assertLess(abs(course[-1][1] - held["held_kib"] / 1024), 2)
        self.assertGreater(held["full_kib"], 1900)
        dirty = {name: content["told"][name]["libc"][0]["dirty_kib"]
                 for name in ("footprint-nothing", "footprint-1m")}
        self.assertGreater(dirty["footprint-1m"] - dirty["footprint-nothing"], 1000)
        shrunk = content["told"]["realloc-shrink"]["libc"][0]["held_kib"]
        self.assertLess(shrunk, 2048)


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    pathlib.Path(fixture.ROOT / "build").mkdir(exist_ok=True)
    unittest.main(argv=["selftest"])
