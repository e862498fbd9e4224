"""Cases on what a preloaded process looks like from outside: what it needs, prints and starts."""

import os
import re
import subprocess

from harness import Failure, TIMEOUT, find, workload

# What every dynamic program has anyway.
LIBC = {"linux-vdso.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}
# The names that a drop-in malloc must provide itself: one left to libc would mix two allocators.
MALLOC_NAMES = ["malloc", "calloc", "realloc", "free", "memalign", "aligned_alloc",
                "posix_memalign", "valloc", "pvalloc", "malloc_usable_size", "reallocarray"]


def capture(argv, **keywords):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT,
                          check=False, **keywords)


def numbers():
    """Enough lines to make sort allocate and, with two threads, start them."""
    state = 12345
    lines = []
    for _ in range(60000):
        state = (state * 1103515245 + 12345) % 2**31
        lines.append(str(state))
    return ("\n".join(lines) + "\n").encode()


def case_dependencies(ctx):
    """ldd shows nothing but libc."""
    answer = capture([find("ldd"), ctx.library])
    needed = {os.path.basename(line.split()[0]) for line in answer.stdout.decode().splitlines()
              if line.strip()}
    if "libc.so.6" not in needed:
        raise Failure(f"ldd did not work: {answer.stdout.decode()}{answer.stderr.decode()}")
    if needed - LIBC:
        raise Failure(f"the library needs more than libc: {', '.join(sorted(needed - LIBC))}")


def case_bindings(ctx):
    """A program's and libc's own calls of malloc and its family reach the library."""
    answer = capture([find("sort")], input=b"b\na\n",
                     env={"LD_PRELOAD": ctx.library, "LD_DEBUG": "bindings", "LD_BIND_NOW": "1"})
    if answer.stdout != b"a\nb\n":
        raise Failure(f"sort answered {answer.stdout!r}")
    bound = re.findall(r"binding file (\S+) \[0\] to (\S+) \[0\]: normal symbol `(\w+)'",
                       answer.stderr.decode(errors="replace"))
    for name in ["malloc", "free", "calloc", "realloc"]:
        to_library = {source for source, target, symbol in bound
                      if symbol == name and os.path.realpath(target) == ctx.library}
        if not any("libc.so" in source for source in to_library):
            raise Failure(f"libc's own calls of {name} do not reach the library")
    for source, target, symbol in bound:
        if symbol in MALLOC_NAMES and os.path.realpath(target) != ctx.library:
            raise Failure(f"{source} calls {symbol} of {target}")


def case_exports(ctx):
    """Every name of the malloc family is defined by the library, and nothing private is."""
    answer = capture([find("nm"), "-D", "--defined-only", ctx.library])
    names = {line.split()[-1].split("@")[0] for line in answer.stdout.decode().splitlines()}
    missing = [name for name in MALLOC_NAMES if name not in names]
    if missing:
        raise Failure(f"not defined by the library: {', '.join(missing)}")
    inner = sorted(name for name in names if "ashlar" in name and name.startswith("_Z"))
    if inner:
        raise Failure(f"private names are exported: {', '.join(inner[:10])}")


def case_single_thread(ctx):
    """A program with one thread keeps one, also after allocating and freeing much."""
    script = workload("thread_count.py")
    result = ctx.compare([find("python3"), "-I", script])
    if result.out.split() != [b"1"] * 4:
        raise Failure(f"thread_count.py counted {result.out!r} without the library")
    ctx.compare([find("perl"), workload("thread_count.pl")])
    # Memory that is given back early, and all of it at the end, takes no thread either.
    for setting in ({"ASHLAR_PURGE_DELAY": "1"}, {"ASHLAR_DESTROY_ON_EXIT": "1"}):
        ctx.compare([find("python3"), "-I", script], env=setting)


def case_destroy_on_exit(ctx):
    """Programs that are told to give back everything at exit still end as they would: with their
    exit handlers and destructors run, their output flushed, and the same status."""
    setting = {"ASHLAR_DESTROY_ON_EXIT": "1", "PYTHONMALLOC": "malloc"}
    at_exit = ("import atexit, sys, threading\n"
               "kept = {i: 'x' * i for i in range(3000)}\n"
               "class Last:\n"
               "    def __del__(self): sys.stdout.write('deleted %d\\n' % len(kept))\n"
               "last = Last()\n"
               "atexit.register(lambda: print('at exit', sum(map(len, kept.values()))))\n"
               "thread = threading.Thread(target=lambda: kept.update({-1: 'y' * 5000}))\n"
               "thread.start(); thread.join()\n"
               "sys.stdout.write('no newline at the end')\n"
               "sys.exit(3)\n")
    ctx.compare([find("python3"), "-c", at_exit], env=setting, status=3)
    ctx.compare([find("python3"), workload("python_data.py")], env=setting)
    ctx.compare([find("python3"), workload("python_threads.py")], env=setting)
    ctx.compare([find("perl"), workload("perl_data.pl")], env=setting)
    ctx.compare([find("perl"), "-e", "my %h = map { $_ => 'x' x $_ } 1 .. 2000; "
                 "sub DESTROY { print qq(destroyed\\n) } our $object = bless [%h]; "
                 "END { print qq(end\\n); $? = 4 }"], env=setting, status=4)
    ctx.compare([find("bash"), workload("shell.sh")], env=setting)
    ctx.compare([find("sort"), "-n", "--parallel=2", "-S", "1M"], stdin=numbers(), env=setting)


def case_empty_environment(ctx):
    """No variable at all is needed, neither HOME nor PATH nor the preload's own."""
    loader = "/lib64/ld-linux-x86-64.so.2"
    data = numbers()
    script = ["-e", "my %h; $h{$_}++ while <STDIN>; print sort keys %h; print scalar %ENV, qq(\\n)"]
    for program, arguments in (("sort", ["-n"]), ("perl", script)):
        plain = capture([loader, find(program), *arguments], input=data, env={})
        loaded = capture([loader, "--preload", ctx.library, find(program), *arguments],
                         input=data, env={})
        if plain.returncode != 0 or not plain.stdout:
            raise Failure(f"{program} fails without the library: {plain.stderr.decode()}")
        if (plain.returncode, plain.stdout, plain.stderr) != (
                loaded.returncode, loaded.stdout, loaded.stderr):
            raise Failure(f"{program} with an empty environment: status {loaded.returncode}, "
                          f"{len(loaded.stdout)} bytes instead of {len(plain.stdout)}, stderr "
                          f"{loaded.stderr.decode(errors='replace')!r}")


def case_closed_files(ctx):
    """With fd 2 closed, or all three, nothing goes to the file that then gets the number."""
    def setup(directory):
        with open(os.path.join(directory, "in"), "wb") as file:
            file.write(numbers())

    for close in ("2>&-", "0<&- 1>&- 2>&-"):
        ctx.compare([find("sh"), "-c", f"exec sort -n -S 1M --parallel=2 -o out in {close}"],
                    setup=setup)
        ctx.compare([find("sh"), "-c", f"exec python3 -I {workload('no_output.py')} {close}"],
                    setup=setup)


def case_quiet(ctx):
    """Programs that print nothing print nothing, and every shell command's output is its own."""
    for argv in ([find("true")], [find("sleep"), "0"], [find("python3"), "-I", "-c", "pass"],
                 [find("perl"), "-e", "1"], [find("sh"), "-c", ":"], [find("bash"), "-c", ":"]):
        result = ctx.run(argv, True)
        if (result.status, result.out, result.err, result.files) != (0, b"", b"", {}):
            raise Failure(f"{' '.join(argv)}: status {result.status}, stdout {result.out!r}, "
                          f"stderr {result.err!r}, files {list(result.files)}")
    failing = ctx.run([find("sh"), "-c", "ls /nonexistent-file; exit 7"], True)
    if failing.status != 7 or failing.err.count(b"\n") != 1:
        raise Failure(f"a failing command: status {failing.status}, stderr {failing.err!r}")


def case_shell(ctx):
    """Shells fork without exec, and build strings and arrays."""
    ctx.compare([find("bash"), workload("shell.sh")])
    ctx.compare([find("dash"), workload("pipes.sh")])


def case_link_forms(ctx):
    """The library linked into a program: as one object first on the line, as a static archive, in
    a program without any shared library, and as a shared library."""
    folder = os.path.dirname(ctx.library)
    name = os.path.basename(ctx.library)[len("lib"):-len(".so")]
    source = workload("link_form.cc")
    include = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include")
    forms = {
        "object": [os.path.join(folder, f"{name}.o"), source],
        "archive": [source, os.path.join(folder, f"lib{name}.a")],
        "without shared libraries": ["-static", os.path.join(folder, f"{name}.o"), source],
        "shared": [source, f"-L{folder}", f"-Wl,-rpath,{folder}", f"-l{name}"],
    }
    for form, arguments in forms.items():
        program = os.path.join(ctx.scratch, "linked")
        built = ctx.run([find("g++"), "-std=c++20", "-O1", f"-I{include}", *arguments, "-o",
                         program], False)
        if built.status != 0:
            raise Failure(f"{form}: not linked: {built.err.decode(errors='replace')}")
        result = ctx.run([program], False)
        if result.out != b"malloc 1 new 1 usable 1\nbad_alloc\n":
            raise Failure(f"{form}: status {result.status}, said {result.out!r}")
