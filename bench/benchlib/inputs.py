"""What real programs are given to work on: made here, always the same, and kept in
build/bench/data. Which program gets what is in programs.py."""

import random
import shutil
import subprocess

from . import measure

DATA = measure.BUILD / "data"


def write_once(path, make):
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.write_bytes(make())
        partial.rename(path)


def text(rng, count):
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


def cpp_source():
    includes = "".join(f"#include <{header}>\n" for header in CPP_HEADERS)
    return (includes + "".join(CPP_PART.replace("@", str(i)) for i in range(3))).encode()


TEXT_FILE = DATA / "words.txt"
REPOSITORY = DATA / "repository"


def make_repository():
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


SMT_FILE = DATA / "work.smt2"


def smt(holes=8, bits=13):
    """More pigeons than holes, which is searched for long; then products that are equal, bit by
    bit, and a schedule in integers."""
    pigeons = holes + 1
    lines = ["(push)"]
    lines += [f"(declare-const p{i}_{j} Bool)" for i in range(pigeons) for j in range(holes)]
    for i in range(pigeons):
        lines.append(f"(assert (or {' '.join(f'p{i}_{j}' for j in range(holes))}))")
    for j in range(holes):
        lines += [f"(assert (not (and p{i}_{j} p{k}_{j})))"
                  for i in range(pigeons) for k in range(i)]
    vector = f"(_ BitVec {bits})"
    lines += ["(check-sat)", "(pop)", "(push)",
              f"(declare-const a {vector})", f"(declare-const b {vector})",
              "(assert (= (bvmul a b) (_ bv3599 %d)))" % bits,
              "(assert (bvult a b))", "(assert (bvugt a (_ bv1 %d)))" % bits,
              "(assert (bvult b (_ bv90 %d)))" % bits,
              "(check-sat)", "(pop)", "(push)"]
    lines += [f"(declare-const s{i} Int)" for i in range(40)]
    lines += [f"(assert (and (>= s{i} 0) (<= s{i} 400)))" for i in range(40)]
    lines += [f"(assert (or (>= (- s{i} s{j}) {5 + i % 7}) (>= (- s{j} s{i}) {5 + j % 5})))"
              for i in range(40) for j in range(max(0, i - 6), i)]
    return ("\n".join([*lines, "(check-sat)", "(pop)"]) + "\n").encode()


POSTSCRIPT_FILE = DATA / "work.ps"
POSTSCRIPT = """%!PS
/state 12345 def
/number { /state state 1103 mul 12347 add 1048576 mod def state exch mod } bind def
/index 2000 dict def
PAGES {
  1 1 WORDS {
    pop /word 20 string def
    5000 number word cvs pop
    index word cvn known {
      index word cvn get dup length 1 add array dup 0 4 -1 roll putinterval
    } { 1 array } ifelse
    dup dup length 1 sub 5000 number put
    dup length 12 gt { pop index word cvn undef } { index exch word cvn exch put } ifelse
  } for
  gsave
  1 1 SHAPES {
    pop
    256 number 255 div 256 number 255 div 256 number 255 div setrgbcolor
    newpath 600 number 780 number moveto
    6 { 600 number 780 number 600 number 780 number 600 number 780 number curveto } repeat
    closepath
    2 number 0 eq { eofill } { 3 number 1 add setlinewidth stroke } ifelse
  } for
  grestore
  showpage
} repeat
"""


def postscript(pages=4, words=100000, shapes=250):
    return (POSTSCRIPT.replace("PAGES", str(pages)).replace("WORDS", str(words))
            .replace("SHAPES", str(shapes)).encode())
