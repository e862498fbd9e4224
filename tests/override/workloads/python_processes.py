# Children by subprocess, by os.fork while threads run, and by multiprocessing both ways.
import multiprocessing
import os
import subprocess
import sys
import threading


def work(n):
    table = {i: "x" * (i % 100) for i in range(n)}
    return n, sum(map(len, table.values()))


def with_subprocess():
    for i in range(6):
        answer = subprocess.run(
            [sys.executable, "-I", "-c", "import sys; d = sys.stdin.read(); print(len(d), d[-5:])"],
            input="abcde" * (i * 10000 + 1), capture_output=True, text=True, check=True)
        print("subprocess", answer.stdout.strip(), repr(answer.stderr))


def with_fork():
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            kept = [bytearray(i % 700) for i in range(500)]
            del kept[::2]

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(30):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, repr(work(2000 + i)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            print("fork", pipe.read().decode())
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()


def with_multiprocessing():
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print(method, pool.map(work, range(1000, 9000, 1000)))


if __name__ == "__main__":
    with_subprocess()
    sys.stdout.flush()
    with_fork()
    sys.stdout.flush()
    with_multiprocessing()
