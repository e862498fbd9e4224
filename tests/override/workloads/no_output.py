# Allocates and frees a lot, checks its own sums, writes them to a file and prints nothing.
import os

table = {}
for i in range(60000):
    table[i * 7919 % 60013] = "value %d" % i
    if i % 3 == 0:
        table.pop(i * 31 % 60013, None)
big = b"".join(os.urandom(0) + bytes([i % 256]) * 4096 for i in range(2000))
with open("sums", "w", encoding="ascii") as out:
    print(len(table), sum(map(len, table.values())), len(big), sum(big[::997]), file=out)
