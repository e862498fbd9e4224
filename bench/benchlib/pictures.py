"""How all pictures look: who has which colour, legends, and files that are the same for the same
figures. Needs matplotlib, which Debian's python3 has."""

import sys

try:
    import matplotlib
except ModuleNotFoundError:
    sys.exit("draw: matplotlib is missing; tools/install bench installs it")
matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402

# Colours that colour-blind readers tell apart (Okabe and Ito 2008), and dashes besides.
LOOKS = {"libc": ("#000000", "--"), "mimalloc": ("#E69F00", "-"), "jemalloc": ("#009E73", "-."),
         "tcmalloc": ("#CC79A7", (0, (5, 1, 1, 1, 1, 1))), "tbb": ("#56B4E9", (0, (3, 1.5))),
         "limit": ("#777777", ":")}
OURS = [("#D55E00", "-"), ("#0072B2", "-"), ("#8B0000", "--")]


def look(name, ours):
    if name in ours:
        colour, style = OURS[ours.index(name) % len(OURS)]
        return {"color": colour, "linestyle": style, "linewidth": 2.8, "zorder": 5, "label": name}
    colour, style = LOOKS.get(name, ("#777777", ":"))
    return {"color": colour, "linestyle": style, "linewidth": 1.8, "label": name}


def settings():
    matplotlib.rcParams.update({
        "svg.hashsalt": "ashlar", "svg.fonttype": "path", "font.family": "DejaVu Sans",
        "font.size": 12, "axes.spines.top": False, "axes.spines.right": False,
        "axes.grid": True, "grid.color": "#dddddd", "figure.facecolor": "white"})


def add_legend(figure, axis, share=0.08):
    """Below the plots, which make room for it: this share of the height."""
    handles, labels = axis.get_legend_handles_labels()
    figure.tight_layout(rect=(0, share, 1, 1))
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), frameon=False,
                  handlelength=3, columnspacing=1.4)


def save(figure, path):
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
