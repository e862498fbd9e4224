"""Real servers that Debian ships: how to start each under an allocator, what to ask it, and how to
end it. Their clients run on libc's malloc and are not measured."""

import atexit
import contextlib
import glob
import hashlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import allocators, measure


class Server:
    """The server's processor time counts, not the time on the clock, which the client's work is
    part of."""

    kind = "program"
    uses_cpu_time = True
    threads = 0
    limited = True
    long = False
    needs = {}  # program: its package

    def prepare(self):
        path = measure.environment()["PATH"]
        for program, package in self.needs.items():
            if shutil.which(program, path=path) is None:
                raise measure.NotInstalled(program, package)

    def run(self, preload, quick=False):
        try:
            return self._run(preload, quick)
        except OSError as error:  # of sockets and files; whose fault it is, the text says
            raise measure.RunError(f"{self.name}: {error}") from None


def _client(command, **options):
    """Runs a client to its end and returns what it said."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, env=measure.environment(), capture_output=True, text=True,
                              timeout=120, check=False, **options)
    except subprocess.TimeoutExpired:
        raise measure.RunError(f"{command[0]}: no end after 120 s") from None
    if done.returncode != 0:
        raise measure.RunError(f"{command[0]}: {(done.stdout + done.stderr)[-300:]}")
    return done.stdout


class Redis(Server):
    """redis-server under the allocator, driven by redis-benchmark."""

    name = "redis-server"
    about = "redis-server, served by redis-benchmark over a socket"
    needs = {"redis-server": "redis-server", "redis-benchmark": "redis-tools",
             "redis-cli": "redis-tools"}

    def _run(self, preload, quick):
        # Debian's server links to another allocator: libc's malloc must be preloaded too.
        preload = preload or allocators.libc_library()
        requests = 40000 if quick else 90000
        with tempfile.TemporaryDirectory(prefix="ashlar-redis-") as folder:
            socket = f"{folder}/socket"
            command = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "",
                       "--appendonly", "no", "--dir", folder, "--daemonize", "no",
                       "--jemalloc-bg-thread", "no", "--loglevel", "warning"]
            with measure.Launch(command, preload=preload) as server:
                self._wait_until_ready(socket, server)
                start = time.monotonic()
                self._client("redis-benchmark", "-s", socket, "-q", "-n", requests, "-r", 50000,
                             "-d", 200, "-c", 10, "-P", 16, "-t",
                             "set,get,lpush,lrange_100,hset,sadd,zadd,spop")
                wall = time.monotonic() - start
                keys = int(self._client("redis-cli", "-s", socket, "dbsize"))
                self._client("redis-cli", "-s", socket, "shutdown", "nosave")
                result = server.wait(30)
        if keys < 1000:
            raise measure.RunError(f"redis-server holds {keys} keys after its benchmark")
        result.wall, result.digest = wall, ""
        return result

    @staticmethod
    def _client(*command):
        said = _client(command).strip()
        if "error" in said.lower():
            raise measure.RunError(f"{command[0]}: {said[-300:]}")
        return said

    def _wait_until_ready(self, socket, server):
        for _ in range(200):
            try:
                if self._client("redis-cli", "-s", socket, "ping") == "PONG":
                    return
            except measure.RunError:
                pass
            time.sleep(0.05)
        raise measure.RunError(f"redis-server does not answer: {server.errors()[-300:]}")


class Memcached(Server):
    """memcached under the allocator, asked over a unix socket by what stands here: many
    connections, values of many sizes, batches of sets and gets. Every answer counts for the digest."""

    name = "memcached"
    about = "memcached, with values of many sizes and many connections"
    needs = {"memcached": "memcached"}
    long = True

    def _run(self, preload, quick):
        with tempfile.TemporaryDirectory(prefix="ashlar-memcached-") as folder:
            place = f"{folder}/socket"
            command = ["memcached", "-s", place, "-t", "2", "-m", "512", "-A"]
            if os.getuid() == 0:
                command += ["-u", "root"]  # it wants to be told
            with measure.Launch(command, preload=preload) as server:
                _wait_for_socket(place, server)
                start = time.monotonic()
                digest = hashlib.sha256()
                for number in range(60 if quick else 240):
                    self._ask(place, number, digest)
                wall = time.monotonic() - start
                with _connected(place) as connection:
                    connection.sendall(b"shutdown\r\n")
                result = server.wait(30)
        result.wall, result.digest = wall, digest.hexdigest()
        return result

    @staticmethod
    def _ask(place, number, digest):
        """One connection: a batch of sets, then gets of as many keys, old and new."""
        rng = random.Random(number)
        sets = []
        for _ in range(400):
            value = b"%d;" % rng.getrandbits(30) * rng.choice((1, 3, 10, 30, 100))
            sets.append(b"set key%d 0 0 %d\r\n%s\r\n" % (rng.randrange(20000), len(value), value))
        keys = [b" ".join(b"key%d" % rng.randrange(20000) for _ in range(50)) for _ in range(60)]
        with _connected(place) as connection, connection.makefile("rb") as answers:
            connection.sendall(b"".join(sets))
            if any(answers.readline() != b"STORED\r\n" for _ in sets):
                raise measure.RunError("memcached did not store a value")
            for line in keys:
                connection.sendall(b"get " + line + b"\r\n")
                while (answer := answers.readline()) != b"END\r\n":
                    if not answer:
                        raise measure.RunError("memcached closed the connection")
                    digest.update(answer)


@contextlib.contextmanager
def _connected(place):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(place)
        yield connection


def _wait_for_socket(place, server):
    for _ in range(400):
        with contextlib.suppress(OSError), _connected(place):
            return
        if not server.running():
            break
        time.sleep(0.05)
    raise measure.RunError(f"no answer from the server: {server.errors()[-300:]}")


POSTGRES_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
shared_buffers = 32MB
work_mem = 16MB
"""
POSTGRES_QUERY = r"""
\set low random(1, 80000)
SELECT bid, count(*), sum(abalance), md5(string_agg(aid::text || '-' || filler, ',' ORDER BY aid))
  FROM pgbench_accounts WHERE aid BETWEEN :low AND :low + 3000 GROUP BY bid;
SELECT json_agg(json_build_object('id', a.aid, 'next', b.aid, 'text', upper(a.filler)))::text
  FROM pgbench_accounts a JOIN pgbench_accounts b ON b.aid = a.aid + 1
  WHERE a.aid BETWEEN :low AND :low + 800;
"""


class Postgres(Server):
    """PostgreSQL under the allocator, driven by pgbench: small transactions and some reports. All
    processes of the server count; the largest one's memory does. It refuses to run as root."""

    name = "postgresql"
    about = "PostgreSQL, served by pgbench over a socket"
    long = True
    _template = None

    def prepare(self):
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"),
                         key=lambda folder: float(folder.split("/")[4]))
        if not folders or not os.path.exists(f"{folders[-1]}/pgbench"):
            raise measure.NotInstalled("postgres", "postgresql")
        self._programs = pathlib.Path(folders[-1])
        self._user = None
        if os.getuid() == 0:
            names = [entry.pw_name for entry in pwd.getpwall()]
            self._user = "postgres" if "postgres" in names else "nobody"
        if Postgres._template is None:
            Postgres._template = self._make_template()

    def _client(self, *command):
        return _client(command, cwd="/", user=self._user)

    def _folder(self):
        folder = tempfile.mkdtemp(prefix="ashlar-postgres-")
        if self._user:
            shutil.chown(folder, self._user)
        return folder

    def _make_template(self):
        """A cluster with pgbench's tables, made once, of which every run gets a copy."""
        folder = self._folder()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._client(self._programs / "initdb", "-D", f"{folder}/data", "-U", "bench",
                     "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync")
        with self._server(folder, ""):
            self._client(self._programs / "pgbench", "-h", folder, "-U", "bench", "-i", "-q",
                         "-s", "1", "postgres")
        return f"{folder}/data"

    @contextlib.contextmanager
    def _server(self, folder, preload):
        """Runs the server; its result is there after the block."""
        (pathlib.Path(folder) / "data" / "postgresql.conf").write_text(
            POSTGRES_SETTINGS.format(folder=folder), encoding="utf-8")
        command = [self._programs / "postgres", "-D", f"{folder}/data"]
        result = []
        with measure.Launch(command, preload=preload, cwd="/", user=self._user) as server:
            _wait_for_socket(f"{folder}/.s.PGSQL.5432", server)
            for _ in range(400):  # it listens before it lets anyone in
                with contextlib.suppress(measure.RunError):
                    self._psql(folder, "SELECT 1")
                    break
                time.sleep(0.05)
            yield result
            pid = (pathlib.Path(folder) / "data" / "postmaster.pid").read_text().split()[0]
            os.kill(int(pid), signal.SIGINT)
            result.append(server.wait(60))

    def _psql(self, folder, query):
        return self._client(self._programs / "psql", "-h", folder, "-U", "bench", "-X", "-A", "-t",
                            "-c", query, "postgres")

    def _run(self, preload, quick):
        folder = self._folder()
        try:
            shutil.copytree(self._template, f"{folder}/data")
            script = pathlib.Path(folder) / "reports.sql"
            script.write_text(POSTGRES_QUERY, encoding="utf-8")
            if self._user:
                for path in pathlib.Path(folder).rglob("*"):
                    shutil.chown(path, self._user)
            with self._server(folder, preload) as result:
                start = time.monotonic()
                self._client(self._programs / "pgbench", "-h", folder, "-U", "bench", "-n",
                             "-c", "2", "-j", "2", "-t", "40" if quick else "150",
                             "--random-seed", "1", "-b", "tpcb-like@4", "-f", f"{script}@1",
                             "postgres")
                wall = time.monotonic() - start
                sums = self._psql(folder, "SELECT sum(abalance), sum(abalance * aid) FROM "
                                  "pgbench_accounts; SELECT count(*), sum(delta) FROM "
                                  "pgbench_history")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        result[0].wall, result[0].digest = wall, hashlib.sha256(sums.encode()).hexdigest()
        return result[0]
