"""What the self-tests of the benchmarks share: a document as their --json writes it, and running one
of the scripts on such a document."""
import json
import subprocess
import sys

import fixture

sys.dont_write_bytecode = True
BENCH = fixture.ROOT / "bench"
sys.path.insert(0, str(BENCH))

MACHINE = {"processor": "P", "cores": 2, "memory_gib": 4.0, "huge_pages": "madvise", "system": "S",
           "kernel": "6.1", "compiler": "g++ 12", "clang": "clang 19"}


def rows_document(told, **more):
    """Of bench/memory and bench/scale; told: run -> allocator -> the numbers of each round."""
    names = sorted({name for by_name in told.values() for name in by_name} | {"libc", "ashlar"})
    return {"machine": MACHINE, "ours": ["ashlar"], "missing": [],
            "allocators": {name: "1" for name in names}, "runs": list(told), "told": told,
            "courses": {}, "not_run": {}, "failures": [], **more}


class BenchTest(fixture.ToolTest):
    """A test case that runs bench/<script>, which a subclass names."""
    script = ""

    def run_script(self, *arguments):
        """(exit status, output, errors)"""
        done = subprocess.run([BENCH / self.script, *map(str, arguments)], text=True,
                              capture_output=True, check=False, timeout=250)
        return done.returncode, done.stdout, done.stderr

    def report(self, content, *arguments):
        path = self.write("result.json", json.dumps(content))
        return self.run_script("--from", path, *arguments)

    def assert_no_documents(self, contents, message):
        for content in contents:
            status, _, errors = self.report(content)
            self.assertEqual(status, 1)
            self.assertIn(message, errors)
            self.assertNotIn("Traceback", errors)

    def assert_update(self, content, *lines):
        """--update writes these lines between the markers of a document, and changes nothing else;
        nor anything where there are no markers."""
        page = self.write("page.md", f"before\n<!-- {self.script} table begin -->\nstale\n"
                          f"<!-- {self.script} table end -->\nafter\n")
        self.assertEqual(self.report(content, "--update", page)[0], 0)
        text = page.read_text(encoding="utf-8")
        self.assertTrue(text.startswith("before\n") and text.endswith("after\n"))
        for line in lines:
            self.assertIn(line, text)
        self.assertNotIn("stale", text)
        page.write_text("no markers\n", encoding="utf-8")
        self.assertEqual(self.report(content, "--update", page)[0], 1)
        self.assertEqual(page.read_text(encoding="utf-8"), "no markers\n")

    def draw(self, content, *names):
        """The bytes of these pictures, drawn twice and the same both times; None without
        matplotlib: then the script says so, and does not fall over."""
        drawn = []
        for folder in ("one", "two"):
            status, _, errors = self.report(content, "--pictures", self.tree / folder)
            if status != 0:
                self.assertIn("tools/install bench", errors)
                self.assertNotIn("Traceback", errors)
                return None
            files = sorted((self.tree / folder).iterdir())
            self.assertEqual([path.name for path in files], list(names))
            drawn.append([path.read_bytes() for path in files])
        self.assertEqual(drawn[0], drawn[1])
        return drawn[0]
