"""Turns the runs of every workload under every allocator into ratios against libc, and holds them
against the targets that this project has set itself. Measures nothing and prints nothing."""

import statistics
from dataclasses import dataclass

from . import measure

# The targets: bounds for a ratio of ours to another's, of one workload or of geometric means.
TIME_MEAN_OF_BEST_PEER = 0.97
TIME_MEAN_OF_LIMIT = 1.03  # over the workloads of one thread
TIME_OF_BEST_PEER = 1.03
MEMORY_MEAN_OF_LEANEST_PEER = 1.00
MEMORY_OF_LEANEST_PEER = 1.10
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
    a round; a figure of an allocator belongs to libc's of the same round. Who stands aside (the
    limit) need not have finished a workload for the others' means to count it."""

    def __init__(self, runs, names, aside=()):
        self.names = [name for name in names if name != "libc"]
        self.aside = set(aside)
        self.absolute, self.ratios, self._runs = {}, {}, runs
        for workload, by_name in runs.items():
            if not by_name.get("libc"):
                continue
            self.absolute[workload] = statistics.median(by_name["libc"])
            self.ratios[workload] = {}
            for name in self.names:
                if by_name.get(name):
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
        """The geometric mean over the complete workloads; None for who did not finish them."""
        if name == "libc":
            return 1.0
        complete = self.complete(workloads)
        if not complete or any(name not in self.ratios[w] for w in complete):
            return None
        return measure.geometric_mean(self.ratios[w][name].median for w in complete)

    def mean_against(self, name, other, workloads):
        """The geometric mean of one allocator's ratios to another one's, and over how many
        workloads: those that both finished."""
        both = [w for w in workloads if {name, other} <= set(self.ratios.get(w, {}))]
        return measure.geometric_mean(
            self.against(w, name, other).median for w in both), len(both)

    def complete(self, workloads):
        """The workloads that every allocator finished, except those that finish nothing at all."""
        running = {name for ratios in self.ratios.values() for name in ratios} - self.aside
        return [w for w in workloads if running and running <= set(self.ratios.get(w, {}))]


def judge(time, memory, ours, peers, workloads, limit=None, single_threaded=()):
    """What became of each target: a list of (text, met)."""
    verdicts = []
    unfinished = [w for w in workloads if ours not in time.ratios.get(w, {})]
    if unfinished:
        verdicts.append((f"every workload runs; failed: {', '.join(unfinished)}", False))
    if limit:
        verdicts += _against_limit(time, ours, limit, single_threaded)
    complete = time.complete(workloads)
    peers = [name for name in peers if complete and time.mean(name, complete) is not None]
    if not peers or time.mean(ours, complete) is None:
        return verdicts
    verdicts.append(_mean(time, ours, peers, complete, TIME_MEAN_OF_BEST_PEER, "time", "best"))
    verdicts.append(_each(time, ours, peers, complete, TIME_OF_BEST_PEER,
                          "time, each workload against its best peer"))
    verdicts.append(_mean(memory, ours, peers, complete, MEMORY_MEAN_OF_LEANEST_PEER, "memory",
                          "leanest"))
    verdicts.append(_each(memory, ours, peers, complete, MEMORY_OF_LEANEST_PEER,
                          "memory, each workload against its leanest peer"))
    return verdicts


def _against_limit(time, ours, limit, single_threaded):
    mean, count = time.mean_against(ours, limit, single_threaded)
    if mean is None:
        return []
    return [(f"time, geometric mean over {count} workloads of one thread: {mean:.3f} of the limit; "
             f"bound {TIME_MEAN_OF_LIMIT:.2f}", mean <= TIME_MEAN_OF_LIMIT)]


def _mean(comparison, ours, peers, workloads, bound, what, superlative):
    means = {name: comparison.mean(name, workloads) for name in peers}
    best, own = min(means, key=means.get), comparison.mean(ours, workloads)
    return (f"{what}, geometric mean: {own:.3f} of libc's; {superlative} peer {best} "
            f"{means[best]:.3f}; ratio {own / means[best]:.3f}, bound {bound:.2f}",
            own <= means[best] * bound)


def _each(comparison, ours, peers, workloads, bound, text):
    over = []
    for workload in workloads:
        best = comparison.best(workload, peers)
        ratio = comparison.against(workload, ours, best)
        if ratio.mark(bound):
            doubt = " (?)" if ratio.mark(bound) == "?" else ""
            over.append(f"{workload} {ratio.median:.2f} of {best}{doubt}")
    return (f"{text}: bound {bound:.2f}; over it: {', '.join(over) or 'none'}", not over)
