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
    rest: tuple = ()  # seed and threads, where they are not the defaults
    times: int = 1  # process starts a run

    kind = "workload"
    uses_cpu_time = False

    def prepare(self):
        """Nothing to prepare: the programs are built before."""

    def run(self, preload, quick=False):
        times = max(1, self.times // 4) if quick else self.times
        return measure.run(
            [measure.BUILD / self.program, self.quick if quick else self.size, *self.rest],
            preload=preload, times=times)


class Startup(Workload):
    def run(self, preload, quick=False):
        result = super().run(preload, quick)
        result.digest = ""  # it prints its own memory use
        return result


ALL = [
    Startup("startup", "a program that allocates nothing, started again and again", "nothing",
            0, 0, times=200),
    Workload("factor", "continued fractions: very many tiny bignums", "factor", 120000, 30000),
    Workload("logic-cubes", "logic minimisation: covers of small cubes", "logic_cubes", 10, 3),
    Workload("trees", "binary trees of one node size", "trees", 19, 17),
    Workload("containers", "C++ maps, strings, vectors", "containers", 50, 12),
    Workload("random-sizes", "random sizes and lifetimes", "random_sizes", 3000000, 1000000),
    Workload("fixed-1", "the fast path, one thread", "fixed_loop", 300000, 100000, (1, 1)),
    Workload("fixed-2", "the fast path, two threads", "fixed_loop", 300000, 100000, (1, 2)),
    Workload("regrow", "realloc growth, small and large", "regrow", 150, 40),
    Workload("zeroed", "calloc, small and large", "zeroed", 800000, 200000),
    Workload("large-blocks", "buffers of 64 KiB to 32 MiB", "large_blocks", 800, 300),
    Workload("mixed-loop", "many sizes and orders of freeing, two threads", "mixed_loop",
             120000, 40000),
    Workload("server-threads", "long-lived tables handed from thread to thread",
             "server_threads", 150, 40),
    Workload("pipeline", "one thread allocates, another one frees", "pipeline", 40000, 10000),
    Workload("migrate", "blocks travel round a ring of threads", "migrate", 2500, 700),
    Workload("one-frees-all", "four threads allocate, one frees", "one_frees_all", 70, 25),
    Workload("exchange", "mixed objects swapped between threads that come and go", "exchange",
             40, 12),
    Workload("thread-churn", "short threads, started and joined", "thread_churn", 7000, 2000),
    Workload("sharing-active", "threads write small blocks of their own", "false_sharing",
             1500000, 400000, (0, 2)),
    Workload("sharing-passive", "the same, beginning with blocks of one thread", "false_sharing",
             1500000, 400000, (1, 2)),
]
