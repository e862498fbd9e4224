# What python3 does in the benchmarks: parse, group, sort, format and serialise records, build
# graphs of objects, match text. Deterministic; prints one digest.
import collections
import hashlib
import json
import random
import re
import sys


class Node:
    def __init__(self, name):
        self.name = name
        self.edges = []
        self.seen = False


def records(rng, count):
    return [{"id": i, "name": f"person {rng.randrange(count)}", "score": rng.random(),
             "tags": [f"t{rng.randrange(50)}" for _ in range(rng.randrange(6))],
             "place": {"x": rng.randrange(1000), "y": rng.randrange(1000)}} for i in range(count)]


def graph(rng, count):
    nodes = [Node(f"n{i}") for i in range(count)]
    for node in nodes:
        node.edges = [nodes[rng.randrange(count)] for _ in range(4)]
    queue, order = collections.deque([nodes[0]]), []
    while queue:
        node = queue.popleft()
        if not node.seen:
            node.seen = True
            order.append(node.name)
            queue.extend(node.edges)
    return order


def main():
    rounds = int(sys.argv[1])
    rng = random.Random(7)
    digest = hashlib.sha256()
    for _ in range(rounds):
        text = json.dumps(records(rng, 8000))
        groups = collections.defaultdict(list)
        for record in json.loads(text):
            for tag in record["tags"]:
                groups[tag].append(record)
        for tag in sorted(groups):
            best = sorted(groups[tag], key=lambda r: (-r["score"], r["id"]))[:20]
            digest.update(" ".join(r["name"] for r in best).encode())
        words = re.findall(r"[a-z]+ \d+", text)
        digest.update(str(collections.Counter(words).most_common(5)).encode())
        digest.update("".join(graph(rng, 8000)).encode())
        table = {(i % 977, i): [i] * (i % 40) for i in range(40000)}
        digest.update(str(sum(len(v) for v in table.values())).encode())
    print(digest.hexdigest())


main()
