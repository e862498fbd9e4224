"""The pictures of bench/compare: time and memory, a row a workload, a mark an allocator, as ratios to
libc's."""

from . import compare_report, pictures

MARKS = {"mimalloc": "s", "jemalloc": "^", "tcmalloc": "D", "tbb": "v", "limit": "|"}
TICKS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20]


def draw_ratios(told, comparison, what, path):
    """Rows from the top: every workload, in the report's order, then the means."""
    rows = [(name, {other: ratio.median for other, ratio in comparison.ratios[name].items()})
            for name in told.workloads if name in comparison.ratios]
    means = [(f"mean, {label}", {name: comparison.mean(name, members) for name in told.names})
             for label, members in told.groups() if comparison.complete(members)]
    figure, axis = pictures.pyplot.subplots(figsize=(11, 0.29 * (len(rows) + len(means)) + 1.9))
    places = [*range(len(rows)), *(len(rows) + 0.8 + i for i in range(len(means)))]
    for name in told.names:
        points = [(figures[name], place) for (_, figures), place in zip([*rows, *means], places)
                  if figures.get(name) is not None]
        axis.scatter([x for x, _ in points], [y for _, y in points], clip_on=False,
                     **mark(name, told.ours))
    axis.axvline(1, color=pictures.LOOKS["libc"][0], linewidth=1.2, zorder=1)
    if means:
        axis.axhline(len(rows) - 0.1, color="#888888", linewidth=1)
    axis.set_yticks(places, [name for name, _ in [*rows, *means]])
    axis.set_ylim(places[-1] + 0.7, -0.7)
    axis.set_xscale("log")
    figures = [value for _, by_name in rows for value in by_name.values()]
    axis.set_xlim(min([*figures, 0.9]) / 1.1, max([*figures, 1.1]) * 1.1)
    at = [tick for tick in TICKS if axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
    axis.set_xticks(at, [f"{tick:g}" for tick in at])
    axis.minorticks_off()
    axis.tick_params(axis="x", labeltop=True)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel(f"{what} as a ratio to libc's (the line at 1); to the left is less")
    handles, labels = axis.get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.45 / figure.get_figheight()))
    figure.legend(handles, labels, loc="upper center", ncol=len(labels), frameon=False,
                  handletextpad=0.2)
    pictures.save(figure, path)


def mark(name, ours):
    """Ours are large and filled, before all others."""
    if name in ours:
        colour, _ = pictures.OURS[ours.index(name) % len(pictures.OURS)]
        return {"color": colour, "marker": "o", "s": 75, "zorder": 6, "label": name,
                "edgecolors": "white", "linewidths": 0.8}
    colour, _ = pictures.LOOKS.get(name, ("#777777", ":"))
    shape = MARKS.get(name, "x")
    line = 2.5 if shape == "|" else 1.6
    return {"color" if shape in "|x" else "edgecolors": colour, "marker": shape, "zorder": 4,
            "s": 110 if shape == "|" else 42, "linewidths": line, "label": name,
            **({} if shape in "|x" else {"facecolors": "white"})}


def draw(document, folder, suffix):
    told = compare_report.Report(document)
    draw_ratios(told, told.time, "time", folder / f"time.{suffix}")
    draw_ratios(told, told.memory, "peak resident memory", folder / f"memory.{suffix}")
