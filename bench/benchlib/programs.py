"""Real programs that Debian ships, what each is given to do, and how to run that once. Their
input is made in inputs.py, servers are in servers.py. Measuring is measure.py's business."""

import pathlib
import random
import shutil

from . import inputs, measure, servers

HERE = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = HERE / "programs"


class Program:
    """A program that is started, works and ends."""

    kind = "program"
    uses_cpu_time = False
    threads = 0  # not a workload of ours: how many it takes is its own affair
    limited = True

    def __init__(self, name, about, needs, command, quick=None, prepare=None, env=None, stdin=None,
                 cwd=None, package=None, long=False):
        self.name, self.about, self.needs, self.package = name, about, needs, package or needs
        self.long = long  # only in the whole comparison
        self._command, self._quick = command, quick or command
        self._prepare, self._env, self._stdin, self._cwd = prepare, env, stdin, cwd

    def prepare(self):
        if shutil.which(self.needs, path=measure.environment()["PATH"]) is None:
            raise measure.NotInstalled(self.needs, self.package)
        if self._prepare:
            inputs.DATA.mkdir(parents=True, exist_ok=True)
            self._prepare()

    def run(self, preload, quick=False):
        return measure.run(self._quick if quick else self._command, preload=preload,
                           extra_env=self._env, stdin=self._stdin, cwd=self._cwd)


PYTHON = ["/usr/bin/python3", "-I", str(SCRIPTS / "work.py")]
PYTHON_ENV = {"PYTHONHASHSEED": "0"}

# What the demonstration runs: tools/install run installs these.
DEMONSTRATION = [
    Program("python3", "python3: records, JSON, graphs, text", "python3", [*PYTHON, 4],
            quick=[*PYTHON, 1], env=PYTHON_ENV),
    # -I would ignore PYTHONMALLOC; python3 keeps small objects to itself without it.
    Program("python3-malloc", "the same with PYTHONMALLOC=malloc: small objects too", "python3",
            ["/usr/bin/python3", "-s", PYTHON[-1], 4],
            quick=["/usr/bin/python3", "-s", PYTHON[-1], 1],
            env={**PYTHON_ENV, "PYTHONMALLOC": "malloc"}),
    Program("perl", "perl: words, hashes of arrays, substitutions", "perl",
            ["/usr/bin/perl", SCRIPTS / "work.pl", 5],
            quick=["/usr/bin/perl", SCRIPTS / "work.pl", 2]),
    Program("g++", "g++ compiling one file with many standard headers and templates", "g++",
            ["g++", "-std=c++20", "-O0", "-S", "-o", "-", inputs.CPP_SOURCE],
            quick=["g++", "-std=c++20", "-fsyntax-only", inputs.CPP_SOURCE],
            prepare=lambda: inputs.write_once(inputs.CPP_SOURCE, inputs.cpp_source)),
    Program("sqlite3", "sqlite3: tables, indexes, joins in memory", "sqlite3",
            ["sqlite3", ":memory:", f".read {inputs.SQL_FILE}"],
            prepare=lambda: inputs.write_once(
                inputs.SQL_FILE, lambda: inputs.SQL.format(people=100000, visits=320000).encode())),
    servers.Redis(),
    Program("git", "git log -p over a history of 700 changes", "git",
            ["git", "-C", inputs.REPOSITORY, "log", "-p", "--stat"],
            quick=["git", "-C", inputs.REPOSITORY, "log", "-p", "-n", "150"],
            prepare=inputs.make_repository),
    Program("xz", "xz compressing with two threads", "xz",
            ["xz", "-2", "-T2", "--block-size=1MiB", "-c", inputs.TEXT_FILE],
            quick=["xz", "-0", "-T2", "--block-size=1MiB", "-c", inputs.TEXT_FILE],
            prepare=lambda: inputs.write_once(
                inputs.TEXT_FILE, lambda: inputs.text(random.Random(5), 180000))),
]

ALL = [
    *DEMONSTRATION,
    Program("clang", "clang 19 compiling the same file as g++", "clang++-19",
            ["clang++-19", "-std=c++20", "-O0", "-S", "-o", "-", inputs.CPP_SOURCE],
            quick=["clang++-19", "-std=c++20", "-fsyntax-only", inputs.CPP_SOURCE],
            prepare=lambda: inputs.write_once(inputs.CPP_SOURCE, inputs.cpp_source),
            package="clang-19", long=True),
    Program("node", "node: maps, JSON, many buffers, compression", "node",
            ["node", SCRIPTS / "work.js", 6], quick=["node", SCRIPTS / "work.js", 2],
            package="nodejs"),
    Program("ruby", "ruby: strings, hashes, objects, sorting", "ruby",
            ["ruby", SCRIPTS / "work.rb", 5], quick=["ruby", SCRIPTS / "work.rb", 2]),
    Program("lua", "lua 5.4: tables, strings, closures", "lua5.4",
            ["lua5.4", SCRIPTS / "work.lua", 5], quick=["lua5.4", SCRIPTS / "work.lua", 2]),
    Program("z3", "z3 deciding pigeon holes, products and a schedule", "z3",
            ["z3", "-smt2", inputs.SMT_FILE],
            prepare=lambda: inputs.write_once(inputs.SMT_FILE, inputs.smt), long=True),
    Program("ghostscript", "ghostscript drawing four pages made by a program", "gs",
            ["gs", "-q", "-dSAFER", "-sDEVICE=ppmraw", "-r72", "-o", "-", inputs.POSTSCRIPT_FILE],
            prepare=lambda: inputs.write_once(inputs.POSTSCRIPT_FILE, inputs.postscript),
            package="ghostscript", long=True),
    servers.Memcached(),
    servers.Postgres(),
]
