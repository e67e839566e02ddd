"""Each house rule finds what it is there to find, and nothing in clean code.

Small files with one violation each are written to a scratch tree, and the
check has to report them with the replacement it names.
"""

import os
import shutil
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path.insert(0, os.path.join(ROOT, "tools", "checks"))

import check_tidy  # noqa: E402

# Lines of a .cc file that must be refused, and a part of the message.
REFUSED_LINES = (
    ("absl::Mutex mu;", "base/mutex.h"),
    ("std::mutex mu;", "base/mutex.h"),
    ("void Take(std::string_view text);", "absl::string_view"),
    ("void Take(int a, std::string_view text, int b);", "absl::string_view"),
    ("auto t = std::chrono::steady_clock::now();", "base/clock.h"),
    ("auto t = absl::Now();", "base/clock.h"),
    ("auto t = time(nullptr);", "base/clock.h"),
    ("std::random_device device;", "base/random.h"),
    ("int x = rand();", "base/random.h"),
    ("std::this_thread::sleep_for(d);", "never wait by sleeping"),
    ("absl::SleepFor(d);", "never wait by sleeping"),
    ("std::jthread t;", "std::thread"),
    ("auto s = std::format(x);", "absl::StrCat"),
    ("std::expected<int, int> e;", "absl::StatusOr"),
    ("void F() { throw 1; }", "absl::Status"),
    ("void F() { try { G(); } catch (...) {} }", "catch without a reason"),
    ("std::shared_ptr<Seat> seat_;", "unique_ptr"),
    ("using namespace std;", "namespace alias"),
    ("absl::optional<int> x;", "std::optional"),
    ("class LeaseManager {};", "Manager"),
    ("struct PoolInfo {};", "Info"),
    ("enum class NewMode { kA };", "New"),
    ("using SeatData = int;", "Data"),
    ("struct Codec2 {};", '"2"'),
    ("// FIXM" + "E: later.", "mend it"),
    ("// TODO" + ": later.", "open end"),
    ("// See /wor" + "k/main.", "machine"),
    ("const char* kPath = \"/hom" + "e/someone/x\";", "machine"),
)
ALLOWED_LINES = (
    "// Like std::mutex, and never absl::Mutex; time(nullptr) is banned.",
    'const char* kText = "throw absl::Now() FIX";',
    "struct Impl {};",
    "class AuthContext;",
    "struct Renewal {};",
    "// Two streams share the seat: whoever ends last frees it.\n"
    "std::shared_ptr<Seat> seat_;",
    "Seat::Seat(std::shared_ptr<Core> core) {}",
    "std::shared_ptr<const Seat> seat_;",
    "std::shared_ptr<grpc::Channel> channel_;",
    "void F() {\n  std::string_view s = Parse();\n}",
    "const auto kTime = lease_time(0);",
    "int x = grand(1);",
)
CLEAN_LISTING = "quorate_library(quorate_seat SOURCES seat.cc)\n"


def header(path, body=""):
    guard = "QUORATE_" + path.replace("/", "_").replace(".", "_").upper() + "_"
    return (f"#ifndef {guard}\n#define {guard}\n{body}\n"
            f"#endif  // {guard}\n")


class TidyTest(unittest.TestCase):

    def setUp(self):
        self.tree = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tree)
        self.write("client/README.md", "What is here.\n")
        self.write("client/CMakeLists.txt", CLEAN_LISTING)
        self.write("client/seat.cc", "int x;\n")

    def write(self, path, text):
        target = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as out:
            out.write(text)

    def errors(self):
        return [str(one) for one in check_tidy.check(self.tree)[0]]

    def assert_one_error(self, path, message):
        errors = self.errors()
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(path, errors[0])
        self.assertIn(message, errors[0])

    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(check_tidy.check(self.tree), ([], []))

    def test_refused_lines(self):
        for line, message in REFUSED_LINES:
            with self.subTest(line=line):
                self.write("client/seat.cc", f"\n\n\n\n\n\n\n\n{line}\n")
                self.assert_one_error("client/seat.cc:9", message)

    def test_allowed_lines(self):
        for line in ALLOWED_LINES:
            with self.subTest(line=line):
                self.write("client/seat.cc", line + "\n")
                self.assertEqual(self.errors(), [])

    def test_clock_and_chance_have_their_place(self):
        self.write("base/README.md", "Base.\n")
        self.write("base/CMakeLists.txt",
                   "quorate_library(base SOURCES clock.cc random.cc)\n")
        self.write("base/clock.cc", "auto t = absl::Now();\n")
        self.write("base/random.cc", "std::random_device d;\n")
        self.assertEqual(self.errors(), [])

    def test_header_guard(self):
        self.write("client/seat.h", header("client/seat.h"))
        self.assertEqual(self.errors(), [])
        self.write("client/seat.h", header("client/stool.h"))
        self.assert_one_error("client/seat.h", "QUORATE_CLIENT_SEAT_H_")

    def test_string_view_in_a_header(self):
        self.write("client/seat.h",
                   header("client/seat.h", "std::string_view name;"))
        self.assert_one_error("client/seat.h", "absl::string_view")

    def test_shared_pointer_in_a_header(self):
        self.write("client/seat.h",
                   header("client/seat.h", "\n" * 8 +
                          "void Use(std::shared_ptr<Core> core);"))
        self.assert_one_error("client/seat.h", "unique_ptr")

    def test_file_length(self):
        self.write("client/seat.cc", "\n" * 501)
        errors, warnings = check_tidy.check(self.tree)
        self.assertEqual((len(errors), len(warnings)), (0, 1))
        self.write("client/seat.cc", "\n" * 701)
        self.assert_one_error("client/seat.cc", "at most 700")

    def test_header_length_warns(self):
        self.write("client/seat.h", header("client/seat.h", "\n" * 300))
        errors, warnings = check_tidy.check(self.tree)
        self.assertEqual((len(errors), len(warnings)), (0, 1))

    def test_function_length(self):
        for length, wanted in ((68, 0), (69, 1)):
            body = "  Go();\n" * length
            self.write("client/seat.cc", "namespace quorate {\n\nint F(int a,\n"
                       f"      int b) {{\n{body[8:]}}}\n\n}}\n")
            self.assertEqual(len(self.errors()), wanted, length)

    def test_file_names(self):
        for name in ("seat_util.cc", "data.cc", "common_seat.cc", "seat2.cc"):
            with self.subTest(name=name):
                self.write("client/CMakeLists.txt",
                           CLEAN_LISTING.replace("seat.cc", f"seat.cc {name}"))
                self.write(f"client/{name}", "int x;\n")
                self.assert_one_error(name, "file name")
                os.remove(os.path.join(self.tree, "client", name))

    def test_dead_file(self):
        self.write("client/forgotten.cc", "int x;\n")
        self.assert_one_error("client/forgotten.cc", "no CMakeLists.txt")
        # A name that ends alike is another file.
        self.write("client/CMakeLists.txt",
                   CLEAN_LISTING + "# not_forgotten.cc\n")
        self.assert_one_error("client/forgotten.cc", "no CMakeLists.txt")

    def test_readme_of_a_module(self):
        os.remove(os.path.join(self.tree, "client/README.md"))
        self.assert_one_error("client/CMakeLists.txt", "README.md is missing")

    def test_test_file_opens_with_two_sentences(self):
        self.write("tests/client/CMakeLists.txt",
                   "quorate_test(seat_test SOURCES seat_test.cc)\n")
        self.write("tests/client/seat_test.cc",
                   "// A seat comes back once. Every order is tried.\n")
        self.assertEqual(self.errors(), [])
        self.write("tests/client/seat_test.cc", "// Tests seats.\nint x;\n")
        self.assert_one_error("seat_test.cc", "two sentences")


if __name__ == "__main__":
    unittest.main()
