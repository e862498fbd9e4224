"""The workloads of bench/workloads: which program with which arguments stands for what. How they
are measured is in measure.py."""

from dataclasses import dataclass

from . import measure


@dataclass
class Workload:
    name: str
    about: str
    program: str
    size: int
    quick: int
    smoke: int  # next to nothing: whether it runs at all
    rest: tuple = ()  # seed and threads, where they are not the defaults
    times: int = 1  # process starts a run
    threads: int = 1
    # Whether the limit is one here: its lists only grow where threads free what others allocated,
    # and are lost when threads end, and it then measures how fast the system gives memory.
    limited: bool = True

    kind = "workload"
    long = False
    uses_cpu_time = False

    def prepare(self):
        """Nothing to prepare: the programs are built before."""

    def run(self, preload, quick=False):
        return self._run(preload, self.quick if quick else self.size,
                         max(1, self.times // 4) if quick else self.times)

    def run_smoke(self, preload):
        return self._run(preload, self.smoke, 1)

    def _run(self, preload, size, times):
        return measure.run([measure.program(self.program), size, *self.rest], preload=preload,
                           times=times)


class Startup(Workload):
    def _run(self, preload, size, times):
        result = super()._run(preload, size, times)
        result.digest = ""  # it prints its own memory use
        return result


ALL = [
    Startup("startup", "a program that allocates nothing, started again and again", "nothing",
            0, 0, 0, times=200),
    Workload("factor", "continued fractions: very many tiny bignums", "factor",
             120000, 30000, 2000),
    Workload("logic-cubes", "logic minimisation: covers of small cubes", "logic_cubes", 10, 3, 1),
    Workload("trees", "binary trees of one node size", "trees", 19, 17, 10),
    Workload("bodies", "bodies under gravity: a tree built and dropped each step", "bodies",
             400, 100, 5),
    Workload("containers", "C++ maps, strings, vectors", "containers", 50, 12, 1),
    Workload("random-sizes", "random sizes and lifetimes", "random_sizes",
             3000000, 1000000, 50000, (1, 1)),
    Workload("random-sizes-2", "the same, two threads", "random_sizes",
             3000000, 1000000, 50000, (1, 2), threads=2),
    Workload("fixed-1", "the fast path, one thread", "fixed_loop", 300000, 100000, 1000, (1, 1)),
    Workload("fixed-2", "the fast path, two threads", "fixed_loop", 300000, 100000, 1000, (1, 2),
             threads=2),
    Workload("regrow", "realloc growth, small and large", "regrow", 150, 40, 2),
    Workload("zeroed", "calloc, small and large", "zeroed", 800000, 200000, 10000),
    Workload("large-blocks", "buffers of 64 KiB to 32 MiB", "large_blocks", 800, 300, 20),
    Workload("mixed-loop", "many sizes and orders of freeing, two threads", "mixed_loop",
             120000, 40000, 1000, threads=2),
    Workload("server-threads", "long-lived tables handed from thread to thread",
             "server_threads", 150, 40, 2, threads=4, limited=False),
    Workload("pipeline", "one thread allocates, another one frees", "pipeline",
             40000, 10000, 200, threads=2, limited=False),
    Workload("migrate", "blocks travel round a ring of threads", "migrate", 2500, 700, 20,
             threads=4),
    Workload("one-frees-all", "four threads allocate, one frees", "one_frees_all", 70, 25, 1,
             threads=5, limited=False),
    Workload("exchange", "mixed objects swapped between threads that come and go", "exchange",
             40, 12, 1, threads=4, limited=False),
    Workload("leaky-threads", "threads end, and much later others free their blocks",
             "leaky_threads", 600, 200, 20, threads=2, limited=False),
    Workload("thread-churn", "short threads, started and joined", "thread_churn",
             7000, 2000, 50, threads=2, limited=False),
    Workload("sharing-alone", "one thread writes a small block of its own", "false_sharing",
             1500000, 400000, 5000, (0, 1)),
    Workload("sharing-active", "threads write small blocks of their own", "false_sharing",
             1500000, 400000, 5000, (0, 2), threads=2),
    Workload("sharing-passive", "the same, beginning with blocks of one thread", "false_sharing",
             1500000, 400000, 5000, (1, 2), threads=2),
]
