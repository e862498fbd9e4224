"""The pictures of bench/scale: one a subject, a panel a figure, on logarithmic axes, where what is
proportional to x rises as x does, and what is constant is flat."""

from . import pictures

COLUMNS = 2
PERCENTILES = {2: "50 %", 10: "90 %", 100: "99 %", 1000: "99.9 %", 10000: "99.99 %",
               100000: "99.999 %"}
CLOCK = {"color": "#888888", "linestyle": ":", "linewidth": 1.6, "label": "no call"}


def _look(name, ours):
    return CLOCK if name == "no call" else pictures.look(name, ours)


def _draw_panel(axis, panel, ours):
    for name, course in panel["lines"].items():
        if course:
            axis.plot([x for x, _ in course], [y for _, y in course], marker="o", markersize=4,
                      **_look(name, ours))
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_title(panel["title"], fontsize=12)
    axis.set_ylabel(panel["y"])
    if panel["x"] == "percentile":
        axis.set_xlabel("so many calls take up to")
        axis.set_xticks(list(PERCENTILES), list(PERCENTILES.values()), fontsize=10)
        axis.minorticks_off()
    else:
        axis.set_xlabel(panel["x"])
    low, high = axis.get_ylim()
    if high / low < 20:  # a flat line shall look flat, not like noise
        middle = (low * high) ** 0.5
        axis.set_ylim(middle / 20 ** 0.5, middle * 20 ** 0.5)


def draw_picture(panels, ours, path):
    rows = (len(panels) + COLUMNS - 1) // COLUMNS
    columns = min(COLUMNS, len(panels))
    figure, axes = pictures.pyplot.subplots(rows, columns, squeeze=False,
                                            figsize=(5.6 * columns, 4.0 * rows + 0.8))
    flat = [axis for row in axes for axis in row]
    for axis, panel in zip(flat, panels):
        _draw_panel(axis, panel, ours)
    for axis in flat[len(panels):]:
        axis.axis("off")
    pictures.add_legend(figure, max(flat, key=lambda axis: len(axis.get_lines())),
                        share=0.4 / (4.0 * rows + 0.8))
    pictures.save(figure, path)


def draw(document, folder, suffix):
    for name, panels in document["curves"].items():
        draw_picture(panels, document["ours"], folder / f"{name}.{suffix}")
