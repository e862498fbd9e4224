"""The allocators that a program can be run under, by preloading their library, and what they
and this machine are called. Runs nothing under them."""

import os
import pathlib
import platform
import re
import subprocess
from dataclasses import dataclass

# Name, library, Debian package.
PEERS = [
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("tbb", "libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
]


@dataclass
class Allocator:
    name: str
    library: str  # what to preload; empty for libc
    version: str
    ours: bool = False
    limit: bool = False  # no peer, but what no allocator is expected to be under


def libc():
    return Allocator("libc", "", os.confstr("CS_GNU_LIBC_VERSION") or "unknown")


def peers():
    """The peers that are installed, and (name, package) of those that are not."""
    known = _libraries()
    found, missing = [], []
    for name, library, package in PEERS:
        if library in known:
            found.append(Allocator(name, known[library], _package_version(package)))
        else:
            missing.append((name, package))
    return found, missing


def own(name, path):
    path = pathlib.Path(path).resolve()
    return Allocator(name, str(path), _revision() if name == "ashlar" else path.name, ours=True)


def limit(path):
    """The least that an allocator does, as bench/limit/limit.c explains."""
    return Allocator("limit", str(path), "pops and pushes lists, checks nothing", limit=True)


def libc_library():
    """libc's own file: preloaded, it comes before an allocator that a program links to."""
    return _libraries().get("libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6")


def machine():
    model = ""
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return {"processor": model or platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(memory, 1), "huge_pages": _huge_pages(), "system": system,
            "kernel": platform.release(), "compiler": _first_line(["g++", "--version"]),
            "clang": _clang()}


def machine_line(info):
    return (f"{info['processor']}, {info['cores']} cores, {info['memory_gib']} GiB; "
            f"{info['system']}, kernel {info['kernel']}, "
            f"transparent huge pages: {info['huge_pages']}; {info['compiler']}"
            + (f"; {info['clang']}" if info.get("clang") else ""))


def _clang():
    versions = [_first_line([name, "--version"]) for name in ("clang++-19", "clang++")]
    return next((version for version in versions if version != "unknown"), "")


def _huge_pages():
    """The chosen word of "always [madvise] never": it changes what memory is resident."""
    found = re.search(r"\[(\w+)\]", _read("/sys/kernel/mm/transparent_hugepage/enabled"))
    return found.group(1) if found else "unknown"


def _libraries():
    table = {}
    try:
        listing = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True,
                                 check=False).stdout
    except OSError:
        listing = ""
    for line in listing.splitlines():
        name, _, path = line.strip().partition(" => ")
        if path and "x86-64" in name:
            table.setdefault(name.split()[0], path)
    return table


def _package_version(package):
    return _first_line(["dpkg-query", "-W", "-f=${Version}\n", package])


def _revision():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    project = _read(root / "CMakeLists.txt").partition("project(")[2]
    found = re.search(r"VERSION (\d[\d.]*)", project)
    version = found.group(1) if found else "unknown"
    commit = _first_line(["git", "-C", str(root), "describe", "--always", "--dirty"])
    return version if commit == "unknown" else f"{version}, {commit}"


def _read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    lines = done.stdout.splitlines()
    return lines[0].strip() if done.returncode == 0 and lines else "unknown"
