"""Where reports go: the options that say so, a report between the markers of a document, pictures.
Shared by all benchmarks; knows nothing of what the report says."""

import json
import pathlib
import shutil
import subprocess
import sys

from . import measure


def add_arguments(parser, pictures):
    parser.add_argument("--json", metavar="FILE", help="also write every run to this file")
    parser.add_argument("--from", metavar="FILE", dest="source",
                        help="measure nothing: report what --json wrote")
    parser.add_argument("--pictures", metavar="DIR", help=f"draw {pictures}")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    parser.add_argument("--update", metavar="FILE",
                        help="write the Markdown into this document too, between its markers")


def update(path, begin, end, text):
    """Puts the text between the markers of a document."""
    path = pathlib.Path(path)
    try:
        old = path.read_text(encoding="utf-8")
    except OSError as error:
        raise measure.RunError(f"--update: {error}") from None
    if old.count(begin) != 1 or old.count(end) != 1 or old.index(begin) > old.index(end):
        raise measure.RunError(f"--update: {path} needs one line {begin} and one line {end}")
    head, _, rest = old.partition(begin)
    path.write_text(f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def draw(document, folder):
    """In a process of its own: Debian's python3 has matplotlib, the one that runs this may not."""
    here = pathlib.Path(__file__).resolve().parent.parent
    python = "/usr/bin/python3" if shutil.which("/usr/bin/python3") else sys.executable
    done = subprocess.run([python, "-B", here / "draw", "-", folder], input=json.dumps(document),
                          text=True, check=False)
    if done.returncode != 0:
        raise measure.RunError("no pictures: see above")
