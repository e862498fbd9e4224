"""What the lints share: finding files, setting comments and strings aside, printing findings.

Not a tool by itself. Every lint takes --root, so that its self-test can run it on a small tree.
"""
import argparse
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CODE_SUFFIXES = (".h", ".cc", ".c")

Finding = collections.namedtuple("Finding", "path line message")


def parser_for(doc):
    """An argument parser whose --help is the tool's own docstring."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT, metavar="DIR",
                        help="the repository to check (default: the one this tool stands in)")
    return parser


def files_under(root, folders, suffixes=CODE_SUFFIXES):
    """All files with one of the suffixes in these folders of root, in a stable order."""
    found = []
    for folder in folders:
        base = root / folder
        found += (path for path in base.rglob("*")
                  if path.is_file() and path.suffix in suffixes
                  and not {"build", "__pycache__"} & set(path.relative_to(root).parts))
    return sorted(found)


TOKEN = re.compile(
    r"""//(?:[^\n\\]|\\.|\\\n)*          # a line comment
      | /\*.*?\*/                        # a block comment
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"   # a raw string
      | "(?:[^"\\\n]|\\.)*"              # a string
      | (?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)*'         # a character, not a digit separator
    """, re.VERBOSE | re.DOTALL)


def split_code(text):
    """Returns (code, comments): two texts of the same shape, with everything else blanked.

    Line and column numbers stay those of the original in both. Strings are in neither.
    """
    def spaces(part):
        return re.sub(r"[^\n]", " ", part)

    code, comments, at = [], [], 0
    for match in TOKEN.finditer(text):
        plain, token = text[at:match.start()], match.group()
        is_comment = token.startswith(("//", "/*"))
        code += (plain, spaces(token))
        comments += (spaces(plain), token if is_comment else spaces(token))
        at = match.end()
    code.append(text[at:])
    comments.append(spaces(text[at:]))
    return "".join(code), "".join(comments)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(root, findings, checked, what="files"):
    """Prints the findings, or one line that says how much was checked; returns the exit status."""
    for finding in sorted(set(findings)):
        try:
            path = pathlib.Path(finding.path).relative_to(root)
        except ValueError:
            path = finding.path
        print(f"{path}:{finding.line}: {finding.message}")
    name = pathlib.Path(sys.argv[0]).name
    if findings:
        print(f"{name}: {len(set(findings))} findings in {checked} {what}")
        return 1
    print(f"{name}: {checked} {what}, nothing to say")
    return 0
