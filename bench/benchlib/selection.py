"""Which allocators a benchmark compares: the options that name them, and what is printed about them
and the machine; and those that name the runs. Shared by bench/compare, bench/memory, bench/scale
and bench/demo."""

import pathlib
import re

from . import allocators, measure


def add_arguments(parser):
    parser.add_argument("--allocators", metavar="LIST", help="only these, and libc; by commas")
    parser.add_argument("--lib", metavar="[NAME=]PATH", action="append", default=[],
                        help="a library of ours, may be repeated (default: "
                        "ashlar=build/release/libashlar.so, built if need be)")
    parser.add_argument("--no-build", action="store_true", help="take the default library as it is")


def add_runs(parser, runs, rounds, only=None, quick="less work a run"):
    """What all drivers are told of their runs. `rounds`: how many there are by default, and with
    --quick."""
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"default {rounds[0]}, with --quick {rounds[1]}")
    parser.add_argument("--only", metavar="REGEX", default="", help=only or f"only these {runs}")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--list", action="store_true", help=f"name {runs} and allocators, stop")
    parser.set_defaults(default_rounds=rounds)


def check_runs(parser, arguments):
    if arguments.rounds is None:
        arguments.rounds = arguments.default_rounds[1 if arguments.quick else 0]
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        re.compile(arguments.only)
    except re.error as error:
        parser.error(f"--only: {error}")


def _ours(arguments):
    if not arguments.lib:
        path = measure.ROOT / "build/release/libashlar.so"
        arguments.lib = [f"ashlar={path if arguments.no_build else measure.build_library()}"]
    ours = []
    for text in arguments.lib:
        name, _, path = text.rpartition("=")
        if not pathlib.Path(path).is_file():
            raise measure.RunError(f"{path} does not exist")
        ours.append(allocators.own(name or "ashlar", path))
    return ours


def choose(arguments, limit=None):
    """libc, ours, the peers, the limit if there is to be one; and the missing ones as text."""
    peers, missing = allocators.peers()
    wanted = set(arguments.allocators.split(",")) if arguments.allocators else None
    if wanted:
        known = [name for name, _, _ in allocators.PEERS]
        ours_too = not arguments.lib and "ashlar" not in wanted
        ours = [] if ours_too else _ours(arguments)
        unknown = wanted - set(known) - {a.name for a in ours} - {"libc"}
        if limit:
            unknown -= {limit.name}
            limit = limit if limit.name in wanted else None
        if unknown:
            raise measure.RunError(f"unknown allocator: {', '.join(sorted(unknown))}")
        peers = [peer for peer in peers if peer.name in wanted]
        missing = [(name, package) for name, package in missing if name in wanted]
    else:
        ours = _ours(arguments)
    everyone = [allocators.libc(), *ours, *peers, *([limit] if limit else [])]
    if len({a.name for a in everyone}) < len(everyone):
        raise measure.RunError("two allocators of the same name (--lib NAME=PATH)")
    return everyone, missing


def header(info, versions, missing):
    """The lines above every report."""
    lines = [f"Machine: {allocators.machine_line(info)}.",
             "Allocators: " + "; ".join(f"{name} {text}" for name, text in versions.items()) + "."]
    for name, package in missing:
        lines.append(f"Not compared: {name}, whose package {package} is missing "
                     "(tools/install bench).")
    return lines
