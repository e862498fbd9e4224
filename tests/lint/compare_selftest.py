#!/usr/bin/env python3
"""Proves that bench/compare judges, prints and draws figures rightly, that the limit is never a
peer and is a malloc that programs can run on, and that what is missing fails nothing. Measures
nothing."""
import argparse
import os
import shutil
import subprocess
import sys
import unittest
from unittest import mock

import fixture
from bench_fixture import BENCH, MACHINE, BenchTest
from benchlib import allocators, compare_report, measure, programs  # noqa: E402
from benchlib import selection, verdict, workloads  # noqa: E402

ORDER = ["libc", "ashlar", "fast", "lean", "limit"]


def run_of(time, peak):
    return {"wall": time, "user": time / 2, "system": time / 4, "peak_kib": peak}


def document(figures, **more):
    """figures: workload -> allocator -> (time, peak), as ratios to libc's."""
    runs = {workload: {"libc": [run_of(1, 1000)] * 2,
                       **{name: [run_of(time, 1000 * peak)] * 2
                          for name, (time, peak) in by_name.items()}}
            for workload, by_name in figures.items()}
    about = {name: {"kind": "workload", "threads": 1, "limited": True, "cpu": False}
             for name in figures}
    return {"machine": MACHINE, "rounds": 2, "quick": False, "cpu": False,
            "allocators": {name: "1" for name in ORDER}, "ours": ["ashlar"],
            "peers": ["fast", "lean"], "limit": "limit", "missing": [], "workloads": about,
            "runs": runs, "not_run": {}, "failures": [], **more}


def usual(time=0.5, peak=0.9):
    return {"ashlar": (time, peak), "fast": (0.6, 1.3), "lean": (0.8, 1.0), "limit": (0.5, 0.4)}


class Verdicts(unittest.TestCase):
    def judge(self, content):
        """The verdicts by what they are about."""
        found = {}
        for text, met in compare_report.Report(content).verdicts():
            what = text.partition(": ")[2]
            key = "limit" if "of the limit" in what else what.partition(":")[0]
            found[key] = (met, what)
        return found

    def test_all_are_met(self):
        found = self.judge(document({"one": usual(), "two": usual()}))
        self.assertEqual(len(found), 5)
        self.assertTrue(all(met for met, _ in found.values()), found)

    def test_mean_of_time(self):
        # 0.97 of the best peer's 0.6 is 0.582.
        for time, met in ((0.581, True), (0.583, False)):
            found = self.judge(document({"one": usual(time)}))["time, geometric mean"]
            self.assertEqual(found[0], met)
            self.assertIn("best peer fast 0.600", found[1])
            self.assertIn("bound 0.97", found[1])

    def test_limit(self):
        for time, met in ((0.514, True), (0.516, False)):
            self.assertEqual(self.judge(document({"one": usual(time)}))["limit"][0], met)

    def test_limit_counts_single_threads_only(self):
        content = document({"one": usual(), "two": usual(5.0)})
        self.assertFalse(self.judge(content)["limit"][0])
        content["workloads"]["two"]["threads"] = 2
        met, text = self.judge(content)["limit"]
        self.assertTrue(met)
        self.assertIn("over 1 workloads", text)

    def test_each_time(self):
        key = "time, each workload against its best peer"
        for time, met in ((0.617, True), (0.619, False)):
            found = self.judge(document({"one": usual(), "two": usual(time)}))[key]
            self.assertEqual(found[0], met)
            self.assertEqual("two 1.03 of fast" in found[1], not met)

    def test_mean_of_memory(self):
        for peak, met in ((0.999, True), (1.001, False)):
            found = self.judge(document({"one": usual(peak=peak)}))["memory, geometric mean"]
            self.assertEqual(found[0], met)
            self.assertIn("leanest peer lean 1.000", found[1])

    def test_each_memory(self):
        key = "memory, each workload against its leanest peer"
        for peak, met in ((1.09, True), (1.11, False)):
            content = document({"one": usual(), "two": usual(peak=peak)})
            self.assertEqual(self.judge(content)[key][0], met)

    def test_figures_are_judged_round_by_round(self):
        # Half of the rounds on a machine twice as slow: the ratios are what they were.
        content = document({"one": usual()})
        for runs in content["runs"]["one"].values():
            runs[1] = {name: value * 2 for name, value in runs[1].items()}
        self.assertTrue(all(met for met, _ in self.judge(content).values()))

    def test_what_failed_is_told(self):
        content = document({"one": usual(), "two": usual()})
        del content["runs"]["two"]["ashlar"]
        met, text = self.judge(content)["every workload runs; failed"]
        self.assertFalse(met)
        self.assertIn("two", text)

    def test_without_peers_or_limit(self):
        content = document({"one": usual()}, peers=[], limit=None)
        self.assertEqual(self.judge(content), {})
        content = document({"one": {"ashlar": (1, 1)}})  # they did not finish anything
        self.assertEqual(self.judge(content), {})

    def test_servers_are_judged_by_processor_time(self):
        content = document({"one": usual()})
        content["workloads"]["one"]["cpu"] = True
        for run in content["runs"]["one"]["ashlar"]:
            run["user"], run["system"] = 3, 1
        ratios = compare_report.Report(content).time.ratios["one"]
        self.assertAlmostEqual(ratios["ashlar"].median, 4 / 0.75)

    def test_doubt(self):
        self.assertEqual(verdict.Ratio(1.05, 0.01).mark(1.03), "!")
        self.assertEqual(verdict.Ratio(1.05, 0.03).mark(1.03), "?")
        self.assertEqual(verdict.Ratio(1.03, 0.00).mark(1.03), "")


class LimitIsNoPeer(unittest.TestCase):
    def test_it_is_never_the_best(self):
        text = compare_report.Report(document({"one": usual()})).text()
        self.assertIn("0.83 fast", text)
        self.assertIn("0.90 lean", text)
        for line in text.splitlines():
            self.assertFalse(line.startswith("one") and line.endswith("limit"), line)
            self.assertNotIn("peer limit", line)

    def test_others_have_means_where_it_has_none(self):
        content = document({"one": usual(), "two": usual()})
        del content["runs"]["two"]["limit"]
        content["workloads"]["two"].update(limited=False, threads=2)
        told = compare_report.Report(content)
        self.assertEqual(told.time.complete(["one", "two"]), ["one", "two"])
        self.assertAlmostEqual(told.time.mean("ashlar", ["one", "two"]), 0.5)
        self.assertIsNone(told.time.mean("limit", ["one", "two"]))
        row = next(line.split() for line in told.text().splitlines() if line.startswith("two"))
        self.assertIn("-", row)
        self.assertNotIn("failed", told.text())

    def test_where_it_should_run_its_failure_is_told(self):
        content = document({"one": usual(), "two": usual()})
        del content["runs"]["two"]["limit"]
        row = next(line for line in compare_report.Report(content).text().splitlines()
                   if line.startswith("two"))
        self.assertIn("failed", row)

    def test_it_is_chosen_like_the_others(self):
        limit = allocators.limit("/liblimit.so")
        options = argparse.Namespace(allocators="limit", lib=[], no_build=True)
        everyone, _ = selection.choose(options, limit)
        self.assertEqual([a.name for a in everyone], ["libc", "limit"])
        options.allocators = "libc"
        self.assertEqual([a.name for a in selection.choose(options, limit)[0]], ["libc"])
        options.allocators = "limit"
        with self.assertRaises(measure.RunError):  # bench/memory does not know it
            selection.choose(options)
        self.assertNotIn("limit", [name for name, _, _ in allocators.PEERS])


class LimitIsMalloc(fixture.ToolTest):
    """The calls that workloads do not make; python3 itself runs on it, in two threads."""

    CALLS = """
import ctypes, errno, threading
c = ctypes.CDLL(None, use_errno=True)
for name in ("malloc", "calloc", "realloc", "memalign", "aligned_alloc", "valloc", "pvalloc"):
    getattr(c, name).restype = ctypes.c_void_p
word, block = ctypes.c_size_t, ctypes.c_void_p
c.malloc_usable_size.restype = word
fill = lambda p, n, v: ctypes.memset(block(p), v, word(n))
same = lambda p, n, v: ctypes.string_at(p, n) == bytes([v]) * n
usable = lambda p: c.malloc_usable_size(block(p))
big = 3 << 20

def work():
    seen = {}
    for size in [0, 1, 15, 16, 17, 1023, 1024, 1025, 1280, 1281, 5000, 65537, big]:
        for p in (c.malloc(word(size)), c.malloc(word(size)), c.memalign(word(64), word(size)),
                  c.aligned_alloc(word(4096), word(size)), c.valloc(word(size))):
            assert p and p % 16 == 0 and usable(p) >= size, (size, p)
            fill(p, usable(p), len(seen) % 251)
            seen[p] = (usable(p), len(seen) % 251)
    for p, (size, value) in seen.items():
        assert same(p, size, value)
        c.free(block(p))
    for size in (1, 100, 3000, big):
        p = c.calloc(word(size), word(1))
        assert same(p, size, 0)
        fill(p, size, 7)
        c.free(block(p))
        p = c.calloc(word(1), word(size))
        assert same(p, size, 0)
        c.free(block(p))
    for alignment in (32, 64, 4096, 1 << 21):
        p = c.memalign(word(alignment), word(100))
        assert p % alignment == 0
        fill(p, 100, 9)
        size = usable(p)
        p = c.realloc(block(p), word(size + 5000))
        assert usable(p) >= size + 5000 and same(p, 100, 9)
        c.free(block(p))

work()
threads = [threading.Thread(target=work) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
p = block()
assert c.posix_memalign(ctypes.byref(p), word(3), word(8)) == errno.EINVAL
assert c.posix_memalign(ctypes.byref(p), word(4), word(8)) == errno.EINVAL
assert c.posix_memalign(ctypes.byref(p), word(256), word(8)) == 0 and p.value % 256 == 0
c.free(p)
c.free(None)
assert usable(None) == 0
assert c.realloc(block(c.malloc(word(5))), word(0)) is None
for size in ((1 << 64) - 1, 1 << 63, 1 << 45):
    ctypes.set_errno(0)
    assert c.malloc(word(size)) is None and ctypes.get_errno() == errno.ENOMEM
    assert c.memalign(word(64), word(size)) is None
assert c.calloc(word(1 << 33), word(1 << 33)) is None
assert c.posix_memalign(ctypes.byref(p), word(64), word((1 << 64) - 1)) == errno.ENOMEM
print("all well")
"""

    def test_calls(self):
        library = self.tree / "liblimit.so"
        subprocess.run([shutil.which("gcc") or "cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra",
                        "-Werror", "-fvisibility=hidden", "-fno-builtin", "-o", library,
                        BENCH / "limit" / "limit.c"], check=True)
        done = subprocess.run([sys.executable, "-c", self.CALLS], text=True, capture_output=True,
                              env={**os.environ, "LD_PRELOAD": str(library)}, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "all well\n"), done.stderr)


class Tables(unittest.TestCase):
    def test_heading_tells_versions(self):
        text = compare_report.Report(document({"one": usual()})).heading()
        for words in ("P, 2 cores", "kernel 6.1", "g++ 12", "clang 19", "lean 1", "2 rounds"):
            self.assertIn(words, text)

    def test_not_run(self):
        content = document({"one": usual(), "z3": usual()})
        content["not_run"]["z3"] = str(measure.NotInstalled("z3", "z3-package"))
        content["runs"].pop("z3")
        told = compare_report.Report(content)
        self.assertIn("Not run: z3: z3 is not installed; the package z3-package", told.heading())
        self.assertRegex(told.text(), r"(?m)^z3 +not run +not run")
        self.assertTrue(all(met for _, met in told.verdicts()))

    def test_means_by_threads(self):
        content = document({"one": usual(), "two": usual(2.0), "three": usual(4.0)})
        content["workloads"]["two"]["threads"] = 2
        content["workloads"]["three"].update(threads=0, kind="program")
        text = compare_report.Report(content).text(True)
        for label, mean in (("one thread", 0.5), ("several threads", 2.0), ("programs", 4.0),
                            ("workloads", 1.0), ("all", 1.59)):
            self.assertIn(f"| geometric mean, {label} |  | {mean:.2f} |", text)
        self.assertEqual(len([line for line in text.splitlines() if "geometric mean, " in line
                              and line.startswith("|")]), 10)

    def test_two_of_ours(self):
        content = document({"one": {**usual(), "lean": (0.3, 1.0)}}, ours=["ashlar", "lean"],
                           peers=["fast"])
        text = compare_report.Report(content).text(True)
        self.assertIn("| ashlar/best peer | lean/best peer |", text)
        self.assertIn("| 0.83 fast | 0.50 fast |", text)


class Lists(unittest.TestCase):
    def test_workloads(self):
        every = [*workloads.ALL, *programs.ALL]
        self.assertEqual(len({w.name for w in every}), len(every))
        for workload in workloads.ALL:
            source = BENCH / "workloads" / workload.program
            self.assertTrue(source.with_suffix(".cc").exists() or source.with_suffix(".c").exists())
            self.assertLessEqual(workload.smoke, workload.quick)
            self.assertLessEqual(workload.quick, workload.size)
        used = {workload.program for workload in workloads.ALL}
        for source in (BENCH / "workloads").glob("*.c*"):
            self.assertIn(source.stem, used)

    def test_threads_are_those_that_run(self):
        for workload in workloads.ALL:
            text = next((BENCH / "workloads").glob(f"{workload.program}.c*")).read_text()
            starts = "std::thread" in text or "sum_of_threads" in text
            self.assertEqual(workload.threads > 1, starts
                             and (len(workload.rest) < 2 or workload.rest[1] > 1), workload.name)

    def test_readme_names_them(self):
        text = (BENCH / "README.md").read_text(encoding="utf-8")
        for workload in [*workloads.ALL, *programs.ALL]:
            head, _, tail = workload.name.rpartition("-")
            self.assertTrue(workload.name in text or (head in text and f"-{tail}" in text)
                            or workload.name == "python3-malloc", workload.name)

    def test_packages_are_installed_by_the_tool(self):
        listed = subprocess.run([fixture.TOOLS / "install", "--list", "bench"], text=True,
                                capture_output=True, check=True).stdout.split()
        needed = {package for _, _, package in allocators.PEERS}
        for program in programs.ALL:
            if isinstance(program, programs.Program):
                needed.add({"xz": "xz-utils"}.get(program.package, program.package))
            else:
                needed |= set(program.needs.values())
        self.assertEqual(needed - set(listed), set())

    def test_demonstration_needs_no_more_than_before(self):
        self.assertFalse(any(program.long for program in programs.DEMONSTRATION))
        self.assertLess(len(programs.DEMONSTRATION), len(programs.ALL))

    def test_missing_programs_are_told_with_their_package(self):
        for program in programs.ALL:
            with mock.patch.object(shutil, "which", return_value=None), \
                    mock.patch("glob.glob", return_value=[]):
                with self.assertRaises(measure.NotInstalled) as raised:
                    program.prepare()
            self.assertIn("the package ", str(raised.exception))


class Script(BenchTest):
    script = "compare"

    def test_report(self):
        status, output, _ = self.report(document({"one": usual(), "two": usual(0.9)}))
        self.assertEqual(status, 0)  # targets do not count
        self.assertIn("  met     ashlar: memory, geometric mean: 0.900 of libc's", output)
        self.assertIn("  MISSED  ashlar: time, each workload against its best peer", output)
        status, _, errors = self.report(document({"one": usual()}, failures=["one: signal"]))
        self.assertEqual(status, 1)
        self.assertIn("failed: one: signal", errors)

    def test_bad_input(self):
        self.assert_no_documents(({}, [], {"workloads": 3}), "compare: ")
        self.assertEqual(self.run_script("--only", "(")[0], 2)
        self.assertEqual(self.run_script("--rounds", "0")[0], 2)
        self.assertIn("matches no workload", self.run_script("--only", "nothing like it")[2])

    def test_long_programs_are_for_all(self):
        status, output, _ = self.run_script("--list")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"(?m)^z3 +--all ")
        self.assertRegex(output, r"(?m)^trees +one thread ")
        self.assertRegex(output, r"(?m)^fixed-2 +2 threads ")

    def test_update(self):
        self.assert_update(document({"one": usual()}),
                           "| one | 1.00 s | 0.50 | 0.60 | 0.80 | 0.50 | 0.83 fast |",
                           "| one | 1.0 MiB | 0.90 | 1.30 | 1.00 | 0.40 | 0.90 lean |")

    def test_pictures(self):
        content = document({"one": usual(), "two": usual(2.0)})
        del content["runs"]["two"]["limit"]
        pictures = self.draw(content, "memory.svg", "time.svg")
        if pictures:
            self.assertNotEqual(*pictures)


if __name__ == "__main__":
    os.environ.pop("LD_PRELOAD", None)
    unittest.main(argv=["selftest"])
