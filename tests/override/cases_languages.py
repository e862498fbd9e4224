"""Cases with interpreters and compilers: programs that make very many small blocks."""

import os
import re
import shutil

from harness import Failure, find, workload

# CPython's own tests that are quick, deterministic in what they print and heavy on memory.
PYTHON_TESTS = ["json", "re", "list", "dict", "collections", "heapq", "difflib", "csv",
                "configparser", "array", "memoryview", "struct",
                "generators", "coroutines", "fstring"]


def python(ctx, script, **keywords):
    return ctx.compare([find("python3"), "-I", workload(script)], **keywords)


def case_python_data(ctx):
    """JSON, regular expressions, sorting, big integers, compression, sqlite in one process; also
    with every object from malloc instead of python's own pools."""
    python(ctx, "python_data.py")
    ctx.compare([find("python3"), workload("python_data.py")], env={"PYTHONMALLOC": "malloc"})


def case_python_threads(ctx):
    """Threads that make, exchange and drop objects, with python's pools and without."""
    python(ctx, "python_threads.py")
    ctx.compare([find("python3"), workload("python_threads.py")], env={"PYTHONMALLOC": "malloc"})


def case_python_processes(ctx):
    """subprocess, os.fork and multiprocessing with both ways to start."""
    python(ctx, "python_processes.py")


def case_python_own_tests(ctx):
    """CPython's own test modules: each test's name and verdict must be the same."""
    def strip_times(text):
        return re.sub(rb"(?m)^(Ran \d+ tests?) in .*$", rb"\1", text)

    result = ctx.compare(
        [find("python3"), "-m", "unittest", "-v", *(f"test.test_{name}" for name in PYTHON_TESTS)],
        normalise=strip_times, ignore=(".", "test_python_"))
    ran = re.search(rb"(?m)^Ran (\d+) tests", result.err)
    if ran is None or int(ran.group(1)) < 1000:
        raise Failure("fewer than 1000 of CPython's own tests ran: is its test package "
                      "(libpython3.11-testsuite) installed?")


def case_perl_data(ctx):
    """Sorting, regular expressions, hashes and strings that grow, in perl."""
    ctx.compare([find("perl"), workload("perl_data.pl")])


def case_perl_fork(ctx):
    """Perl forks with a large heap; children change their copies and answer through pipes."""
    ctx.compare([find("perl"), workload("perl_fork.pl")])


def copy_sources(*names):
    def setup(directory):
        for name in names:
            shutil.copy(workload(name), directory)
    return setup


def case_gcc_compile(ctx):
    """The C compiler's assembly and object file are the same to the byte."""
    setup = copy_sources("compile.c")
    ctx.compare([find("gcc"), "-O2", "-S", "-o", "out.s", "compile.c"], setup=setup)
    ctx.compare([find("gcc"), "-O2", "-g1", "-c", "-o", "out.o", "compile.c"], setup=setup)


def case_gxx_compile(ctx):
    """The C++ compiler on templates of the standard library."""
    setup = copy_sources("compile.cc")
    ctx.compare([find("g++"), "-std=c++20", "-O1", "-c", "-o", "out.o", "compile.cc"], setup=setup)


def case_cxx_program(ctx):
    """A C++ program: every form of new and delete, containers, exceptions, threads, and a new that
    fails. It is built once without the library and then run both ways."""
    build = os.path.join(ctx.scratch, "program")
    result = ctx.run([find("g++"), "-std=c++20", "-O1", "-fsized-deallocation", "-pthread", "-o",
                      build, workload("cxx_program.cc")], False)
    if result.status != 0:
        raise Failure(f"cxx_program.cc was not built: {result.err.decode(errors='replace')}")
    ctx.compare([build])
