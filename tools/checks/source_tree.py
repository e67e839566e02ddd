"""The files that the checks look at, and one finding about a line of one."""

import os
from dataclasses import dataclass

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__"}


@dataclass(frozen=True)
class Finding:
    """What is wrong at a place, and what to write instead."""
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def files_below(root, suffixes):
    """Paths relative to `root`, sorted, of the files with these suffixes."""
    found = []
    for folder, children, names in os.walk(root):
        children[:] = sorted(set(children) - SKIPPED_FOLDERS)
        for name in names:
            if name.endswith(tuple(suffixes)):
                path = os.path.relpath(os.path.join(folder, name), root)
                found.append(path.replace(os.sep, "/"))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8",
              errors="replace") as source:
        return source.read()
