"""Turns what bench/scale measured into tables, into the curves that bench/draw draws, and into the
list of lines of ours that bend upwards. Measures nothing."""

from dataclasses import dataclass

from . import measure, report, rows_run, scale_rows
from .rows import Value

# A line bends if its last value is so many times the least of its first half (at its very beginning
# a program's first steps are all that is measured), and that is so much more than what the flattest
# line of the others does.
BENT = 2.0
BENT_MORE_THAN_OTHERS = 1.5


@dataclass
class Growth:
    first: Value
    last: Value
    first_label: str
    last_label: str

    @property
    def factor(self):
        return self.last.median / self.first.median


def value(point, figure, document, name):
    """The median over the rounds, or None where there is none."""
    rounds = document["told"].get(point.name, {}).get(name)
    if not rows_run.came_through(rounds):
        return None
    try:
        return Value(*measure.median_and_spread([figure.value(told) for told in rounds]))
    except KeyError:  # of a document that is older than the figure
        return None


def why_not(point, document, name):
    """What a cell without figure says."""
    rounds = document["told"].get(point.name, {}).get(name)
    if rounds is None:
        # Not begun, since it did not come through the point before; or else it failed.
        before = document["told"].get(point.after, {}).get(name) if point.after else None
        failed = point.after is None or rows_run.came_through(before)
        return "failed" if failed else ""
    codes = [told[rows_run.ENDED] for told in rounds if rows_run.ENDED in told]
    return "" if not codes or codes[0] == scale_rows.LACKS_CALLS else "ended"


def _present(document, line, runs):
    known = {run.name for run in runs}
    return [point for point in line.points if point.name in known]


def _names(document, points):
    """The allocators that have at least the calls that a line needs."""
    def lacks(name):
        rounds = document["told"].get(points[0].name, {}).get(name) or []
        return any(told.get(rows_run.ENDED) == scale_rows.LACKS_CALLS for told in rounds)
    return [name for name in document["allocators"] if not lacks(name)]


def _cell(point, figure, document, name):
    found = value(point, figure, document, name)
    return found.text(figure) if found else why_not(point, document, name)


def _title(line, figure):
    return f"{line.name.capitalize()}: {figure.about}, {figure.unit}"


def tables(document, runs):
    """(title, table) of everything that was run."""
    found = []
    for line in scale_rows.lines(document):
        points = _present(document, line, runs)
        if not points:
            continue
        names = _names(document, points)
        if line.by_figure:
            for point in points:
                table = report.Table("figure", *names)
                for figure in point.figures:
                    table.add(f"{figure.about}, {figure.unit}",
                              *[_cell(point, figure, document, name) for name in names])
                found.append((f"{line.name.capitalize()}: {point.label}", table))
            continue
        for index, figure in enumerate(line.figures):
            table = report.Table(line.axis, *names)
            for point in points:
                table.add(point.label, *[_cell(point, point.figures[index], document, name)
                                         for name in names])
            found.append((_title(line, figure), table))
    return found


def endings(document, runs):
    """Which lines end early, and why."""
    found = []
    for line in scale_rows.lines(document):
        for point in _present(document, line, runs):
            for name, rounds in document["told"].get(point.name, {}).items():
                codes = [told[rows_run.ENDED] for told in rounds if rows_run.ENDED in told]
                if codes and codes[0] != scale_rows.LACKS_CALLS:
                    reason = scale_rows.ENDED.get(codes[0], f"reason {codes[0]}")
                    found.append(f"{name}, {line.name} at {point.label}: {reason}")
    return found


def growth(document, points, index, name):
    """From the least value of the first half of a line to its last value; None if it is short."""
    known = [(point, value(point, point.figures[index], document, name)) for point in points]
    known = [(point, found) for point, found in known if found and found.median > 0]
    if len(known) < 2:
        return None
    last_point, last = known[-1]
    first_point, first = min(known[:(len(known) + 1) // 2], key=lambda pair: pair[1].median)
    return Growth(first, last, first_point.label, last_point.label)


def bends(document, runs):
    """The lines of ours that grow, and more than the flattest other one that is as long."""
    found = []
    for line in scale_rows.lines(document):
        points = _present(document, line, runs)
        if line.by_figure or len(points) < 2:
            continue
        names = _names(document, points)
        for index, figure in enumerate(line.figures):
            for own in document["ours"]:
                mine = growth(document, points, index, own) if own in names else None
                if mine is None or mine.factor < BENT:
                    continue
                others = {name: growth(document, points, index, name) for name in names
                          if name not in document["ours"]}
                others = {name: other.factor for name, other in others.items()
                          if other and other.last_label == mine.last_label}
                flattest = min(others, key=others.get) if others else None
                if flattest and mine.factor < BENT_MORE_THAN_OTHERS * others[flattest]:
                    continue
                beside = f"; {flattest} {others[flattest]:.1f} times" if flattest else ""
                found.append(f"{own}: {_title(line, figure)}: {mine.first.text(figure)} at "
                             f"{mine.first_label}, {mine.last.text(figure)} at "
                             f"{mine.last_label}: {mine.factor:.1f} times{beside}")
    return found


def text(document, runs, markdown):
    """The whole report."""
    parts = []
    for title, table in tables(document, runs):
        body = table.show(markdown)
        parts.append(f"**{title}**\n\n{body}" if markdown else f"{title}\n{body}")
    bullet = "* " if markdown else "  "
    endings_found = endings(document, runs)
    sections = [("Lines that end early", endings_found)] if endings_found else []
    if document["ours"]:
        sections.append(("Lines that bend upwards, and the flattest other line",
                         bends(document, runs)))
    for heading, lines in sections:
        body = "\n".join(bullet + line for line in lines) or f"{bullet}none"
        parts.append(f"{heading}:\n\n{body}" if markdown else f"{heading}\n{body}")
    return "\n\n".join(parts)


def curves(document, runs):
    """What bench/draw draws: by picture, panels with a line of [x, y] an allocator."""
    pictures = {}
    for line in scale_rows.lines(document):
        points = _present(document, line, runs)
        if not points:
            continue
        names = _names(document, points)
        panels = _percentile_panels(document, points, names) if line.by_figure else \
            _growth_panels(document, line, points, names)
        pictures.setdefault(line.picture, []).extend(panels)
    return pictures


def _growth_panels(document, line, points, names):
    panels = []
    for index, figure in enumerate(line.figures):
        if figure.name not in line.drawn:
            continue
        drawn = {}
        for name in names:
            known = [(point.x, value(point, point.figures[index], document, name))
                     for point in points]
            drawn[name] = [[x, found.median] for x, found in known if found and found.median > 0]
        panels.append({"title": figure.about, "x": line.axis_with_unit, "y": figure.unit,
                       "lines": drawn})
    return panels


def _percentile_panels(document, points, names):
    """Over the share of calls that take longer, in one panel for each call and number of threads.
    The clock's own line is libc's."""
    panels = []
    for point in points:
        for call in ("malloc", "free"):
            drawn = {name: _percentiles(document, point, name, call) for name in names}
            drawn["no call"] = _percentiles(document, point, "libc", "nothing")
            panels.append({"title": f"{call}, {point.label}", "x": "percentile", "y": "ns",
                           "lines": {name: course for name, course in drawn.items() if course}})
    return panels


def _percentiles(document, point, name, call):
    rounds = document["told"].get(point.name, {}).get(name)
    if not rows_run.came_through(rounds):
        return []
    found = []
    for key, percent in scale_rows.PERCENTILES.items():
        median, _ = measure.median_and_spread([told[f"{call}_{key}"] for told in rounds])
        found.append([round(100 / (100 - percent)), max(1.0, median)])
    return found
