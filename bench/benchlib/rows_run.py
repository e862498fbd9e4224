"""Runs rows of bench/memory and bench/scale under the allocators, round by round, and watches the
runs that are to be drawn over time. Gives numbers as the programs tell them; what they mean is
decided elsewhere."""

import contextlib
import pathlib
import re
import statistics
import time

from . import measure

THP = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
SAMPLE_SECONDS = 0.02
WARM_UP_ROUNDS = 10  # of the program about fragmentation
TOLD = re.compile(r"^(\w+) (-?\d+)$", re.MULTILINE)
ROUND = re.compile(r"^round (-?\d+) (\d+)$", re.MULTILINE)
PAGE_KIB = 4
ENDED = "ended"  # told by a program that could not do its work under this allocator: why, a number


class NotRun(Exception):
    """A row cannot be had here, and why."""


def read_output(output):
    """The numbers that a program told, and the course of its rounds if it has any."""
    told = {name: int(value) for name, value in TOLD.findall(output)}
    course = [int(resident) / int(live) for resident, live in ROUND.findall(output)]
    if course:
        settled = course[WARM_UP_ROUNDS:] or course
        told["fragmentation_median"] = statistics.median(settled)
        told["fragmentation_worst"] = max(settled)
    return told, course


def run_once(run, allocator):
    """One run: (numbers, course). The course of a sampled run is pairs of seconds since the end of
    the frees, and MiB more than at the start."""
    command = [measure.program(f"{run.family}_{run.program}"), *run.arguments]
    with measure.Launch(command, preload=allocator.library) as launched:
        samples = _watch(launched) if run.sampled else []
        told, course = read_output(launched.wait().output)
    if run.sampled:
        course = [(round(moment - told["freed_us"] / 1e6, 3),
                   round((kib - told["start_kib"]) / 1024, 2)) for moment, kib in samples
                  if moment >= told["begin_us"] / 1e6]
    missing = [f.name for f in run.figures if not _has(f, told)]
    if missing and ENDED not in told:
        raise measure.RunError(f"{run.program} did not tell: {', '.join(missing)}")
    return told, course


def _has(figure, told):
    try:
        figure.value(told)
        return True
    except KeyError:
        return False


def _watch(launched):
    """(monotonic time, resident KiB) until the program ends; empty if it was too quick."""
    samples, path = [], None
    next_time = time.monotonic()
    while launched.running():
        if path is None:
            found = re.search(r"^pid (\d+)$", launched.output_so_far(), re.MULTILINE)
            if found:
                path = f"/proc/{found.group(1)}/statm"
            else:
                time.sleep(0.001)
                continue
        with contextlib.suppress(OSError, IndexError), open(path, encoding="ascii") as file:
            pages = int(file.read().split()[1])
            if pages > 0:  # a process that ends has none
                samples.append((time.monotonic(), pages * PAGE_KIB))
        next_time = max(next_time + SAMPLE_SECONDS, time.monotonic())
        time.sleep(max(0.0, next_time - time.monotonic()))
    return samples


@contextlib.contextmanager
def huge_pages(mode):
    """The kernel's mode while the body runs; the one that was found comes back, come what may."""
    if mode is None:
        yield
        return
    try:
        found = re.search(r"\[(\w+)\]", THP.read_text(encoding="ascii"))
        before = found.group(1) if found else None
        if before is None:
            raise NotRun("not run: no transparent huge pages here")
        THP.write_text(mode, encoding="ascii")
    except OSError:
        raise NotRun("not run: needs root") from None
    try:
        yield
    finally:
        THP.write_text(before, encoding="ascii")


def came_through(rounds):
    """Whether a run had its figures in every round."""
    return bool(rounds) and not any(ENDED in numbers for numbers in rounds)


def run_rounds(run, everyone, rounds, progress, failures):
    """By allocator: the numbers of each round, the course of the first. Who fails is left out."""
    told = {a.name: [] for a in everyone if a.name == "libc" or not run.only_libc}
    courses = {}
    with huge_pages(run.thp):
        for turn in range(run.rounds(rounds)):
            shift = turn % len(everyone)
            for allocator in everyone[shift:] + everyone[:shift]:
                progress.step(f"{run.name}, round {turn + 1} of {rounds}, {allocator.name}",
                              run.name)
                if allocator.name not in told:
                    continue
                try:
                    numbers, course = run_once(run, allocator)
                    told[allocator.name].append(numbers)
                    if course:
                        courses.setdefault(allocator.name, course)
                except measure.RunError as error:
                    failures.append(f"{run.name} under {allocator.name}: {error}")
                    del told[allocator.name]
    return told, courses


def measure_all(runs, everyone, rounds, progress):
    """The document's part that was measured."""
    told, courses, not_run, failures = {}, {}, {}, []
    for run in runs:
        able = everyone
        if run.after in told:
            able = [a for a in everyone if came_through(told[run.after].get(a.name))]
        if everyone and not able:
            told[run.name] = {}
            continue
        try:
            told[run.name], course = run_rounds(run, able, rounds, progress, failures)
            if course:
                courses[run.name] = course
        except NotRun as reason:
            not_run[run.name] = str(reason)
    progress.clear()
    return {"told": told, "courses": courses, "not_run": not_run, "failures": failures}
