# A single-threaded mix of what python programs do with memory. Prints checksums and a few results.
import bisect
import bz2
import collections
import hashlib
import heapq
import itertools
import json
import lzma
import pickle
import random
import re
import sqlite3
import zlib

random.seed(20240501)


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


# JSON: nested objects there and back.
document = {
    "rows": [
        {"id": i, "name": "n" * (i % 50), "tags": [str(t) for t in range(i % 9)], "x": i / 7}
        for i in range(8000)
    ]
}
text = json.dumps(document, sort_keys=True)
assert json.loads(text) == document
print("json", len(text), digest(text), digest(json.dumps(json.loads(text), indent=2)))

# Regular expressions.
words = ["".join(random.choices("abcdefgh", k=random.randint(1, 12))) for _ in range(30000)]
prose = " ".join(words)
found = re.findall(r"\b(a[b-d]*)(\w{0,4})\b", prose)
print("re", len(found), digest(found), digest(re.sub(r"(\w)(\w)", r"\2\1", prose)))

# Sorting, heaps, counting, ordered insertion.
numbers = [random.random() for _ in range(100000)]
print("sort", digest(sorted(numbers)[::1000]), digest(heapq.nlargest(50, numbers)))
ordered = []
for number in numbers[:8000]:
    bisect.insort(ordered, number)
print("insort", digest(ordered), collections.Counter(words).most_common(5))
print("permutations", digest(list(itertools.permutations(range(7)))))

# Big integers and strings that double.
value = 1
for i in range(1, 2500):
    value *= i
print("factorial", digest(hex(value)))
grown = "x"
for i in range(21):
    grown += grown
print("doubling", len(grown), zlib.crc32(grown.encode()))

# Lists and dicts that grow and shrink; deques; sets.
table = {}
for i in range(150000):
    table[i * 7919 % 150001] = (i, str(i))
    if i % 3 == 0:
        table.pop(i // 2, None)
print("dict", len(table), digest(sorted(table.items())[:100]))
queue = collections.deque(maxlen=5000)
for i in range(50000):
    queue.append([i] * (i % 17))
print("deque", sum(map(len, queue)))

# Compression and pickling: large buffers, realloc.
raw = prose.encode() * 4
for module in (zlib, bz2, lzma):
    packed = module.compress(raw)
    assert module.decompress(packed) == raw
    print(module.__name__, len(packed), digest(packed))
copy = pickle.loads(pickle.dumps(document, protocol=5))
assert copy == document

# sqlite in the same process.
base = sqlite3.connect(":memory:")
base.execute("create table t(a integer, b text, c real)")
base.executemany("insert into t values(?, ?, ?)", ((i, words[i], numbers[i]) for i in range(20000)))
base.execute("create index i on t(b)")
print("sqlite", base.execute("select b, count(*), sum(a) from t group by b order by 2 desc, 1 "
                             "limit 5").fetchall())

# Cycles, for the collector.
for _ in range(20000):
    a, b = [], []
    a.append(b)
    b.append(a)


class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1) for _ in range(2)] if depth else []

    def count(self):
        return 1 + sum(child.count() for child in self.children)


print("tree", Node(13).count())
