"""What the tools that count instructions share: one run of a program under callgrind.

Not a tool by itself. What starting and ending a program costs is left out by the difference of two
runs, one of them longer.
"""
import argparse
import os
import re
import subprocess
import sys


def instructions(library, *command):
    """All that a run of the command executes, with the library preloaded."""
    env = {"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LD_PRELOAD": library}
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)],
        env=env, text=True, capture_output=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {command[0]} does not run under callgrind:\n"
                 f"{done.stderr[-2000:]}")
    return int(found.group(1))


def instructions_each(library, times, *command):
    """What each round of the program executes. None stands in the command where it takes the number
    of rounds."""
    place = command.index(None)
    once, twice = (instructions(library, *command[:place], n, *command[place + 1:])
                   for n in (times, 2 * times))
    return (twice - once) / times


def arguments_of(doc, programs, profiles=()):
    """What such a tool is called with: the library, what it runs, and a profile where it has bounds
    of several. The library's path is absolute."""
    parser = argparse.ArgumentParser(description=doc)
    if profiles:
        parser.add_argument("--profile", required=True, choices=profiles)
    parser.add_argument("library", help="the shared library, absolute or from here",
                        type=os.path.abspath)
    parser.add_argument("programs", help=programs)
    return parser.parse_args()
