"""Real programs that Debian ships, what each is given to do, and how to run that once. Their
input is made here, always the same, in build/bench/data. Measuring is measure.py's business."""

import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from . import allocators, measure

HERE = pathlib.Path(__file__).resolve().parent.parent
DATA = measure.BUILD / "data"


class Program:
    """A program that is started, works and ends."""

    kind = "program"
    uses_cpu_time = False

    def __init__(self, name, about, needs, command, quick=None, prepare=None, env=None, stdin=None,
                 cwd=None):
        self.name, self.about, self.needs = name, about, needs
        self._command, self._quick = command, quick or command
        self._prepare, self._env, self._stdin, self._cwd = prepare, env, stdin, cwd

    def prepare(self):
        if shutil.which(self.needs, path=measure.environment()["PATH"]) is None:
            raise measure.RunError(f"{self.needs} is not installed (tools/install run installs it)")
        if self._prepare:
            DATA.mkdir(parents=True, exist_ok=True)
            self._prepare()

    def run(self, preload, quick=False):
        return measure.run(self._quick if quick else self._command, preload=preload,
                           extra_env=self._env, stdin=self._stdin, cwd=self._cwd)


class Redis:
    """redis-server under the allocator, driven by redis-benchmark. The server's processor time
    counts, not the time on the clock, which the client's work is part of."""

    name = "redis-server"
    about = "redis-server, served by redis-benchmark over a socket"
    kind = "program"
    uses_cpu_time = True

    def prepare(self):
        path = measure.environment()["PATH"]
        for program in ("redis-server", "redis-benchmark", "redis-cli"):
            if shutil.which(program, path=path) is None:
                raise measure.RunError(f"{program} is not installed (tools/install run)")

    def run(self, preload, quick=False):
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
        done = subprocess.run([str(part) for part in command], env=measure.environment(),
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0 or "error" in done.stdout.lower():
            raise measure.RunError(f"{command[0]}: {(done.stdout + done.stderr)[-300:]}")
        return done.stdout.strip()

    def _wait_until_ready(self, socket, server):
        for _ in range(200):
            try:
                if self._client("redis-cli", "-s", socket, "ping") == "PONG":
                    return
            except measure.RunError:
                pass
            time.sleep(0.05)
        raise measure.RunError(f"redis-server does not answer: {server.errors()[-300:]}")


def _write_once(path, make):
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_bytes(make())
        partial.rename(path)


def _text(rng, count):
    words = ["".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 10)))
             for _ in range(5000)]
    lines = []
    for _ in range(count):
        lines.append(" ".join(words[int(5000 * rng.random() ** 3)] for _ in range(10)))
    return ("\n".join(lines) + "\n").encode()


CPP_SOURCE = DATA / "large.cc"
CPP_HEADERS = ("algorithm array bitset chrono complex deque filesystem forward_list fstream "
               "functional future iomanip iostream list map memory mutex numeric optional queue "
               "random ranges regex set sstream string thread tuple unordered_map variant "
               "vector").split()
CPP_PART = """
struct Record@ {
  std::string name;
  std::array<int, @ + 1> numbers{};
  std::variant<int, std::string, std::vector<double>> value;
  auto operator<=>(const Record@& other) const { return name <=> other.name; }
  bool operator==(const Record@& other) const { return name == other.name; }
};
long work@(const std::vector<std::string>& words) {
  std::map<std::string, std::vector<Record@>> groups;
  std::unordered_map<std::string, std::set<Record@>> sets;
  for (const auto& word : words) {
    Record@ record{word, {}, static_cast<int>(word.size())};
    groups[word.substr(0, 1)].push_back(record);
    sets[word].insert(record);
  }
  auto lengths = words | std::views::filter([](const auto& w) { return w.size() > @; }) |
                 std::views::transform([](const auto& w) { return w.size(); });
  std::function<long(long)> add = [&](long n) { return n + static_cast<long>(groups.size()); };
  long sum = add(std::accumulate(lengths.begin(), lengths.end(), 0L));
  for (auto& [key, list] : groups) {
    std::ranges::sort(list);
    sum += static_cast<long>(list.size() + sets[key].size());
  }
  return sum;
}
"""


def _cpp_source():
    text = "".join(f"#include <{header}>\n" for header in CPP_HEADERS)
    return (text + "".join(CPP_PART.replace("@", str(i)) for i in range(3))).encode()


TEXT_FILE = DATA / "words.txt"
REPOSITORY = DATA / "repository"


def _make_repository():
    """A history of small edits to some hundred files, through git fast-import."""
    if REPOSITORY.exists():
        return
    rng = random.Random(11)
    stream = []
    files = [[f"{rng.getrandbits(60):x} line {j}" for j in range(rng.randint(20, 400))]
             for _ in range(150)]
    for commit in range(700):
        stream.append(f"commit refs/heads/main\n"
                      f"committer A <a@b> {1600000000 + commit * 60} +0000\n"
                      f"data <<END\nchange {commit}\nEND\n")
        for number in range(150) if commit == 0 else rng.sample(range(150), 6):
            lines = files[number]
            for _ in range(5):
                at = rng.randrange(len(lines))
                lines[at:at + rng.randrange(3)] = [f"{rng.getrandbits(60):x} line"]
            body = "\n".join(lines) + "\n"
            stream.append(f"M 100644 inline dir{number % 12}/file{number}\n"
                          f"data {len(body)}\n{body}")
    partial = REPOSITORY.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    env = measure.environment()
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(partial)], env=env, check=True)
    subprocess.run(["git", "-C", str(partial), "fast-import", "--quiet"], env=env, check=True,
                   input="".join(stream).encode())
    partial.rename(REPOSITORY)


SQL_FILE = DATA / "work.sql"
SQL = """
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city INTEGER, score REAL);
CREATE TABLE visit(person INTEGER, day INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people})
  INSERT INTO person SELECT i, 'name-' || (i * 7919 % 100003), i * 31 % 500, i % 997 / 3.0 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {visits})
  INSERT INTO visit SELECT i * 7 % {people}, i % 365, printf('note %d of %d', i, i % 91) FROM n;
CREATE INDEX by_city ON person(city, score);
CREATE INDEX by_person ON visit(person);
SELECT city, count(*), round(avg(score), 3) FROM person GROUP BY city ORDER BY 3 DESC, 1 LIMIT 20;
SELECT p.name, count(*), group_concat(v.note, ';') FROM person p JOIN visit v ON v.person = p.id
  GROUP BY p.name ORDER BY 2 DESC, 1 LIMIT 50;
SELECT day, count(DISTINCT note) FROM visit GROUP BY day ORDER BY 2 DESC, 1 LIMIT 20;
UPDATE visit SET note = upper(note) || '!' WHERE day % 3 = 0;
DELETE FROM person WHERE id % 5 = 0;
SELECT sum(length(note)), count(*) FROM visit WHERE person IN (SELECT id FROM person);
"""


PYTHON = ["/usr/bin/python3", "-I", str(HERE / "programs" / "work.py")]
PYTHON_ENV = {"PYTHONHASHSEED": "0"}

ALL = [
    Program("python3", "python3: records, JSON, graphs, text", "python3", [*PYTHON, 4],
            quick=[*PYTHON, 1], env=PYTHON_ENV),
    # -I would ignore PYTHONMALLOC; python3 keeps small objects to itself without it.
    Program("python3-malloc", "the same with PYTHONMALLOC=malloc: small objects too", "python3",
            ["/usr/bin/python3", "-s", PYTHON[-1], 4],
            quick=["/usr/bin/python3", "-s", PYTHON[-1], 1],
            env={**PYTHON_ENV, "PYTHONMALLOC": "malloc"}),
    Program("perl", "perl: words, hashes of arrays, substitutions", "perl",
            ["/usr/bin/perl", HERE / "programs" / "work.pl", 5],
            quick=["/usr/bin/perl", HERE / "programs" / "work.pl", 2]),
    Program("g++", "g++ compiling one file with many standard headers and templates", "g++",
            ["g++", "-std=c++20", "-O0", "-S", "-o", "-", CPP_SOURCE],
            quick=["g++", "-std=c++20", "-fsyntax-only", CPP_SOURCE],
            prepare=lambda: _write_once(CPP_SOURCE, _cpp_source)),
    Program("sqlite3", "sqlite3: tables, indexes, joins in memory", "sqlite3",
            ["sqlite3", ":memory:", f".read {SQL_FILE}"],
            prepare=lambda: _write_once(
                SQL_FILE, lambda: SQL.format(people=100000, visits=320000).encode())),
    Redis(),
    Program("git", "git log -p over a history of 700 changes", "git",
            ["git", "-C", REPOSITORY, "log", "-p", "--stat"],
            quick=["git", "-C", REPOSITORY, "log", "-p", "-n", "150"], prepare=_make_repository),
    Program("xz", "xz compressing with two threads", "xz",
            ["xz", "-2", "-T2", "--block-size=1MiB", "-c", TEXT_FILE],
            quick=["xz", "-0", "-T2", "--block-size=1MiB", "-c", TEXT_FILE],
            prepare=lambda: _write_once(TEXT_FILE, lambda: _text(random.Random(5), 180000))),
]
