"""What bench/compare prints of what it measured: tables of ratios, and what became of the targets.
Works on the document that --json writes, so that a report can be made again; measures nothing."""

import statistics

from . import measure, report, selection, verdict

EXPLANATION = """\
Medians of the ratios to libc's figures of the same round; under 1.00 is less than libc took. `best
peer` is ours as a ratio to the other allocator that needed least there; `!` marks one that is over
its bound, `?` one that is so by less than the spread. `limit` is no allocator for use and no peer:
it pops and pushes lists and checks nothing (bench/limit/limit.c). Where threads free what others
allocated, or end, it is no limit, and `-` stands."""


class Report:
    def __init__(self, document):
        try:
            self._read(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise measure.RunError(f"not a document of bench/compare --json: {error!r}") from None

    def _read(self, document):
        self.document = document
        self.workloads = {name: about for name, about in document["workloads"].items()
                          if name not in document["not_run"]}
        self.ours, self.peers = document["ours"], document["peers"]
        self.limit = document["limit"]
        self.names = [name for name in document["allocators"] if name != "libc"]
        times, peaks = {}, {}
        for workload, about in self.workloads.items():
            runs = document["runs"].get(workload, {})
            times[workload] = {name: [run["user"] + run["system"] if about["cpu"] else run["wall"]
                                      for run in found] for name, found in runs.items()}
            peaks[workload] = {name: [run["peak_kib"] for run in found]
                               for name, found in runs.items()}
        aside = [self.limit] if self.limit else []
        self.time = verdict.Comparison(times, document["allocators"], aside)
        self.memory = verdict.Comparison(peaks, document["allocators"], aside)

    def heading(self, markdown=False):
        document, rounds = self.document, self.document["rounds"]
        lines = selection.header(document["machine"], document["allocators"], document["missing"])
        what = ("processor time" if document["cpu"]
                else "time on the clock (processor time of servers)")
        lines.append((f"Median of {rounds} rounds" if rounds > 1 else "One round")
                     + f"; {what}; peak resident memory of the largest process.")
        lines += [f"Not run: {name}: {why}." for name, why in document["not_run"].items()]
        return ("  \n" if markdown else "\n").join(lines)

    def text(self, markdown=False):
        parts = ["Time against libc" + (":" if markdown else ""),
                 self._table(self.time, verdict.TIME_OF_BEST_PEER, report.seconds,
                             not markdown).show(markdown),
                 "Peak resident memory against libc" + (":" if markdown else ""),
                 self._table(self.memory, verdict.MEMORY_OF_LEANEST_PEER,
                             report.mebibytes, not markdown).show(markdown)]
        if markdown:
            parts = [self.heading(True), f"{EXPLANATION} {self._spread()}".strip(), *parts]
        else:
            parts = ["\n".join(parts[:2]), "\n".join(parts[2:])]
        verdicts = self.verdicts()
        if verdicts:
            parts.append(verdicts_text(verdicts, markdown))
        return "\n\n".join(parts)

    def verdicts(self):
        single = [w for w, about in self.workloads.items() if about["threads"] == 1]
        return [(f"{own}: {text}", met) for own in self.ours for text, met in verdict.judge(
            self.time, self.memory, own, self.peers, list(self.workloads), self.limit, single)]

    def _spread(self):
        """What a Markdown table, which has no room for every spread, says of all of them."""
        spreads = [ratio.spread for by_name in self.time.ratios.values()
                   for ratio in by_name.values()]
        if not spreads or self.document["rounds"] == 1:
            return ""
        return ("The spread of a ratio of times, half the distance between the quartiles, is "
                f"{statistics.median(spreads):.2f} in the median and {max(spreads):.2f} at most.")

    def _table(self, comparison, bound, show, with_spread):
        """One row a workload, then the means. Our own best-peer figures stand at the end."""
        header = ["workload", "libc", *self.names]
        header += [f"{name}/best peer" if len(self.ours) > 1 else "best peer" for name in self.ours]
        table = report.Table(*header)
        for workload in self.document["workloads"]:
            if workload not in comparison.ratios:
                word = "failed" if workload in self.workloads else "not run"
                table.add(workload, *[word] * (len(header) - 1))
            else:
                table.add(workload, show(comparison.absolute[workload]),
                          *[self._cell(comparison, workload, name, with_spread)
                            for name in self.names],
                          *[self._against_best(comparison, workload, name, bound)
                            for name in self.ours])
        table.rule()
        for label, members in self.groups():
            if comparison.complete(members):
                means = [self._mean(comparison, name, members) for name in self.names]
                table.add(f"geometric mean, {label}", "", *means, *[""] * len(self.ours))
        return table

    def groups(self):
        """The sets of workloads that have means: (label, names). No set twice."""
        def named(wanted):
            return [name for name, about in self.workloads.items() if wanted(about)]

        groups = [("all", list(self.workloads)),
                  ("programs", named(lambda about: about["kind"] == "program")),
                  ("workloads", named(lambda about: about["kind"] == "workload")),
                  ("several threads", named(lambda about: about["threads"] > 1)),
                  ("one thread", named(lambda about: about["threads"] == 1))]
        unlike = [(label, members) for i, (label, members) in enumerate(groups)
                  if members not in [other for _, other in groups[:i]]]
        return unlike[::-1]

    def _cell(self, comparison, workload, name, with_spread):
        found = comparison.ratios[workload].get(name)
        if found is None:
            limited = name != self.limit or self.workloads[workload]["limited"]
            return "failed" if limited else "-"
        with_spread = with_spread and self.document["rounds"] > 1
        return report.ratio(found.median, found.spread if with_spread else None)

    def _mean(self, comparison, name, members):
        mean = comparison.mean(name, members)
        return "-" if mean is None and name == self.limit else report.ratio(mean)

    def _against_best(self, comparison, workload, name, bound):
        best = comparison.best(workload, self.peers)
        if best is None or name not in comparison.ratios[workload]:
            return ""
        ratio = comparison.against(workload, name, best)
        return f"{ratio.mark(bound)} {ratio.median:.2f} {best}".strip()


def verdicts_text(verdicts, markdown=False):
    if markdown:
        return "Targets:\n\n" + "\n".join(f"* {'met' if met else 'MISSED'}: {text}"
                                           for text, met in verdicts)
    return "\n".join(["Targets", *(f"  {'met   ' if met else 'MISSED'}  {text}"
                                   for text, met in verdicts)])
