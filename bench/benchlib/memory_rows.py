"""What bench/memory measures: which program of bench/memory_programs is run with which arguments,
and which figures are read from its output. Runs nothing; less is better in every ranked figure."""

from dataclasses import dataclass

from .rows import Figure, Run, mebibytes, milliseconds, quotient

SERIES_MS = 1500  # how long after the frees the runs of the picture are watched
THREADS = 100
THP_MODES = ("always", "madvise")
GROUPS = {
    "idle": "Idle: held a second after everything was freed, threads asleep",
    "trim": "Trim: the same, at once after malloc_trim(0)",
    "realloc": "Growing and shrinking one block",
    "buffers": "Large buffers, again and again",
    "footprint": "Small processes: private dirty memory more than on libc without a call",
    "overhead": "Resident over asked for, all blocks live",
    "fragmentation": "Fragmentation: resident over live at the end of rounds",
    "mappings": "Mappings of the process",
    "thp": "Transparent huge pages",
}


def mapping_count(what, name="mappings"):
    # Each library has some itself; only tens matter, against the system's bound of 65530.
    return Figure(name, "mappings", what, "", lambda told: told[name], digits=0, grain=20)


@dataclass
class Scale:
    """How large the runs are: memory is divided by `memory`, rounds and repetitions too."""
    memory: int = 1
    times: int = 1

    def mib(self, full):
        return max(1, full // self.memory)

    def count(self, full):
        return max(2, full // self.times)


FREED_BY = {"own": "each frees its own", "neighbour": "each frees another's",
            "main": "main frees all"}


def idle_text(threads, freer):
    return "1 thread, frees its own" if (threads, freer) == (1, "own") else \
        f"{threads} thread{'s' if threads > 1 else ''}, {FREED_BY[freer]}"


def idle(scale):
    quick = {(1, "own"), (4, "neighbour"), (16, "own"), (16, "main")}
    pictured = {(4, "own"), (4, "neighbour")}
    for threads in (1, 4, 16):
        for number, freer in enumerate(FREED_BY):
            if threads == 1 and freer == "neighbour":
                continue
            name = f"idle-{threads}-{freer}"
            what = idle_text(threads, freer)
            sampled = (threads, freer) in pictured
            yield Run(name, "idle", [scale.mib(512), threads, number,
                                     SERIES_MS if sampled else 1000, 0],
                      [Figure("held", "idle", what, "MiB", mebibytes("held_kib"),
                              bound=16 + threads),
                       mapping_count(f"idle, {what}")],
                      sampled=sampled, in_quick=(threads, freer) in quick)


def trim(scale):
    quick = {(4, "neighbour")}
    for threads, freer in ((1, "own"), (4, "own"), (4, "neighbour"), (16, "own"), (16, "main")):
        number = list(FREED_BY).index(freer)
        what = idle_text(threads, freer)
        yield Run(f"trim-{threads}-{freer}", "idle", [scale.mib(512), threads, number, 1000, 1],
                  [Figure("held", "trim", what, "MiB", mebibytes("held_kib"), bound=16 + threads),
                   Figure("call", "trim", f"{what}: the call", "ms", milliseconds("trim_us"),
                          digits=2)],
                  in_quick=(threads, freer) in quick)


def realloc(scale):
    limit = 5
    for name, mib, step, what in (
            ("mib", 1024, 1024, "to 1 GiB by 1 MiB"), ("half", 1024, 0, "to 1 GiB by half"),
            ("small", 64, 64, "to 64 MiB by 64 KiB")):
        yield Run(f"realloc-{name}", "resize", [scale.mib(mib) * 1024, step, limit],
                  [Figure("time", "realloc", f"{what}: time", "s",
                          lambda t: t["us"] / 1e6 if t["finished"] else float("inf"), digits=2),
                   Figure("peak", "realloc", f"{what}: peak resident over size", "",
                          quotient("peak_kib", "size_kib"), bound=1.10, digits=2)])
    yield Run("realloc-shrink", "resize", [0, scale.mib(256) * 1024, 1024],
              [Figure("held", "realloc", "from 256 MiB to 1 MiB: held", "MiB",
                      mebibytes("held_kib"), bound=10)])


def buffers(scale):
    for name, kind, mib, times, what in (
            ("calloc-1024", 1, 1024, 20, "calloc of 1 GiB, a page a MiB written"),
            ("buffer-1", 0, 1, 2048, "1 MiB, all written"),
            ("buffer-8", 0, 8, 256, "8 MiB, all written"),
            ("buffer-64", 0, 64, 32, "64 MiB, all written")):
        yield Run(name, "buffers", [kind, mib if mib < 1024 else scale.mib(mib),
                                    scale.count(times), 3],
                  [Figure("time", "buffers", f"{what}: a time", "ms", milliseconds("us", "times"),
                          digits=2),
                   Figure("faults", "buffers", f"{what}: page faults", "",
                          quotient("faults", "times"), digits=0)])


def footprint(_scale):
    def dirty(what, base, by=1, bound=None):
        return [Figure("dirty", "footprint", what, "KiB", lambda t: t["dirty_kib"], base=base,
                       by=by, bound=bound, digits=0 if by == 1 else 1)]

    yield Run("footprint-nothing", "footprint", [0, 0, 0],
              dirty("allocates nothing", "footprint-nothing", bound=256))
    yield Run("footprint-1k", "footprint", [1024, 0, 0],
              dirty("one block of 1 KiB", "footprint-nothing"))
    yield Run("footprint-1m", "footprint", [1 << 20, 0, 0],
              dirty("1 MiB of small blocks", "footprint-nothing"))
    yield Run("threads-nothing", "footprint", [0, THREADS, 0],
              dirty("(base)", None), only_libc=True)
    yield Run("footprint-threads", "footprint", [0, THREADS, 64],
              dirty("a thread with one block, of 100 asleep", "threads-nothing", by=THREADS))


def overhead(scale):
    for size, what in ((16, "16 bytes"), (64, "64 bytes"), (256, "256 bytes"), (1024, "1 KiB"),
                       (4096, "4 KiB"), (32768, "32 KiB"), (1 << 20, "1 MiB")):
        yield Run(f"overhead-{size}", "overhead", [scale.mib(1024), size],
                  [Figure("resident", "overhead", f"1 GiB of blocks of {what}", "",
                          quotient("resident_kib", "asked_kib"), digits=3, slack=0.005)])
    yield Run("waste", "overhead", [scale.mib(256), 0],
              [Figure("resident", "overhead", "sizes 1 to 32768, log-uniform", "",
                      quotient("resident_kib", "asked_kib"), digits=3, slack=0.005),
               Figure("mean", "overhead", "the same: mean of usable over asked", "",
                      lambda t: t["mean_ppm"] / 1e6, digits=3, slack=0.01),
               Figure("worst", "overhead", "the same: worst, from 64 bytes on", "",
                      lambda t: t["worst_ppm"] / 1e6, digits=3, slack=0.01)])


def fragmentation(scale):
    # At least 16 MiB: in a small process what every process has would decide.
    yield Run("fragmentation", "fragmentation", [max(16, scale.mib(32)), scale.count(300), 0],
              [Figure("median", "fragmentation", "median of the rounds after the tenth", "",
                      lambda t: t["fragmentation_median"], digits=2),
               Figure("worst", "fragmentation", "worst of them", "",
                      lambda t: t["fragmentation_worst"], digits=2),
               mapping_count("fragmentation, at the end")])
    yield Run("fragmentation-trim", "fragmentation", [max(16, scale.mib(32)), scale.count(60), 1],
              [Figure("median", "fragmentation", "median, malloc_trim(0) at each round's end", "",
                      lambda t: t["fragmentation_median"], digits=2)])


def mappings(scale):
    yield Run("mappings-huge", "mappings", [scale.count(10000), 500],
              [mapping_count("10,000 blocks of 1 to 16 MiB at random: most", "peak_mappings")])


def thp(scale):
    for mode in THP_MODES:
        yield Run(f"thp-{mode}-idle", "idle", [scale.mib(512), 1, 0, 1000, 0],
                  [Figure("held", "thp", f"{mode}: idle, 1 thread", "MiB", mebibytes("held_kib"),
                          bound=17),
                   Figure("huge", "thp", f"{mode}: idle, of that in huge pages", "MiB",
                          mebibytes("held_huge_kib"), ranked=False)], thp=mode)
        yield Run(f"thp-{mode}-scan", "scan", [scale.mib(512), 1],
                  [Figure("walk", "thp", f"{mode}: 512 MiB of nodes, walked at random", "s",
                          lambda t: t["walk_us"] / 1e6, digits=2),
                   Figure("scan", "thp", f"{mode}: the same, scanned in order, four times", "s",
                          lambda t: t["scan_us"] / 1e6, digits=2),
                   Figure("resident", "thp", f"{mode}: nodes, resident", "MiB",
                          mebibytes("resident_kib")),
                   Figure("huge", "thp", f"{mode}: nodes, of that in huge pages", "MiB",
                          mebibytes("huge_kib"), ranked=False)], thp=mode)


def every_run(scale, with_thp=True):
    makers = (idle, trim, realloc, buffers, footprint, overhead, fragmentation, mappings)
    runs = [run for maker in makers for run in maker(scale)]
    return runs + (list(thp(scale)) if with_thp else [])
