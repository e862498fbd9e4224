"""Cases with tools and servers: databases, compressors, version control, text tools."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

from harness import Failure, Result, TIMEOUT, check_same, find, workload


def text_lines(count, seed):
    """Lines of words and numbers, always the same for the same seed."""
    state = seed
    lines = []
    for i in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        lines.append(f"{state % 9973} {'abcdefghij'[i % 10] * (state // 7 % 23)} {i} {state}")
    return ("\n".join(lines) + "\n").encode()


def write(directory, name, content):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def case_make_link(ctx):
    """make runs compilers side by side, ar packs and ld links; the program's bytes are the same."""
    def setup(directory):
        shutil.copy(workload("compile.c"), directory)
        shutil.copy(workload("program.mk"), directory)

    ctx.compare([find("make"), "-s", "-j2", "-f", "program.mk"], setup=setup)


def case_sqlite(ctx):
    """A script of tables, indexes, joins, JSON and full-text search, and the database file."""
    with open(workload("script.sql"), "rb") as file:
        script = file.read()
    # Status 1: one statement of the script is wrong on purpose, and the rest must still run.
    result = ctx.compare([find("sqlite3"), "-batch", "data.db"], stdin=script, status=1)
    if result.err.count(b"\n") > 2 or b"no such table: nowhere" not in result.err:
        raise Failure(f"script.sql without the library: {result.err!r}")


@contextlib.contextmanager
def redis_server(ctx, preload, address):
    """A server in run_dir that listens on a unix socket alone."""
    log = open(os.path.join(ctx.scratch, "server.log"), "ab")
    server = subprocess.Popen(
        [find("redis-server"), "--port", "0", "--unixsocket", address, "--save", "", "--appendonly",
         "no", "--dir", ctx.run_dir, "--dbfilename", "dump.rdb"],
        cwd=ctx.run_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env=ctx.environment(preload), start_new_session=True)
    try:
        deadline = time.monotonic() + TIMEOUT
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(address)
                    break
                except OSError:
                    pass
            if server.poll() is not None:
                raise Failure(f"redis-server ended at once with {server.returncode}")
            if time.monotonic() > deadline:
                raise Failure("redis-server does not listen")
            time.sleep(0.02)
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
        log.close()


def redis_run(ctx, preload):
    """Benchmark, script, save, restart from the file, and script again."""
    ctx.fresh_run_dir(None)
    address = os.path.join(ctx.scratch, "s")  # the path of a unix socket must be short
    with open(workload("redis_fill.txt"), "rb") as file:
        fill = file.read()
    with open(workload("redis_read.txt"), "rb") as file:
        read = file.read()

    def client(commands):
        status, out, err = ctx.execute([find("redis-cli"), "-s", address], preload, commands)
        if status != 0 or err:
            raise Failure(f"redis-cli: status {status}: {err.decode(errors='replace')}")
        return out

    out = b""
    with redis_server(ctx, preload, address) as server:
        # Each of the benchmark's requests changes a counter or a list: losing one shows.
        status, report, err = ctx.execute(
            [find("redis-benchmark"), "-s", address, "-n", "20000", "-c", "20", "-P", "8", "-r",
             "5000", "-d", "300", "-t", "set,get,lpush,sadd,hset,zadd", "-q"], preload)
        if status != 0 or report.count(b"requests per second") != 6:
            raise Failure(f"redis-benchmark: status {status}: {err.decode(errors='replace')}")
        ctx.execute([find("redis-benchmark"), "-s", address, "-n", "20000", "-c", "20", "-t",
                     "incr", "-q"], preload)
        # Nothing here may depend on which of the random keys the benchmark happened to write.
        out += client(b"GET counter:__rand_int__\nLLEN mylist\nFLUSHALL ASYNC\n")
        out += client(fill)
        out += client(read)
        out += client(b"SAVE\nMEMORY PURGE\nSHUTDOWN NOSAVE\n")
        try:
            status = server.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failure("redis-server does not end") from None
    with redis_server(ctx, preload, address) as server:
        out += client(read)
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failure("redis-server does not end on SIGTERM") from None
    return Result(status, out, b"", {})


def case_redis(ctx):
    """A server under redis-benchmark; then what it holds, before and after a save and a restart,
    is compared. (Lists dropped by UNLINK and FLUSHALL ASYNC are freed by its background thread.)"""
    plain = redis_run(ctx, False)
    if plain.status != 0 or b"20000\n20000\n" not in plain.out:
        raise Failure(f"redis without the library: {plain.out[:200]!r}")
    check_same(["redis-server"], plain, redis_run(ctx, True))


def round_trip(ctx, pack, unpack, size=200000):
    """Packs with threads, compares the packed bytes, unpacks again, compares with the input."""
    data = text_lines(size, 7)
    packed = ctx.compare(pack, stdin=data)
    unpacked = ctx.compare(unpack, stdin=packed.out)
    if unpacked.out != data:
        raise Failure(f"{' '.join(unpack)} gave {len(unpacked.out)} bytes that are not the input")


def case_pigz(ctx):
    """A threaded compressor that passes buffers from thread to thread."""
    round_trip(ctx, [find("pigz"), "-p", "4", "-n", "-c"], [find("pigz"), "-d", "-c"])


def case_xz_threads(ctx):
    """Large buffers a thread: many megabytes at once, allocated and freed."""
    round_trip(ctx, [find("xz"), "-T2", "-1", "--block-size=512KiB", "-c"],
               [find("xz"), "-T2", "-d", "-c"])


def case_zstd_threads(ctx):
    """Worker threads with their own large tables."""
    round_trip(ctx, [find("zstd"), "-T2", "-5", "-q", "-c"], [find("zstd"), "-d", "-q", "-c"])


def case_git(ctx):
    """A small repository's life: commits, branches, merge, repack with threads, fsck, archive."""
    ctx.compare([find("sh"), workload("git_life.sh")], ignore=("repo/.git/index",))


def case_tar_sort(ctx):
    """Archive and extract a tree; sort by several keys with threads and little memory."""
    def setup(directory):
        for i in range(200):
            write(directory, f"tree/d{i % 17}/e{i % 5}/file{i}", text_lines(i, i))

    ctx.compare([find("sh"), workload("tar_tree.sh")], setup=setup)
    data = text_lines(120000, 3)
    ctx.compare([find("sort"), "-k1,1n", "-k2,2", "-k4,4nr", "--parallel=2", "-S", "2M"],
                stdin=data)
    ctx.compare([find("sort"), "-u", "-k2,2"], stdin=data)


def case_awk(ctx):
    """Associative arrays, string building and splitting."""
    ctx.compare([find("awk"), "-f", workload("report.awk")], stdin=text_lines(60000, 11))
