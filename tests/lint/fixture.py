"""What the lints' self-tests share: a small tree in a temporary folder, and running a tool on it."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"


class ToolTest(unittest.TestCase):
    """A test case with a temporary tree. A subclass names its tool."""
    tool = ""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ashlar-lint-")
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name).resolve()

    def write(self, path, text):
        target = self.tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def run_tool(self, *arguments):
        return subprocess.run([TOOLS / self.tool, *arguments], text=True, capture_output=True,
                              check=False, timeout=120)

    def check(self, *arguments):
        """Runs the tool on the tree: (exit status, output)."""
        result = self.run_tool("--root", self.tree, *arguments)
        return result.returncode, result.stdout + result.stderr

    def assert_clean(self, *arguments):
        status, output = self.check(*arguments)
        self.assertEqual(status, 0, output)

    def assert_finding(self, expected, *arguments):
        """The tool fails and one line of its output begins with what is expected (file:line: ...)."""
        status, output = self.check(*arguments)
        self.assertEqual(status, 1, output)
        self.assertTrue(any(line.startswith(expected) for line in output.splitlines()),
                        f"no line begins with {expected!r} in:\n{output}")


def main():
    unittest.main(argv=["selftest"])
