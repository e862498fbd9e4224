"""Runs a program under libc's malloc and again under the preloaded library, in the same directory
by name, and compares everything that it leaves behind: exit status, output and files. It holds no
workload: those are in the cases_*.py files beside it."""

import difflib
import os
import shutil
import signal
import subprocess

PATH = "/usr/local/bin:/usr/bin:/bin"
WORKLOADS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workloads")
TIMEOUT = 120  # seconds for one program: hanging is a failure, not something to wait for


class Failure(Exception):
    """The test's answer is no; the text says why."""


def find(program):
    """The full path of a program, from the system's directories alone."""
    path = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if path is None:
        raise Failure(f"{program} is not installed (it is needed by this test)")
    return path


def workload(name):
    return os.path.join(WORKLOADS, name)


class Result:
    """What one run left behind."""

    def __init__(self, status, out, err, files):
        self.status = status
        self.out = out
        self.err = err
        self.files = files


class Context:
    """One case's library and scratch space."""

    def __init__(self, library, scratch, verbose=False):
        self.library = os.path.realpath(library)
        self.scratch = scratch
        self.verbose = verbose
        self.run_dir = os.path.join(scratch, "run")
        self.check_loaded()

    def environment(self, preload, extra=None):
        """A small, fixed environment, so that nothing but the allocator differs."""
        env = {
            "PATH": PATH,
            "HOME": self.run_dir,
            "TMPDIR": self.run_dir,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "PERL_HASH_SEED": "0",
        }
        if preload:
            env["LD_PRELOAD"] = self.library
            if self.library.endswith("-debug.so"):
                # The debug profile tells of errors by default, a program's own failing requests
                # among them; the other profiles have to be silent as they are.
                env["ASHLAR_SHOW_ERRORS"] = "0"
        env.update(extra or {})
        return env

    def check_loaded(self):
        """Without this, a library that fails to load could pass every comparison."""
        maps = subprocess.run([find("cat"), "/proc/self/maps"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT, check=False,
                              env={"LD_PRELOAD": self.library})
        if self.library.encode() not in maps.stdout:
            raise Failure(f"{self.library} was not loaded into a program: "
                          f"{maps.stderr.decode(errors='replace').strip()}")

    def fresh_run_dir(self, setup):
        shutil.rmtree(self.run_dir, ignore_errors=True)
        os.makedirs(self.run_dir)
        if setup is not None:
            setup(self.run_dir)

    def execute(self, argv, preload, stdin=b"", env=None):
        """Runs argv in run_dir; ends its whole process group when it does not end by itself."""
        with subprocess.Popen(argv, cwd=self.run_dir, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(preload, env),
                              start_new_session=True) as process:
            try:
                out, err = process.communicate(stdin, timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise Failure(f"{' '.join(argv)} did not end within {TIMEOUT} s "
                              f"({'preloaded' if preload else 'without the library'})") from None
        return process.returncode, out, err

    def files(self, ignore=()):
        """Every file below run_dir with its content."""
        found = {}
        for root, directories, names in os.walk(self.run_dir):
            directories.sort()
            for name in sorted(names):
                path = os.path.join(root, name)
                relative = os.path.relpath(path, self.run_dir)
                if relative.startswith(tuple(ignore)):
                    continue
                if os.path.islink(path):
                    found[relative] = os.readlink(path).encode()
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[relative] = file.read()
        return found

    def run(self, argv, preload, stdin=b"", env=None, setup=None, ignore=(), normalise=None):
        self.fresh_run_dir(setup)
        status, out, err = self.execute(argv, preload, stdin, env)
        if normalise is not None:
            out, err = normalise(out), normalise(err)
        if self.verbose:
            print(f"{'preloaded' if preload else 'plain'}: {' '.join(argv)}: status {status}, "
                  f"{len(out)} bytes out, {len(err)} bytes err", flush=True)
        return Result(status, out, err, self.files(ignore))

    def compare(self, argv, stdin=b"", env=None, setup=None, ignore=(), normalise=None,
                status=0):
        """Fails unless both runs end with `status` and leave the same bytes behind."""
        keywords = {"stdin": stdin, "env": env, "setup": setup, "ignore": ignore,
                    "normalise": normalise}
        plain = self.run(argv, False, **keywords)
        if plain.status != status:
            raise Failure(f"{' '.join(argv)} ended with {plain.status} without the library: "
                          f"{plain.err[-2000:].decode(errors='replace')}")
        if not (plain.out or plain.err or plain.files):
            raise Failure(f"{' '.join(argv)} left nothing to compare")
        preloaded = self.run(argv, True, **keywords)
        check_same(argv, plain, preloaded)
        return plain


def check_same(argv, plain, preloaded):
    command = " ".join(argv)
    if plain.status != preloaded.status:
        raise Failure(f"{command}: status {plain.status} became {preloaded.status} preloaded: "
                      f"{preloaded.err[-2000:].decode(errors='replace')}")
    check_bytes(f"{command}: stdout", plain.out, preloaded.out)
    check_bytes(f"{command}: stderr", plain.err, preloaded.err)
    if plain.files.keys() != preloaded.files.keys():
        odd = sorted(plain.files.keys() ^ preloaded.files.keys())
        raise Failure(f"{command}: files that only one of the runs left: {', '.join(odd[:10])}")
    for name, content in plain.files.items():
        check_bytes(f"{command}: file {name}", content, preloaded.files[name])


def check_bytes(what, plain, preloaded):
    if plain == preloaded:
        return
    at = next((i for i, (a, b) in enumerate(zip(plain, preloaded)) if a != b),
              min(len(plain), len(preloaded)))
    lines = list(difflib.unified_diff(
        plain[max(0, at - 500):at + 1000].decode(errors="replace").splitlines(),
        preloaded[max(0, at - 500):at + 1000].decode(errors="replace").splitlines(),
        "libc", "preloaded", lineterm="", n=2))
    raise Failure(f"{what} differs from byte {at} on (of {len(plain)} and {len(preloaded)}):\n"
                  + "\n".join(lines[:40]))
