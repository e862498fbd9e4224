"""What bench/memory and bench/scale share as commands: their options, the document of all that was
measured, and where reports go. Knows no row; a Command brings those."""

import argparse
import json
import pathlib
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from . import allocators, documents, measure, report, rows_run, selection


@dataclass
class Command:
    name: str
    about: str
    epilog: str
    target: str  # of CMake: the programs
    quick: str  # what --quick does
    pictures: str  # what --pictures draws
    settings: Callable  # from the options: what decides the runs, as the document keeps it
    every_run: Callable  # from these settings
    tables: Callable  # the text of (document, runs, whether as Markdown)
    options: Callable = lambda parser: None  # adds more of them
    offers: Callable = lambda run, arguments: True  # whether the options allow a run
    curves: Callable | None = None  # what is drawn, from (document, runs)
    hint: str = ""  # when --only matches nothing

    @property
    def markers(self):
        return f"<!-- {self.name} table begin -->", f"<!-- {self.name} table end -->"


def _parse(command, argv):
    parser = argparse.ArgumentParser(prog=command.name, description=command.about,
                                     epilog=command.epilog)
    selection.add_runs(parser, "runs", (3, 1), quick=command.quick)
    parser.add_argument("--scale", type=int, metavar="N",
                        help="divide memory and repetitions by N (default 1, with --quick 8)")
    command.options(parser)
    selection.add_arguments(parser)
    documents.add_arguments(parser, command.pictures)
    arguments = parser.parse_args(argv)
    selection.check_runs(parser, arguments)
    arguments.scale = (8 if arguments.quick else 1) if arguments.scale is None else arguments.scale
    if arguments.scale < 1:
        parser.error("--scale must be at least 1")
    return arguments


def _choose_runs(command, arguments, settings):
    """The runs asked for, and those that they are compared with."""
    runs = [run for run in command.every_run(settings) if command.offers(run, arguments)]
    chosen = {run.name for run in runs if re.search(arguments.only, run.name)
              and (run.in_quick or not arguments.quick)}
    bases = {figure.base for run in runs if run.name in chosen for figure in run.figures}
    return [run for run in runs if run.name in chosen | bases]


def _measure(command, arguments, settings, runs):
    measure.build_workloads(command.target, "bench_launch")
    everyone, missing = selection.choose(arguments)
    info = allocators.machine()
    steps = sum(run.rounds(arguments.rounds) for run in runs) * len(everyone)
    measured = rows_run.measure_all(runs, everyone, arguments.rounds, report.Progress(steps))
    return {"machine": info, "rounds": arguments.rounds, **settings,
            "allocators": {a.name: a.version for a in everyone},
            "ours": [a.name for a in everyone if a.ours],
            "missing": missing, "runs": [run.name for run in runs], **measured}


def _read(command, source):
    """What was measured before, and the runs that it is about."""
    try:
        document = json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
        runs = [run for run in command.every_run(document) if run.name in document["runs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise measure.RunError(f"--from {source}: {error!r}") from None
    return document, runs


def _heading(document, markdown):
    rounds, scale = document["rounds"], document["scale"]
    lines = selection.header(document["machine"], document["allocators"], document["missing"])
    lines.append(("One round" if rounds == 1 else f"Median of {rounds} rounds")
                 + (f"; memory and repetitions divided by {scale}" if scale > 1 else "") + ".")
    return ("  \n" if markdown else "\n").join(lines)


def _run(command, argv):
    arguments = _parse(command, argv)
    settings = command.settings(arguments)
    runs = _choose_runs(command, arguments, settings)
    if arguments.list:
        for run in runs:
            print(f"{run.name:22} {run.about}")
        print("\nallocators: libc ashlar " + " ".join(name for name, _, _ in allocators.PEERS))
        return 0
    if not runs:
        raise measure.RunError(f"--only matches no run{command.hint}")
    if arguments.source:
        document, runs = _read(command, arguments.source)
    else:
        document = _measure(command, arguments, settings, runs)
    if command.curves:
        document["curves"] = command.curves(document, runs)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(document) + "\n", encoding="utf-8")

    def whole(markdown):
        return f"{_heading(document, markdown)}\n\n{command.tables(document, runs, markdown)}"

    print(whole(arguments.markdown))
    for failure in document["failures"]:
        print(f"failed: {failure}", file=sys.stderr)
    if arguments.update:
        documents.update(arguments.update, *command.markers, whole(True))
    if arguments.pictures:
        documents.draw(document, arguments.pictures)
    return 1 if document["failures"] else 0


def main(command, argv=None):
    # An exit, not a death: it runs what must be undone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{command.name}: ended"))
    try:
        sys.exit(_run(command, argv))
    except measure.RunError as error:
        sys.exit(f"{command.name}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"\n{command.name}: stopped")
