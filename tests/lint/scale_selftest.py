#!/usr/bin/env python3
"""Proves that bench/scale reads, judges, prints and draws figures rightly, and that its programs
tell what its lines need. Runs under libc's malloc alone."""
import json
import os
import pathlib
import subprocess
import unittest
from unittest import mock

import fixture
from bench_fixture import BenchTest, rows_document
from benchlib import measure, rows_run, scale_report, scale_rows  # noqa: E402

SETTINGS = {"scale": 1, "limit_mib": 4096}


def document(told, **more):
    return rows_document(told, **{"rounds": 1, **SETTINGS, **more})


def thread_runs(**by_name):
    """Points of the line about threads: an allocator's nanoseconds at 1, 2, 4, ... threads."""
    told = {}
    for name, course in by_name.items():
        for power, ns in enumerate(course):
            numbers = [{"operation_ps": ns * 1000, "resident_kib": 100 * 2**power}]
            told.setdefault(f"threads-{2**power}", {})[name] = \
                [{"ended": -ns}] if ns < 0 else numbers
    return told


def runs_of(content):
    return [run for run in scale_rows.every_run(SETTINGS) if run.name in content["runs"]]


class Rows(unittest.TestCase):
    def test_names_are_unique(self):
        runs = scale_rows.every_run(SETTINGS)
        self.assertEqual(len({run.name for run in runs}), len(runs))
        for line in scale_rows.lines(SETTINGS):
            names = [figure.name for figure in line.figures]
            self.assertEqual(len(set(names)), len(names))
            self.assertLessEqual(set(line.drawn), set(names))

    def test_each_point_follows_the_one_before(self):
        for line in scale_rows.lines(SETTINGS):
            before = [None, *[point.name for point in line.points]]
            self.assertEqual([point.after for point in line.points], before[:-1])

    def test_data_stays_within_the_limit(self):
        def last(mib):
            return scale_rows.data(1, mib).points[-1].label
        self.assertEqual(last(11000), "2 GiB")
        self.assertEqual(last(2047), "256 MiB")
        self.assertEqual(last(16384), "16 GiB")

    def test_each_point_has_its_own_share(self):
        point = scale_rows.threads(1, 1).points[2]
        self.assertEqual(point.figures[1].value({"resident_kib": 100}), 25)


class Endings(unittest.TestCase):
    def measure(self, outcomes):
        """What measure_all makes of threads-1, -2, -4, where the programs tell such numbers."""
        points = scale_rows.threads(1, 1).points[:3]
        names = sorted({name for _, name in outcomes})
        everyone = [mock.Mock(library="") for _ in names]
        for allocator, name in zip(everyone, names):
            allocator.name = name

        def run_once(run, allocator):
            outcome = outcomes[run.x, allocator.name]
            if outcome is None:
                raise measure.RunError("signal")
            return outcome, []

        with mock.patch.object(rows_run, "run_once", run_once):
            return rows_run.measure_all(points, everyone, 2, mock.Mock())

    def test_no_point_after_an_ended_one(self):
        fine = {"operation_ps": 1, "resident_kib": 1}
        found = self.measure({(1, "libc"): fine, (2, "libc"): {"ended": 2}})
        self.assertEqual(found["told"]["threads-4"], {})
        self.assertEqual(found["failures"], [])

    def test_no_point_after_a_failed_one(self):
        found = self.measure({(1, "libc"): None})
        self.assertEqual(found["told"], {"threads-1": {}, "threads-2": {}, "threads-4": {}})
        self.assertEqual(len(found["failures"]), 1)

    def test_says_why(self):
        content = document(thread_runs(libc=[10, 10, 10], ashlar=[10, -2]))
        runs = runs_of(content)
        self.assertEqual(scale_report.endings(content, runs),
                         ["ashlar, threads at 2: more memory than the machine can spare"])
        text = scale_report.text(content, runs, False)
        self.assertRegex(text, r"\n2 +ended +10\.0\n4 +10\.0\n")

    def test_failed_is_not_ended(self):
        content = document(thread_runs(libc=[10, 10], ashlar=[10]))
        self.assertRegex(scale_report.text(content, runs_of(content), False),
                         r"\n2 +failed +10\.0\n")

    def test_who_lacks_the_calls_has_no_column(self):
        heap = {"turn_ps": 1000, "make_ps": 1, "delete_ps": 1, "heap_bytes": 1}
        content = document({"heaps-1": {"libc": [{"ended": 4}], "ashlar": [heap]}})
        text = scale_report.text(content, runs_of(content), False)
        self.assertRegex(text, r"\nheaps +ashlar\n")
        self.assertNotIn("end early", text)


class Bends(unittest.TestCase):
    def bends(self, **by_name):
        content = document(thread_runs(**by_name))
        return scale_report.bends(content, runs_of(content))

    def test_flat(self):
        self.assertEqual(self.bends(ashlar=[10, 10, 11, 19], libc=[10, 10, 10, 10]), [])

    def test_bent(self):
        found = self.bends(ashlar=[10, 10, 20, 40], libc=[10, 10, 10, 12], tbb=[10, 20, 40, 80])
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].endswith("10.0 at 1, 40.0 at 8: 4.0 times; libc 1.2 times"),
                        found)

    def test_as_others_do(self):
        self.assertEqual(self.bends(ashlar=[10, 10, 20, 40], libc=[10, 10, 20, 30]), [])

    def test_first_steps_are_no_measure(self):
        found = self.bends(ashlar=[90, 10, 20, 40], libc=[10, 10, 10, 10])
        self.assertIn("10.0 at 2, 40.0 at 8", found[0])

    def test_who_ended_early_is_no_measure(self):
        found = self.bends(ashlar=[10, 10, 20, 40], libc=[10, 10, 20, 40], tbb=[10, 10, -1])
        self.assertEqual(found, [])


class Script(BenchTest):
    script = "scale"

    def test_bad_input(self):
        self.assert_no_documents(({}, [], {"scale": 1, "runs": 3}), "scale: --from")
        self.assertEqual(self.run_script("--rounds", "0")[0], 2)
        self.assertIn("matches no run", self.run_script("--only", "nothing like it")[2])

    def test_update(self):
        content = document(thread_runs(libc=[10, 10], ashlar=[12, 13]))
        self.assert_update(content,
                           "| 2 | 13.0 | 10.0 |")

    def test_pictures(self):
        latency = {f"{call}_{name}": 20 + index for call in scale_rows.CALLS
                   for index, name in enumerate((*scale_rows.PERCENTILES, "worst", "over10",
                                                 "over100", "calls"))}
        latency["faults"] = 1
        content = document({**thread_runs(libc=[10, 10], ashlar=[12, 13]),
                            "latency-1": {"libc": [latency], "ashlar": [latency]}})
        self.draw(content, "latency.svg", "threads.svg")

    def test_programs_tell_what_lines_need(self):
        result = self.tree / "result.json"
        status, output, errors = self.run_script(
            "--allocators", "libc", "--scale", 1000, "--rounds", 1, "--json", result, "--only",
            "^(threads-[12]|pages-10?|data-(1|8|4096)|reserve-1|heaps-1|latency-[14])$")
        self.assertEqual(status, 0, errors)
        self.assertNotIn("failed", output)
        content = json.loads(result.read_text(encoding="utf-8"))
        told = {name: by_name["libc"][0] for name, by_name in content["told"].items()}
        self.assertEqual(told["heaps-1"], {"pid": told["heaps-1"]["pid"], "ended": 4})
        self.assertGreater(told["data-4096"]["resident_kib"], 4000)
        self.assertGreater(told["pages-10"]["full_kib"], 10 * 8 * 4)
        self.assertLess(abs(told["pages-10"]["sparse_pages"] - 10), 3)
        self.assertLess(told["reserve-1"]["resident_kib"], 4096)
        for name, numbers in told.items():
            if name.startswith("latency"):
                for call in scale_rows.CALLS:
                    course = [numbers[f"{call}_{key}"] for key in scale_rows.PERCENTILES]
                    self.assertEqual(course, sorted(course))
                    self.assertLessEqual(0.98 * course[-1], numbers[f"{call}_worst"])
        drawn = {panel["title"] for panels in content["curves"].values() for panel in panels}
        self.assertIn("malloc, 4 threads", drawn)

    def test_a_program_stops_at_the_limit(self):
        done = subprocess.run([measure.BUILD / "scale_data", "65536", "10", "1"], text=True,
                              capture_output=True, check=True, timeout=60)
        self.assertRegex(done.stdout, r"(?m)^ended 2$")


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    pathlib.Path(fixture.ROOT / "build").mkdir(exist_ok=True)
    measure.build_workloads("bench_scale", "bench_launch")
    unittest.main(argv=["selftest"])
