"""Turns the runs of every workload under every allocator into ratios against libc, and holds them
against the targets that this project has set itself. Measures nothing and prints nothing."""

import statistics
from dataclasses import dataclass

from . import measure

# The targets. The first is a bound against the best peer's mean, the third against libc's.
TIME_MEAN_OF_BEST_PEER = 1.00
TIME_OF_BEST_PEER = 1.10
MEMORY_MEAN_OF_LIBC = 1.10
MEMORY_OF_LEANEST_PEER = 1.50
STARTUP_KIB_OVER_LIBC = 256


@dataclass
class Ratio:
    median: float
    spread: float  # half the distance between the quartiles

    def mark(self, bound):
        """"!" if over the bound, "?" if so by less than the spread, else nothing."""
        if self.median <= bound:
            return ""
        return "!" if self.median - self.spread > bound else "?"


class Comparison:
    """All ratios of one measure ("time" or "memory"). runs: workload -> allocator -> figures, one
    a round; a figure of an allocator belongs to libc's of the same round."""

    def __init__(self, runs, names):
        self.names = [name for name in names if name != "libc"]
        self.absolute, self.ratios, self._runs = {}, {}, runs
        for workload, by_name in runs.items():
            if "libc" not in by_name:
                continue
            self.absolute[workload] = statistics.median(by_name["libc"])
            self.ratios[workload] = {}
            for name in self.names:
                if name in by_name:
                    pairs = zip(by_name[name], by_name["libc"])
                    self.ratios[workload][name] = Ratio(
                        *measure.median_and_spread([a / b for a, b in pairs]))

    def against(self, workload, name, other):
        """One allocator's figures over another one's, round by round."""
        by_name = self._runs[workload]
        return Ratio(*measure.median_and_spread(
            [a / b for a, b in zip(by_name[name], by_name[other])]))

    def best(self, workload, candidates):
        """Who of the candidates needed least on this workload, or None."""
        here = {name: self.ratios[workload][name].median for name in candidates
                if name in self.ratios[workload]}
        if "libc" in candidates:
            here["libc"] = 1.0
        return min(here, key=here.get) if here else None

    def mean(self, name, workloads):
        """The geometric mean over the complete workloads; None for who finished nothing."""
        if name == "libc":
            return 1.0
        if name not in self._running():
            return None
        return measure.geometric_mean(self.ratios[w][name].median for w in self.complete(workloads))

    def complete(self, workloads):
        """The workloads that every allocator finished, except those that finish nothing at all."""
        running = self._running()
        return [w for w in workloads if running and running <= set(self.ratios.get(w, {}))]

    def _running(self):
        return {name for ratios in self.ratios.values() for name in ratios}


def judge(time, memory, ours, peers, workloads):
    """What became of each target: a list of (text, met)."""
    verdicts = []
    unfinished = [w for w in workloads if ours not in time.ratios.get(w, {})]
    if unfinished:
        verdicts.append((f"every workload runs; failed: {', '.join(unfinished)}", False))
    complete = time.complete(workloads)
    means = {name: time.mean(name, workloads) for name in peers} if complete else {}
    means = {name: mean for name, mean in means.items() if mean is not None}
    own = time.mean(ours, workloads) if complete else None
    if own is None or not means:
        return verdicts
    best = min(means, key=means.get)
    verdicts.append((f"time, geometric mean: {own:.3f}; best peer {best} {means[best]:.3f}; "
                     f"bound {TIME_MEAN_OF_BEST_PEER:.2f} of it",
                     own <= means[best] * TIME_MEAN_OF_BEST_PEER))
    verdicts.append(_each(time, ours, peers, complete, TIME_OF_BEST_PEER,
                          "time, each workload against its best peer"))
    own = memory.mean(ours, workloads)
    verdicts.append((f"memory, geometric mean: {own:.3f} of libc's; "
                     f"bound {MEMORY_MEAN_OF_LIBC:.2f}", own <= MEMORY_MEAN_OF_LIBC))
    verdicts.append(_each(memory, ours, peers, complete, MEMORY_OF_LEANEST_PEER,
                          "memory, each workload against its leanest peer"))
    return verdicts


def _each(comparison, ours, peers, workloads, bound, text):
    over = []
    for workload in workloads:
        best = comparison.best(workload, peers)
        ratio = comparison.against(workload, ours, best)
        if ratio.mark(bound):
            doubt = " (?)" if ratio.mark(bound) == "?" else ""
            over.append(f"{workload} {ratio.median:.2f} of {best}{doubt}")
    return (f"{text}: bound {bound:.2f}; over it: {', '.join(over) or 'none'}", not over)
