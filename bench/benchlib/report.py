"""Progress while measuring, and tables as aligned text or as Markdown. Knows nothing of what
the figures mean."""

import sys


class Progress:
    """One line on a terminal that is written over; plain lines elsewhere."""

    def __init__(self, total):
        self._total, self._done = total, 0
        self._terminal = sys.stderr.isatty()
        self._last = None

    def step(self, text, group=None):
        self._done += 1
        if self._terminal:
            percent = 100 * (self._done - 1) // max(1, self._total)
            sys.stderr.write(f"\r\033[K[{percent:3d} %] {text}"[:110])
            sys.stderr.flush()
        elif (group or text) != self._last:
            self._last = group or text
            print(f"[{self._done}/{self._total}] {self._last}", file=sys.stderr, flush=True)

    def clear(self):
        if self._terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


class Table:
    """Rows of text cells; a row of None is a rule. The first column is left-aligned."""

    def __init__(self, *header, left=(0,)):
        self._header, self._rows, self._left = list(header), [], set(left)

    def add(self, *cells):
        self._rows.append([str(cell) for cell in cells])

    def rule(self):
        self._rows.append(None)

    def text(self):
        rows = [row for row in self._rows if row is not None]
        widths = [max(len(row[i]) for row in [self._header, *rows])
                  for i in range(len(self._header))]

        def line(cells):
            out = [cell.ljust(width) if i in self._left else cell.rjust(width)
                   for i, (cell, width) in enumerate(zip(cells, widths))]
            return "  ".join(out).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        body = [rule if row is None else line(row) for row in self._rows]
        return "\n".join([line(self._header), rule, *body])

    def markdown(self):
        def line(cells):
            return "| " + " | ".join(cells) + " |"

        marks = ["---" if i in self._left else "---:" for i in range(len(self._header))]
        rows = [line(row) for row in self._rows if row is not None]
        return "\n".join([line(self._header), line(marks), *rows])

    def show(self, markdown):
        return self.markdown() if markdown else self.text()


def seconds(value):
    return f"{value:.2f} s" if value >= 0.0995 else f"{value * 1000:.1f} ms"


def mebibytes(kib):
    return f"{kib / 1024:.1f} MiB"


def ratio(value, spread=None):
    if value is None:
        return "failed"
    return f"{value:.2f}" if spread is None else f"{value:.2f} ±{spread:.2f}"
