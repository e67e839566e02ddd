"""House rules about which files there are, and what they are called."""

import os
import re

import tidy_text
from source_tree import Finding, files_below, read

NAMED_SUFFIXES = (".h", ".cc", ".proto", ".py", ".sh", ".md")


def _file_names(root):
    for path in files_below(root, NAMED_SUFFIXES):
        stem = path.rpartition("/")[2].split(".")[0]
        why = tidy_text.name_objection(re.split(r"[_-]", stem))
        if not why and re.search(r"[a-z]2$", stem):
            why = 'a name that ends in "2" hides what is different'
        if why:
            yield Finding(path, 1, f"file name: {why}; name it by the noun "
                          "it serves")


def _readmes(root):
    """A folder that makes a library says what it is for."""
    for path in files_below(root, ("CMakeLists.txt",)):
        folder = path.rpartition("/")[0]
        if not folder or folder.startswith("tests"):
            continue
        text = read(root, path)
        if not re.search(r"quorate_(proto_)?library\(", text):
            continue
        if not os.path.exists(os.path.join(root, folder, "README.md")):
            yield Finding(path, 1, f"{folder}/README.md is missing: what is "
                          "here, what it may see, where to begin")


def _dead_files(root):
    """A .cc or .proto that no CMakeLists.txt names is in no build."""
    listings = {path.rpartition("/")[0]: read(root, path)
                for path in files_below(root, ("CMakeLists.txt",))}
    for path in files_below(root, (".cc", ".proto")):
        folder, _, name = path.rpartition("/")
        known = False
        while not known:
            text = listings.get(folder, "")
            below = os.path.relpath(path, folder) if folder else path
            stem = below.rpartition(".")[0]
            # A listing may name its tests in a loop, without the suffix.
            known = any(
                re.search(rf"(?<![\w/.-]){re.escape(word)}(?![\w/.-])", text)
                for word in (below, stem, stem.removesuffix("_test"),
                             path.removeprefix("proto/")))
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        if not known:
            yield Finding(path, 1, f"no CMakeLists.txt names {name}: it is "
                          "built and tested by nobody; list or remove it")


def errors(root):
    return [*_file_names(root), *_readmes(root), *_dead_files(root)]
