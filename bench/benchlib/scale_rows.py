"""What bench/scale measures: which program of bench/scale_programs is run with which arguments
along each line, and which figures are read from its output. Runs nothing; less is better."""

import re
from dataclasses import dataclass

from .rows import Figure, Run

# Why a program told no figures, by the number after "ended" (Ended in scale_programs/scale.h).
ENDED = {1: "malloc gave NULL", 2: "more memory than the machine can spare",
         3: "more than 45 seconds to fill memory", 4: "has no such calls"}
LACKS_CALLS = 4
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "p9999": 99.99,
               "p99999": 99.999}
CALLS = ("malloc", "free", "nothing")


@dataclass
class Point(Run):
    """One point of a line, or one group of figures where x means nothing."""
    line: str = ""
    x: int = 0
    label: str = ""  # x as people write it


@dataclass
class Line:
    name: str
    axis: str  # what x is
    picture: str
    points: list
    drawn: tuple = ()  # the figures that the picture has, by name
    by_figure: bool = False  # figures are rows, and there is one table a point
    unit: str = ""  # of x in pictures, where the axis has no labels of its own

    @property
    def figures(self):
        return self.points[0].figures

    @property
    def axis_with_unit(self):
        return f"{self.axis}, {self.unit}" if self.unit else self.axis


def each_ns(name):
    return lambda told: told[name] / 1000


def each_us(name):
    return lambda told: told[name] / 1e6


def share(name, by):
    """What a whole comes to for each of so many: a total that grows with x is a flat line."""
    return lambda told: told[name] / by


def number(name):
    return lambda told: told[name]


def figure(group, name, about, unit, value, digits=1):
    return Figure(name, group, about, unit, value, digits=digits)


def points_of(line, program, xs, arguments, figures, quick_up_to, label=None, once_from=None):
    """A line's runs: each begins only for who came through the one before."""
    points, before = [], None
    for x in xs:
        point = Point(f"{line}-{x}", program, arguments(x), figures(x), family="scale",
                      in_quick=x <= quick_up_to, after=before, line=line, x=x,
                      label=label(x) if label else f"{x:,}",
                      most_rounds=1 if once_from and x >= once_from else None)
        points.append(point)
        before = point.name
    return points


def threads(scale, _limit):
    operations = max(1000, 200000 // scale)
    return Line("threads", "threads", "threads", points_of(
        "threads", "threads", (1, 2, 4, 8, 16, 32, 64), lambda x: [x, operations, 512],
        lambda x: [
            figure("threads", "operation", "processor time of a free and a malloc", "ns",
                   each_ns("operation_ps")),
            figure("threads", "resident", "resident memory a thread", "KiB",
                   share("resident_kib", x), digits=0)],
        quick_up_to=64), drawn=("operation", "resident"))


def pages(scale, limit):
    times = max(200, 100000 // scale)
    return Line("pages", "pages of 64 KiB", "pages", points_of(
        "pages", "pages", (1, 10, 100, 1000, 10000, 100000), lambda x: [x, times, limit],
        lambda x: [
            figure("pages", "same", "a block, malloc and free", "ns", each_ns("same_ps")),
            figure("pages", "replace", "a block at random, free and malloc", "ns",
                   each_ns("replace_ps")),
            figure("pages", "fresh", "a page more, in use and free again", "us",
                   each_us("fresh_ps")),
            figure("pages", "collect", "giving back all that is free, for each page", "us",
                   share("collect_ns", 1000 * x), digits=2),
            figure("pages", "again", "giving back once more, for each page", "us",
                   share("again_ns", 1000 * x), digits=3),
            figure("pages", "sparse-replace", "one block of eight live: a block at random", "us",
                   each_us("sparse_replace_ps"), digits=2),
            figure("pages", "sparse-collect", "one of eight live: giving back, for each page", "us",
                   share("sparse_collect_ns", 1000 * x)),
            figure("pages", "sparse-again",
                   "one of eight live: giving back once more, for each page", "us",
                   share("sparse_again_ns", 1000 * x), digits=3),
            figure("pages", "sparse-held", "one of eight live: resident after that, for each page",
                   "KiB", share("sparse_kib", x))],
        quick_up_to=1000, once_from=10000),
        drawn=("same", "replace", "fresh", "again", "sparse-replace", "sparse-collect"))


def size_text(kib):
    for unit in ("KiB", "MiB"):
        if kib < 1024:
            return f"{kib} {unit}"
        kib //= 1024
    return f"{kib} GiB"


def data(scale, limit):
    times = max(200, 200000 // scale)
    sizes = [8**power for power in range(12) if 8**power <= max(1, limit) * 1024]
    return Line("data", "live data", "data", points_of(
        "data", "data", sizes, lambda x: [x, times, limit],
        lambda _: [
            figure("data", "fill", "a block while memory fills, malloc and first touch", "ns",
                   each_ns("fill_ps"), digits=0),
            figure("data", "same", "a block of 64 bytes, malloc and free", "ns",
                   each_ns("same_ps")),
            figure("data", "replace", "a block at random, free, malloc and touch", "ns",
                   each_ns("replace_ps"), digits=0)],
        quick_up_to=8**6, label=size_text, once_from=8**7), drawn=("fill", "same", "replace"),
        unit="KiB")


def reserve(scale, limit):
    times = max(20, 1000 // scale)
    return Line("reserve", "live, never touched", "data", points_of(
        "reserve", "reserve", (1, 4, 16, 64), lambda x: [16 * x, times, limit],
        lambda x: [
            figure("reserve", "make", "a block of 64 MiB, malloc", "us", each_us("make_ps")),
            figure("reserve", "same", "a block of 64 MiB more, malloc and free", "us",
                   each_us("same_ps")),
            figure("reserve", "free", "a block of 64 MiB, free", "us", each_us("free_ps")),
            figure("reserve", "resident", "metadata that is resident, for each GiB", "KiB",
                   share("resident_kib", x), digits=0)],
        quick_up_to=64, label=lambda x: f"{x} GiB"), drawn=("same", "resident"),
        unit="GiB")


def heaps(scale, limit):
    times = max(200, 1000000 // scale)
    return Line("heaps", "heaps", "heaps", points_of(
        "heaps", "heaps", (1, 10, 100, 1000), lambda x: [x, times, limit],
        lambda _: [
            figure("heaps", "turn", "a block of each heap in turn, free and malloc", "ns",
                   each_ns("turn_ps")),
            figure("heaps", "make", "making a heap with one block", "us", each_us("make_ps")),
            figure("heaps", "delete", "deleting it", "us", each_us("delete_ps")),
            figure("heaps", "bytes", "resident memory a heap", "KiB",
                   lambda told: told["heap_bytes"] / 1024)],
        quick_up_to=1000), drawn=("turn", "make", "delete", "bytes"))


def latency(scale, _limit):
    def figures(_):
        found = []
        for call in CALLS:
            for name, text in (("p50", "half take up to"), ("p99", "99 % up to"),
                               ("p999", "99.9 % up to"), ("worst", "the worst")):
                found.append(figure("latency", f"{call}-{name}", f"{call}: {text}", "ns",
                                    number(f"{call}_{name}"), digits=0))
            for over in (10, 100):
                found.append(figure(
                    "latency", f"{call}-over{over}", f"{call}: above {over} us", "in a million",
                    lambda told, call=call, over=over:
                    1e6 * told[f"{call}_over{over}"] / max(1, told[f"{call}_calls"])))
        found.append(figure("latency", "faults", "page faults", "in a million of operations",
                            lambda told: 1e6 * told["faults"] / told["malloc_calls"], digits=0))
        return found

    operations = max(2000, 1000000 // scale)
    return Line("latency", "threads", "latency", points_of(
        "latency", "latency", (1, 4), lambda x: [x, max(1000, operations // x)], figures,
        quick_up_to=4, label=lambda x: f"{x} thread{'s' if x > 1 else ''}"), by_figure=True)


def lines(settings):
    scale, limit = settings["scale"], settings["limit_mib"]
    return [make(scale, limit) for make in (threads, pages, data, reserve, heaps, latency)]


def every_run(settings):
    return [point for line in lines(settings) for point in line.points]


def spare_mib():
    """Half of the memory that is free now: so much a program may fill."""
    with open("/proc/meminfo", encoding="ascii") as file:
        found = re.search(r"^MemAvailable: +(\d+) kB$", file.read(), re.MULTILINE)
    return int(found.group(1)) // 2048 if found else 1024
