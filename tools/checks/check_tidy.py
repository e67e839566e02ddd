#!/usr/bin/env python3
"""The house rules that no compiler knows; each finding names the way out.

usage: check_tidy.py [ROOT]

Warnings are printed; only errors make the check fail. The rules are in
tidy_text.py (one file's text) and tidy_tree.py (what is where).
"""

import os
import sys

import tidy_text
import tidy_tree
from source_tree import files_below, read

# Everything that is written by hand.
SUFFIXES = (".h", ".cc", ".py", ".sh", ".txt", ".md", ".proto", ".cmake",
            ".yaml", ".json", ".toml", "dev", "run")


def check(root):
    """Returns the errors and the warnings of the tree at `root`."""
    errors, warnings = [], []
    for path in files_below(root, SUFFIXES):
        text = read(root, path)
        errors += tidy_text.errors(path, text)
        warnings += tidy_text.warnings(path, text)
    errors += tidy_tree.errors(root)
    return errors, warnings


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "..", "..")
    errors, warnings = check(root)
    for finding in warnings:
        print(f"{finding} [warning]")
    for finding in errors:
        print(finding)
    print(f"house rules: {len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
