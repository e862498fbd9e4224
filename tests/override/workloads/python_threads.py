# Threads that make objects, hand them to each other and drop them; the sums do not depend on order.
import concurrent.futures
import hashlib
import queue
import threading
import zlib

QUEUE_ITEMS = 6000


def producer(out, seed):
    for i in range(QUEUE_ITEMS):
        out.put((seed, i, ("%d-%d" % (seed, i)) * (i % 40), bytearray(i % 3000)))
    out.put(None)


def consumer(source, sums, index):
    total = 0
    while True:
        item = source.get()
        if item is None:
            break
        seed, i, text, data = item
        total += seed * i + len(text) + len(data) + zlib.crc32(text.encode())
    sums[index] = total


pipes = [queue.Queue(maxsize=100) for _ in range(3)]
sums = [0] * 3
threads = []
for index, pipe in enumerate(pipes):
    threads.append(threading.Thread(target=producer, args=(pipe, index + 1)))
    threads.append(threading.Thread(target=consumer, args=(pipe, sums, index)))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("queues", sums)


# hashlib and zlib let go of the interpreter's lock: real parallel allocation in C.
def squeeze(i):
    data = (b"%d " % i) * 30000
    packed = zlib.compress(data, 6)
    assert zlib.decompress(packed) == data
    return hashlib.sha1(packed).hexdigest()


with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
    answers = list(pool.map(squeeze, range(60)))
print("pool", hashlib.sha1("".join(answers).encode()).hexdigest())

# Many short threads, each with thread-local data that outlives some of its work.
local = threading.local()
done = []


def short(i):
    local.kept = [str(j) for j in range(i % 200)]
    done.append(len(local.kept))


for batch in range(60):
    group = [threading.Thread(target=short, args=(batch * 10 + i,)) for i in range(10)]
    for thread in group:
        thread.start()
    for thread in group:
        thread.join()
print("short", len(done), sum(done))
