"""Runs one program once under one allocator and says what that took; and the statistics of many
such runs. Knows no particular program or allocator."""

import hashlib
import math
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "bench"
TIMEOUT = 300
OUTPUT_KEPT = 65536


_built = BUILD  # where the programs of this folder's CMakeLists.txt are


class RunError(Exception):
    """A program could not be run, failed, or was not run under the allocator."""


class NotInstalled(RunError):
    """A program of another package is missing: that is no failure."""

    def __init__(self, program, package):
        super().__init__(f"{program} is not installed; the package {package} has it "
                         "(tools/install bench)")


@dataclass
class Result:
    wall: float  # seconds
    user: float
    system: float
    peak_kib: int  # of the largest process
    digest: str  # of the output: the same under every allocator
    output: str  # its first part

    @property
    def cpu(self):
        return self.user + self.system

    def as_dict(self):
        return {"wall": self.wall, "user": self.user, "system": self.system,
                "peak_kib": self.peak_kib}


def environment(extra=None):
    """A small fixed environment, so that a user's settings do not change what is measured."""
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
           "HOME": str(BUILD / "data"), "LC_ALL": "C", "TZ": "UTC", "TMPDIR": tempfile.gettempdir()}
    for name, value in os.environ.items():
        # What steers our own library may be tried out from outside.
        if name.upper().startswith(("ASHLAR_", "MIMALLOC_")):
            env[name] = value
    env.update(extra or {})
    return env


def use_programs(folder):
    """Takes the programs that another build made, instead of building them."""
    global _built
    _built = pathlib.Path(folder).resolve()


def program(name):
    """The path of a program that was built here."""
    return _built / name


class Launch:
    """A program that runs under the launcher; wait() gives its Result."""

    def __init__(self, command, preload="", extra_env=None, cwd=None, stdin=None, times=1,
                 user=None):
        self._directory = tempfile.TemporaryDirectory(prefix="ashlar-bench-")
        base = pathlib.Path(self._directory.name)
        self._report, self._out, self._err = base / "report", base / "out", base / "err"
        self._command = [str(part) for part in command]
        launcher = program("launch")
        if not launcher.exists():
            raise RunError(f"{launcher} is missing: build the workloads first")
        if user is not None:
            # Another user may write here, and need not be able to read where we stand.
            shutil.chown(base, user)
            launcher = shutil.copy(launcher, base)
            preload = shutil.copy(preload, base) if preload else ""
        with open(self._out, "wb") as out, open(self._err, "wb") as err, \
                open(stdin or os.devnull, "rb") as source:
            self._process = subprocess.Popen(
                [str(launcher), str(self._report), str(times), preload, *self._command],
                stdin=source, stdout=out, stderr=err, cwd=cwd, env=environment(extra_env),
                start_new_session=True, user=user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._directory.cleanup()

    def stop(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def running(self):
        return self._process.poll() is None

    def output_so_far(self):
        return self._out.read_text(errors="replace")

    def errors(self):
        return self._err.read_text(errors="replace").strip()

    def wait(self, timeout=TIMEOUT):
        name = " ".join(self._command)[:100]
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise RunError(f"{name}: no end after {timeout} s") from None
        errors = self.errors()
        if "ld.so: object" in errors:
            raise RunError(f"{name}: {errors.splitlines()[0]}")
        if code != 0 or not self._report.exists():
            raise RunError(f"{name}: the launcher failed: {errors[-300:]}")
        wall, user, system, peak, status = self._report.read_text().split()
        if int(status) != 0:
            code = os.waitstatus_to_exitcode(int(status))
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise RunError(f"{name}: {how}: {errors[-300:]}")
        data = self._out.read_bytes()
        return Result(float(wall), float(user), float(system), int(peak),
                      hashlib.sha256(data).hexdigest(), data[:OUTPUT_KEPT].decode(errors="replace"))


def run(command, **options):
    with Launch(command, **options) as launched:
        return launched.wait()


def build_workloads(*targets):
    """Builds what this folder's CMakeLists.txt describes, apart from the library's own build."""
    if not (BUILD / "build.ninja").exists():
        _quietly(["cmake", "-S", str(ROOT / "bench"), "-B", str(BUILD), "-G", "Ninja",
                  "-DCMAKE_CXX_COMPILER=g++", "-DCMAKE_C_COMPILER=gcc"])
    _quietly(["cmake", "--build", str(BUILD), "--target", *targets])


def build_library():
    """Builds the release library and returns its path."""
    _quietly([str(ROOT / "run"), "--build"])
    return ROOT / "build" / "release" / "libashlar.so"


def _quietly(command):
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
    except FileNotFoundError:
        raise RunError(f"{command[0]} is missing; tools/install build installs it") from None
    if done.returncode != 0:
        raise RunError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


def field(output, name):
    """The number after a name in a workload's output."""
    found = re.search(rf"^{name} (\d+)$", output, re.MULTILINE)
    if not found:
        raise RunError(f"no {name} in the output")
    return int(found.group(1))


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(math.log(value) for value in values) / len(values)) if values else None


def median_and_spread(values):
    """The median and half of the distance between the quartiles."""
    values = sorted(values)
    if len(values) < 2:
        return values[0], 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), (high - low) / 2
