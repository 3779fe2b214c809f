# SPDX-License-Identifier: Apache-2.0
"""The house rules that a program can hold: who includes whom, what a folder shows, what may not be called.

Each rule has a function that gives the places where it is broken, and is shown a broken piece of code as
well: a rule that cannot fail holds nothing.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIDDLE = ["binlog", "snapshot", "checkpoint", "sinks"]
PRODUCT = ["engine", *MIDDLE]
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
TEST_FILE_LINES_MAX = 1000

# Functions over the bound that are allowed to be; the list only ever gets shorter.
LONG_FUNCTIONS: set[str] = set()

# The only places that may turn a secret into bytes: where a library call takes it.
SECRET_PLACES = ("engine/base/secret.h", "engine/myconn/", "engine/config/", "sinks/stream_load/")

BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "atoll", "strtol", "strtoul",
          "strtoll", "strtoull", "gets", "gmtime", "localtime", "alloca"]
BANNED_CALL = re.compile(r"\b(" + "|".join(BANNED) + r"|v?[fs]?scanf)\s*\(")


def sources(*folders: str, suffixes: tuple[str, ...] = (".c", ".h")) -> list[pathlib.Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.suffix in suffixes]
    if "engine" in folders:
        found.append(ROOT / "main.c")
    return [path for path in found if path.is_file()]


def name_of(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def bare(text: str) -> str:
    """The code without comments, strings and character constants; lines keep their numbers."""
    def blank(match: re.Match) -> str:
        return re.sub(r"[^\n]", " ", match.group())
    return TOKEN.sub(blank, text)


def hits(pattern: re.Pattern, text: str) -> list[tuple[int, str]]:
    return [(text.count("\n", 0, match.start()) + 1, match.group(0).strip()) for match in pattern.finditer(text)]


# Who includes whom.

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def include_faults(name: str, text: str) -> list[str]:
    """`name` is the file's path from the root; main.c alone may see everything."""
    top = name.split("/")[0]
    faults = []
    for included in INCLUDE.findall(text):
        # As the compiler looks: beside the file first, then from the root.
        beside = pathlib.PurePosixPath(name).parent / included
        steps: list[str] = []
        for step in beside.parts:
            if step == "..":
                if not steps:
                    faults.append(f"{name}: \"{included}\" leaves the project")
                    break
                steps.pop()
            elif step != ".":
                steps.append(step)
        resolved = "/".join(steps)
        if not (ROOT / resolved).is_file() and (ROOT / included).is_file():
            resolved = included
        target = resolved.split("/")[0]
        if name == "main.c" or target == top:
            continue
        if top == "engine":
            faults.append(f"{name}: engine/ includes no other folder, but \"{included}\"")
        elif target in MIDDLE:
            faults.append(f"{name}: {top}/ must not know {target}/, but includes \"{included}\"")
        elif resolved != "engine/engine.h":
            faults.append(f"{name}: another folder is seen only as \"engine/engine.h\", not \"{included}\"")
    return faults


def test_includes_point_one_way():
    files = sources(*PRODUCT)
    assert len(files) > 20
    faults = [fault for path in files for fault in include_faults(name_of(path), path.read_text())]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name,line", [
    ("engine/base/x.c", '#include "binlog/binlog.h"'),
    ("engine/base/x.c", '#include "../../sinks/sinks.h"'),
    ("binlog/x.c", '#include "checkpoint/checkpoint.h"'),
    ("sinks/doris/x.c", '#  include "../../binlog/gtid_int.h"'),
    ("sinks/x.c", '#include "engine/base/buf.h"'),
    ("sinks/x.c", '#include "../../elsewhere.h"'),
])
def test_includes_rule_can_fail(name, line):
    assert include_faults(name, line + "\n")


def test_includes_rule_can_pass():
    assert not include_faults("sinks/doris/x.c", '#include "engine/engine.h"\n#include "../sinks.h"\n')
    assert not include_faults("main.c", '#include "sinks/sinks.h"\n')


# Inside the pipeline calls go one way: each file names only those above it in the list of world_int.h.

LISTED = re.compile(r"^ \*   (\w+)\.c {2,}", re.M)


def order_faults(order: list[str], name: str, text: str) -> list[str]:
    """`name` is the file's own, in engine/pipeline."""
    stem = re.sub(r"(_int)?\.[ch]$", "", name)
    if stem not in order:
        return [f"engine/pipeline/{name} is not in the list of world_int.h"]
    above = [*order[:order.index(stem) + 1], "world"]
    return [f"engine/pipeline/{name}: \"{included}\" does not stand above it in the list of world_int.h"
            for included in INCLUDE.findall(text)
            if included.endswith("_int.h") and "/" not in included and included[:-len("_int.h")] not in above]


def test_the_pipeline_calls_one_way():
    folder = ROOT / "engine" / "pipeline"
    order = LISTED.findall((folder / "world_int.h").read_text())
    files = [path for path in sorted(folder.glob("*.[ch]")) if path.name not in ("world_int.h", "pipeline.h")]
    assert len(order) > 15 and len(files) > 30
    assert sorted(order) == sorted(path.stem for path in files if path.suffix == ".c")
    faults = [fault for path in files for fault in order_faults(order, path.name, path.read_text())]
    assert not faults, "\n".join(faults)


def test_the_pipeline_order_can_fail():
    assert order_faults(["epoch", "taking"], "epoch.c", '#include "taking_int.h"\n')
    assert order_faults(["epoch", "taking"], "other.c", "")
    assert not order_faults(["epoch", "taking"], "taking.c", '#include "epoch_int.h"\n#include "world_int.h"\n')


# What a folder shows.

def public_faults(folder: str, headers: list[str]) -> list[str]:
    public = [header for header in headers if not header.endswith("_int.h")]
    wanted = f"{folder}/{folder}.h"
    return [] if public == [wanted] else [f"{folder}/: the one public header is {wanted}, found {public}"]


def test_one_public_header_a_folder():
    faults = []
    for folder in MIDDLE:
        headers = [name_of(path) for path in sources(folder, suffixes=(".h",))]
        if headers:
            faults += public_faults(folder, headers)
    assert not faults, "\n".join(faults)


def test_one_public_header_rule_can_fail():
    assert public_faults("sinks", ["sinks/sinks.h", "sinks/doris/doris.h"])
    assert public_faults("sinks", ["sinks/x_int.h"])
    assert not public_faults("sinks", ["sinks/sinks.h", "sinks/doris/x_int.h"])


def compile_flags() -> list[str]:
    packages = ["libmariadb", "yaml-0.1", "libpcre2-8", "libxxhash", "libzstd", "libcurl", "libcjson"]
    found = subprocess.run(["pkg-config", "--cflags", *packages], capture_output=True, text=True, check=True)
    return ["-std=gnu17", "-D_GNU_SOURCE", '-DMILLRACE_VERSION="0"', "-Wall", "-Wextra", "-Werror", f"-I{ROOT}",
            *found.stdout.split()]


def test_every_header_compiles_alone():
    flags = compile_flags()
    headers = sources(*PRODUCT, suffixes=(".h",))
    headers = [path for path in headers if path.suffix == ".h"]
    assert len(headers) > 10
    faults = []
    for path in headers:
        # Included from a file of one line, for then a static function that is not used is no fault; twice, for
        # its guard must hold.
        line = f'#include "{path}"\n' * 2
        done = subprocess.run(["gcc", *flags, "-x", "c", "-fsyntax-only", "-"], input=line, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            faults.append(f"{name_of(path)}:\n{done.stderr[:800]}")
    assert not faults, "\n".join(faults)


# What may not be called or written.

def banned_faults(name: str, text: str) -> list[str]:
    return [f"{name}:{line}: {what}" for line, what in hits(BANNED_CALL, bare(text))]


def test_banned_calls():
    files = sources(*PRODUCT, "bench")
    faults = [fault for path in files for fault in banned_faults(name_of(path), path.read_text())]
    assert not faults, "\n".join(faults)


def test_banned_calls_rule_can_fail():
    assert banned_faults("x.c", "int n = atoi (text);")
    assert banned_faults("x.c", "sscanf(text, \"%d\", &n);")
    assert banned_faults("x.c", "char *end; n = strtol(text, &end, 10);")
    assert not banned_faults("x.c", "/* strcpy(a, b) */ snprintf(a, 9, \"sprintf(\"); gmtime_r(&t, &tm); my_atoi(x);")


EXIT_CALL = re.compile(r"(?<![\w.>])(?:exit|_exit|quick_exit|abort)\s*\(")


def test_only_main_ends_the_program():
    allowed = {"engine/base/error.c"}  # assert_failed: a broken promise inside the program
    faults = [f"{name_of(path)}:{line}: {what}" for path in sources(*PRODUCT)
              if name_of(path) != "main.c" and name_of(path) not in allowed
              for line, what in hits(EXIT_CALL, bare(path.read_text()))]
    assert not faults, "\n".join(faults)
    assert hits(EXIT_CALL, "if (x)\n    exit(1);") == [(2, "exit(")]


SECRET_CALL = re.compile(r"\bsecret_reveal\b")


def secret_faults(name: str, text: str) -> list[str]:
    if name.startswith(SECRET_PLACES):
        return []
    return [f"{name}:{line}: {what}" for line, what in hits(SECRET_CALL, bare(text))]


def test_secrets_are_revealed_only_where_a_library_takes_them():
    faults = [fault for path in sources(*PRODUCT) for fault in secret_faults(name_of(path), path.read_text())]
    assert not faults, "\n".join(faults)
    assert secret_faults("engine/base/log.c", "puts(secret_reveal(s));")


# Split, so that this file does not hold the words that it looks for.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")


def test_nothing_is_left_for_later():
    files = sources(*PRODUCT, "bench", "tests", "docs", suffixes=(".c", ".h", ".py", ".sh", ".md", ".txt"))
    faults = [f"{name_of(path)}:{line}: {what}" for path in files
              for line, what in hits(UNFINISHED, path.read_text(errors="replace"))]
    assert not faults, "\n".join(faults)
    assert hits(UNFINISHED, "/* TO" + "DO: more */")


def test_every_file_names_its_licence():
    files = sources(*PRODUCT, "bench", "tests", suffixes=(".c", ".h", ".py", ".sh"))
    faults = [name_of(path) for path in files
              if "SPDX-License-Identifier: Apache-2.0" not in path.read_text(errors="replace")[:300]]
    scripts = [ROOT / name for name in ("check", "quickstart", ".ci/run", "bench/run", "CMakeLists.txt")]
    faults += [name_of(path) for path in scripts
               if path.exists() and "SPDX-License-Identifier: Apache-2.0" not in path.read_text()[:300]]
    assert not faults, "\n".join(faults)


# How long things are.

def functions(text: str) -> list[tuple[str, int, int]]:
    """(name, first line, count of lines) of each function in code that clang-format has laid out: its brace
    opens and closes in the first column, and its signature stands right above."""
    lines = bare(text).split("\n")
    found = []
    opened = None
    for index, line in enumerate(lines):
        if line.startswith("{") and opened is None:
            first = index
            while first > 0 and lines[first - 1].strip() and not lines[first - 1].rstrip().endswith((";", "}")) \
                    and not lines[first - 1].startswith("#"):
                first -= 1
            signature = " ".join(lines[first:index])
            match = re.search(r"(\w+)\s*\(", signature)
            opened = (match.group(1) if match else "?", first)
        elif line.startswith("}") and opened is not None:
            found.append((opened[0], opened[1] + 1, index - opened[1] + 1))
            opened = None
    return found


def test_functions_are_short():
    files = [path for path in sources(*PRODUCT, "bench", "tests") if path.suffix == ".c"]
    long = {}
    counted = 0
    for path in files:
        for name, line, count in functions(path.read_text()):
            counted += 1
            if count > FUNCTION_LINES_MAX:
                long[f"{name_of(path)}:{name}"] = f"{name_of(path)}:{line}: {name} has {count} lines"
    assert counted > 100
    faults = [text for key, text in long.items() if key not in LONG_FUNCTIONS]
    assert not faults, f"a function has at most {FUNCTION_LINES_MAX} lines:\n" + "\n".join(faults)
    mended = LONG_FUNCTIONS - set(long)
    assert not mended, f"no longer too long, take them off the list: {sorted(mended)}"


def test_functions_are_counted_right():
    text = "static int\none(int a)\n{\n    return a;\n}\n\nstruct s {\n    int x;\n};\n\nint two(void)\n{\n}\n"
    assert functions(text) == [("one", 1, 5), ("two", 11, 3)]


def test_files_are_short():
    # Tables of facts (character sets, error texts) are data, not code to read.
    faults = []
    for path in sources(*PRODUCT, "bench", "tests"):
        count = len(path.read_text(errors="replace").splitlines())
        count_max = TEST_FILE_LINES_MAX if name_of(path).startswith("tests/") else FILE_LINES_MAX
        if count > count_max and not path.stem.endswith("_table"):
            faults.append(f"{name_of(path)}: {count} lines, and at most {count_max}")
    assert not faults, "\n".join(faults)


def test_layout():
    program = shutil.which("clang-format-14")
    if program is None:
        pytest.skip("clang-format-14 is not installed")
    files = [str(path) for path in sources(*PRODUCT, "bench", "tests/unit")]
    done = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False)
    faults = sorted({line.split(":")[0].replace(f"{ROOT}/", "") for line in done.stderr.splitlines()
                     if "error:" in line})
    assert done.returncode == 0, "run clang-format-14 -i on:\n" + "\n".join(faults)
