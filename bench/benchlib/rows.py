"""What rows are made of: a run is one program with arguments, a figure is read from its output, a
value is what that comes to over the rounds.
Shared by the rows of bench/memory and bench/scale; runs nothing."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Figure:
    name: str  # unique among the figures of its run
    group: str
    about: str
    unit: str
    value: Callable  # from the numbers that the program tells
    bound: float | None = None
    base: str | None = None  # the run under libc whose median of this figure is taken off
    by: float = 1  # what the rest is divided by
    digits: int = 1
    slack: float = 0.05  # what does not count as a difference: this part of the least, or
    grain: float = 0  # this much
    ranked: bool = True  # whether less is better


@dataclass
class Run:
    name: str
    program: str
    arguments: list
    figures: list[Figure]
    sampled: bool = False  # watched from outside while it runs
    only_libc: bool = False
    in_quick: bool = True
    thp: str | None = None  # the mode of transparent huge pages it needs
    family: str = "memory"  # which folder of programs it is from
    most_rounds: int | None = None  # of a run that takes long
    after: str | None = None  # the run that an allocator must have done to the end to begin this

    @property
    def about(self):
        return "; ".join(figure.about for figure in self.figures) or "what others are compared with"

    def rounds(self, wanted):
        return min(wanted, self.most_rounds or wanted)


@dataclass
class Value:
    median: float
    spread: float  # half the distance between the quartiles

    def text(self, figure):
        if math.isinf(self.median):
            return "> 5"
        shown = f"{self.median:.{figure.digits}f}"
        if self.spread >= 0.5 * 10 ** -figure.digits:
            shown += f" ±{self.spread:.{figure.digits}f}"
        return shown


def mebibytes(name):
    return lambda told: told[name] / 1024


def milliseconds(name, times=None):
    return lambda told: told[name] / 1000 / (told[times] if times else 1)


def quotient(upper, lower):
    return lambda told: told[upper] / told[lower]
