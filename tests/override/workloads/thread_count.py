# Prints the number of threads of this process four times: at start, after many small blocks, after
# large ones, and after everything was freed and some time has passed.
import time


def threads():
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("Threads:"):
                return int(line.split()[1])
    return 0


print(threads())
small = [[i, str(i), {i: i}] for i in range(200000)]
print(threads())
large = [bytearray(3 << 20) for _ in range(40)]
print(threads())
del small, large
time.sleep(0.5)
print(threads())
