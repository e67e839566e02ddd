"""House rules about the text of one file."""

import re
from dataclasses import dataclass

from source_tree import Finding

ERROR_LINES = {".cc": 700}
WARN_LINES = {".cc": 500, ".h": 300, ".py": 500, ".sh": 500}
FUNCTION_LINES = 70
# A test is a list of cases, or a story from its beginning to its end.
TEST_FUNCTION_LINES = 100

# A word that fits everything attracts everything: name the thing by the noun
# it serves.
BANNED_WORDS = ("Manager", "Util", "Utils", "Helper", "Helpers", "Common",
                "Misc", "Impl", "Processor", "Data", "Info", "Object",
                "Context", "Handler", "Wrapper", "New", "Old")
# Names that are not ours to choose.
STANDARD_NAMES = ("ErrorInfo", "RetryInfo")


@dataclass(frozen=True)
class Ban:
    """A pattern that code must not hold, and what to write instead."""
    pattern: str
    message: str
    allowed_in: tuple = ()


NOW = "take a Clock (base/clock.h) from whoever constructs this"
CHANCE = "take a Random (base/random.h) from whoever constructs this"
TOO_YOUNG = "this is missing or broken in a compiler of Debian 12"

BANS = (
    Ban(r"\babsl::Mutex\b|\babsl::MutexLock\b",
        "absl::Mutex gives false races under TSan: use base/mutex.h"),
    Ban(r"\bstd::(mutex|shared_mutex|recursive_mutex|lock_guard|unique_lock|"
        r"scoped_lock|condition_variable)\b",
        "unannotated locking: use Mutex, MutexLock and CondVar of "
        "base/mutex.h", ("base/mutex.h",)),
    Ban(r"(?:steady|system|high_resolution)_clock::now\b|\bClock::now\(\)|"
        r"\babsl::Now\(|\babsl::GetCurrentTimeNanos\(|\bclock_gettime\(|"
        r"\bgettimeofday\(|(?<![\w.>])(?:std::)?time\((?:nullptr|NULL|0|&)",
        f"a clock read in passing cannot be tested: {NOW}",
        ("base/clock.cc", "tests/e2e/wall_clock_shim.cc")),
    Ban(r"\brandom_device\b|\bs?rand\(|\babsl::BitGen\b|\bgetrandom\(|"
        r"\bgetentropy\(",
        f"chance pulled from the air cannot be replayed: {CHANCE}",
        ("base/random.cc",)),
    Ban(r"\bsleep_for\(|\bsleep_until\(|\babsl::SleepFor\(|"
        r"(?<![\w.>:])(?:u|nano)?sleep\(",
        "never wait by sleeping: wait for the event itself, with a deadline"),
    Ban(r"\bstd::jthread\b", f"{TOO_YOUNG}: use std::thread and join it"),
    Ban(r"\bstd::(ranges|views)::|#include <ranges>",
        f"{TOO_YOUNG}: use <algorithm> or a loop"),
    Ban(r"\bstd::format\b|#include <format>",
        f"{TOO_YOUNG}: use absl::StrCat or absl::StrFormat"),
    Ban(r"\bstd::expected\b", f"{TOO_YOUNG}: use absl::StatusOr"),
    Ban(r"\bstd::source_location\b", f"{TOO_YOUNG}: say it in the message"),
    Ban(r"\bco_(await|yield|return)\b",
        "no coroutines: a confined object and its queue"),
    Ban(r"\bthrow\b", "no exceptions: return absl::Status or StatusOr"),
    Ban(r"\babsl::(optional|variant|any)\b",
        "use std::optional and std::variant"),
    Ban(r"\busing namespace\b", "name what you use, or a namespace alias"),
    Ban(r"#pragma once", "use a guard QUORATE_<PATH>_H_"),
)
# std::string_view does not convert to absl's on Debian, so that it must not
# be in what others call; inside a function, for a library's sake, it may.
SIGNATURE_VIEW = re.compile(r"std::string_view\s*&?\s*\w*\s*[,)]")

# Written so that it does not find itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.}])/(?:wor[k]|hom[e]/\w+|roo[t])/|/tm[p]/q\b")

TYPE_NAME = re.compile(
    r"^\s*(?:template\s*<[^>]*>\s*)?"
    r"(?:enum\s+class|enum|class|struct|union|using|message)\s+"
    r"(?:\[\[\w+\]\]\s+|ABSL_\w+(?:\([^)]*\))?\s+)?([A-Z]\w*)")
# What never changes may be shared freely, and the libraries hand their objects
# out as shared.
SHARED_FREELY = re.compile(r"const |(::)?(grpc(_\w+)?|rocksdb|spdlog)::")
LONE_MARK = re.compile(r"\bTODO\b(?!\([\w .-]+\): \w)")


def suffix_of(path):
    return "." + path.rpartition(".")[2]


def code_only(text):
    """The C++ text with comments and literals blanked, lines kept."""
    pattern = re.compile(
        r'R"(?P<d>[^()\\ ]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![\w])'(?:\\.|[^'\\\n])+'|//[^\n]*|/\*.*?\*/", re.DOTALL)

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    # Includes name files in quotes and stay as they are.
    return "\n".join(
        line if line.lstrip().startswith("#include") else blanked
        for line, blanked in zip(text.split("\n"),
                                 pattern.sub(blank, text).split("\n")))


def camel_words(name):
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+|[a-z]+", name)


def name_objection(words):
    for word in words:
        for banned in BANNED_WORDS:
            if word.lower() == banned.lower():
                return f'"{banned}" in a name fits everything'
    if words and words[-1] == "2":
        return 'a name that ends in "2" hides what is different'
    return None


def _numbered(text):
    return enumerate(text.split("\n"), start=1)


def _banned_code(path, code):
    for ban in BANS:
        if path in ban.allowed_in:
            continue
        pattern = re.compile(ban.pattern)
        for number, line in _numbered(code):
            if pattern.search(line):
                yield Finding(path, number, ban.message)


def _views(path, code):
    for number, line in _numbered(code):
        in_header = path.endswith(".h") and "std::string_view" in line
        if in_header or SIGNATURE_VIEW.search(line):
            yield Finding(path, number,
                          "std::string_view in a signature: absl::string_view")


def _type_names(path, code):
    for number, line in _numbered(code):
        match = TYPE_NAME.match(line)
        if not match or match.group(1) in STANDARD_NAMES:
            continue
        # A class of this name inside another is the customary pimpl. What is
        # only announced here is named where it is defined, perhaps by others.
        announced = re.search(r"(class|struct) \w+;", line)
        if match.group(1) == "Impl" or announced:
            continue
        why = name_objection(camel_words(match.group(1)))
        if why:
            yield Finding(path, number,
                          f"type {match.group(1)}: {why}; name it by the "
                          "noun it serves")


def _guard(path, text):
    guard = "QUORATE_" + re.sub(r"[/.]", "_", path).upper() + "_"
    wanted = f"#ifndef {guard}\n#define {guard}\n"
    if wanted not in text:
        yield Finding(path, 1, f"the guard of this header is {guard}")
    elif not text.rstrip().endswith(f"#endif  // {guard}"):
        yield Finding(path, text.count("\n"),
                      f"the header ends with #endif  // {guard}")


def _reasons(path, text, code):
    """What has to say why it is there, once a file for each thing shared."""
    lines = text.split("\n")
    explained = set()
    for number, line in _numbered(code):
        # In a .cc file a member counts; a parameter only repeats its header.
        shared = re.search(
            r"\bstd::shared_ptr<([\w: ]*)" if path.endswith(".h") else
            r"\bstd::shared_ptr<([\w: ]*)[^()]*> \w+_\b", line)
        caught = re.search(r"\bcatch \(", line)
        if not shared and not caught:
            continue
        if shared and SHARED_FREELY.match(shared.group(1)):
            continue
        what = shared.group(1).split("::")[-1] if shared else "catch"
        # Above it, or for a handler inside it.
        around = lines[max(0, number - 7):number + (1 if caught else 0)]
        if any("//" in one for one in around):
            explained.add(what)
        elif what not in explained:
            yield Finding(
                path, number,
                "shared_ptr without a reason: own it by unique_ptr, or say "
                "in a comment above who shares it" if shared else
                "catch without a reason: only around what others wrote, and "
                "a comment says what it throws")


def _open_ends(path, text):
    for number, line in _numbered(text):
        if LONE_MARK.search(line):
            yield Finding(path, number,
                          "an open end: TODO(name): when it is done, or "
                          "better, do it")
        if re.search(r"\bFIXM[E]\b", line):
            yield Finding(path, number, "mend it, or file an issue")


def _machine_paths(path, text):
    for number, line in _numbered(text):
        if MACHINE_PATH.search(line):
            yield Finding(path, number,
                          "a path of somebody's machine: a path below the "
                          "tree, an argument or a variable")


def _long_functions(path, code):
    """Functions at the left margin, as clang-format lays them out."""
    limit = (TEST_FUNCTION_LINES if path.startswith("tests/")
             else FUNCTION_LINES)
    start, declaration = 0, ""
    for number, line in _numbered(code):
        if re.match(r"[A-Za-z_~:]", line):
            start, declaration = number, line
        elif line.startswith(" ") and "{" not in declaration:
            declaration += line
        if line.startswith("}") and start:
            # Braces of a scope have no parameters before them.
            head = declaration.split("{")[0]
            length = number - start + 1
            if ("(" in head and length > limit and
                    not re.match(r"namespace|class|struct|enum|extern", head)):
                yield Finding(
                    path, start, f"a function of {length} lines; at most "
                    f"{limit}: split it by what it does")
            start, declaration = 0, ""


def _opening_comment(path, text):
    opening = []
    for line in text.split("\n"):
        if not line.startswith("//"):
            break
        opening.append(line[2:].strip())
    sentences = re.findall(r"[.:?](?:\s|$)", " ".join(opening))
    if len(sentences) < 2:
        yield Finding(path, 1, "a test file opens with two sentences: which "
                      "property, by which method")


def errors(path, text):
    """All findings that make the check fail."""
    suffix = suffix_of(path)
    found = list(_machine_paths(path, text))
    if suffix in (".h", ".cc"):
        code = code_only(text)
        found += _banned_code(path, code)
        found += _views(path, code)
        found += _type_names(path, code)
        found += _reasons(path, text, code)
        found += _long_functions(path, code)
        found += _open_ends(path, text)
    if suffix == ".proto":
        found += _type_names(path, code_only(text))
        found += _open_ends(path, text)
    if suffix == ".h":
        found += _guard(path, text)
    if path.startswith("tests/") and path.endswith("_test.cc"):
        found += _opening_comment(path, text)
    lines = text.count("\n")
    limit = ERROR_LINES.get(suffix)
    if limit is not None and lines > limit:
        found.append(Finding(path, lines, f"{lines} lines, at most {limit}: "
                             "split the file by subject"))
    return list(dict.fromkeys(found))


def warnings(path, text):
    """What should be looked at, and does not make the check fail."""
    limit = WARN_LINES.get(suffix_of(path))
    lines = text.count("\n")
    if limit is not None and lines > limit:
        return [Finding(path, lines,
                        f"{lines} lines, better at most {limit}")]
    return []
