"""Turns what bench/memory measured into tables of figures, and says where a bound is missed and
where another allocator is leaner than ours. Measures nothing."""

import math
import statistics

from . import measure, memory_rows, report
from .rows import Value


def values(run, figure, told):
    """By allocator, for who ran: the figure's median over the rounds."""
    base = 0.0
    if figure.base:
        rounds = told.get(figure.base, {}).get("libc")
        if not rounds:
            return {}
        base = statistics.median(figure.value(numbers) for numbers in rounds)
    found = {}
    for name, rounds in told.get(run.name, {}).items():
        figures = [(figure.value(numbers) - base) / figure.by for numbers in rounds]
        if not figures:
            continue
        if any(map(math.isinf, figures)):
            found[name] = Value(math.inf, 0)
        else:
            found[name] = Value(*measure.median_and_spread(figures))
    return found


def is_leaner(other, own, figure):
    """Whether another one's figure is under ours by more than the slack and both spreads."""
    if math.isinf(own.median):
        return not math.isinf(other.median)
    slack = max(figure.slack * abs(other.median), figure.grain, 10 ** -figure.digits,
                own.spread + other.spread)
    return own.median - other.median > slack


class Report:
    """Everything that is printed about one document of bench/memory."""

    def __init__(self, document, runs):
        self._names = list(document["allocators"])
        self._ours = document["ours"]
        self._document, self._runs = document, runs
        self.missed, self.leaner = [], []

    def tables(self, markdown):
        """(title, table) of each group; also collects what is missed."""
        found = []
        for group, title in memory_rows.GROUPS.items():
            table = report.Table("figure", *self._names, "least of others", "bound")
            rows = 0
            for run in self._runs:
                for figure in run.figures:
                    if figure.group == group and not run.only_libc:
                        self._add(table, run, figure)
                        rows += 1
            if rows:
                found.append((title, table.show(markdown)))
        return found

    def _add(self, table, run, figure):
        label = f"{figure.about}, {figure.unit}" if figure.unit else figure.about
        reason = self._document["not_run"].get(run.name)
        if reason:
            table.add(label, *[reason] * len(self._names), "", "")
            return
        found = values(run, figure, self._document["told"])
        cells = [found[name].text(figure) if name in found else "failed" for name in self._names]
        others = {name: found[name] for name in found if name not in self._ours and figure.ranked}
        least = min(others, key=lambda name: others[name].median) if others else None
        cell = f"{others[least].text(figure)} {least}" if least else ""
        marks = ""
        for own in self._ours:
            if own not in found:
                continue
            value = found[own]
            if figure.bound is not None and value.median > figure.bound:
                marks = "!"
                self.missed.append(f"{own}: {figure.group}, {label}: {value.text(figure)}; "
                                   f"bound {figure.bound:g}")
            if least and is_leaner(others[least], value, figure):
                cell = f"< {cell}" if not cell.startswith("<") else cell
                self.leaner.append(f"{own}: {figure.group}, {label}: {value.text(figure)}; "
                                   f"{least} {others[least].text(figure)}")
        bound = f"{marks} {figure.bound:g}".strip() if figure.bound is not None else ""
        table.add(label, *cells, cell, bound)

    def text(self, markdown):
        """The whole report."""
        parts = []
        for title, table in self.tables(markdown):
            parts.append(f"**{title}**\n\n{table}" if markdown else f"{title}\n{table}")
        if self._ours:
            bullet = "* " if markdown else "  "
            for heading, lines in (("Bounds missed", self.missed),
                                   ("Another allocator is leaner or faster", self.leaner)):
                body = "\n".join(bullet + line for line in lines) or f"{bullet}none"
                parts.append(f"{heading}:\n\n{body}" if markdown else f"{heading}\n{body}")
        return "\n\n".join(parts)
