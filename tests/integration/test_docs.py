# SPDX-License-Identifier: Apache-2.0
"""The documentation against the program: keys, commands, exit codes, links, types."""

from __future__ import annotations

import re

import pytest

import test_differential
import test_types
from events import GENERATED, OK, millrace
from servers import FAMILIES, ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MARKER = re.compile(r"^<!-- millrace config --markdown: .* -->\n\n", re.M)


def table_rows(text: str, head: str) -> list[list[str]]:
    """The cells of the Markdown table whose first line begins with `head`."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(head))
    rows = []
    for line in lines[start + 2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def section(text: str, title: str) -> list[str]:
    """The indented lines below a title of the program's help."""
    after = text.split(f"\n{title}:\n", 1)[1]
    return [line.strip() for line in after.split("\n\n", 1)[0].splitlines()]


@pytest.fixture(scope="module")
def help_text() -> str:
    done = millrace("--help")
    assert done.returncode == OK
    return done.stdout.decode()


def test_configuration_page_is_made_by_the_program():
    text = (ROOT / "docs" / "configuration.md").read_text()
    marker = MARKER.search(text)
    assert marker, "docs/configuration.md has lost the line between its introduction and the generated part"
    done = millrace("config", "--markdown")
    assert done.returncode == OK
    assert text[marker.end():] == done.stdout.decode(), \
        "docs/configuration.md is stale: put the output of `millrace config --markdown` below its marker"


def test_every_key_that_pages_show_exists():
    """The YAML in README and in the pages uses keys that the program has."""
    known = set(re.findall(r"^\| `([^`]+)` \|", millrace("config", "--markdown").stdout.decode(), re.M))
    known |= {"type"}
    route = {"source-table", "sink-table", "replace-symbol", "description"}
    checked = 0
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S):
            for key in re.findall(r"^ +(?:- )?([a-z][a-z.\-_0-9]*):", block, re.M):
                prefix = any(name.endswith("*") and key.startswith(name[:-1]) for name in known)
                assert key in known or key in route or prefix, f"{page.name}: {key}"
                checked += 1
    assert checked > 10


def test_cli_page_lists_the_commands(help_text):
    page = (ROOT / "docs" / "cli.md").read_text()
    documented = {}
    for usage, does in table_rows(page, "| command | does |"):
        words = usage.strip("`").split(" ")
        name = " ".join(word for word in words[:2] if re.fullmatch("[a-z]+", word))
        documented[name] = does
    told = {}
    for line in section(help_text, "Commands"):
        name = re.match(r"[a-z]+(?: [a-z]+)?(?= )", line).group()
        told[name] = re.search(r"(?<= )[A-Z][a-z]+ .*\.$|(?<= )[A-Z][a-z]+ .*$", line).group()
    assert set(documented) == set(told)
    for name, does in documented.items():
        assert told[name].endswith(does), name


def test_cli_page_says_each_commands_arguments():
    page = (ROOT / "docs" / "cli.md").read_text()
    for usage, _ in table_rows(page, "| command | does |"):
        words = usage.strip("`").split(" ")
        name = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
        arguments = [word for word in words[len(name):] if not word.startswith("[")]
        text = millrace(*name, "--help").stdout.decode()
        line = re.search(r"^Usage: millrace (.*)$", text, re.M).group(1).strip()
        assert line.endswith(" ".join(arguments)), usage
        for option in re.findall(r"\[(--[a-z-]+)\]", usage):
            assert f"  {option}" in text, usage


def test_exit_codes_are_documented(help_text):
    documented = {code: meaning for code, meaning in
                  table_rows((ROOT / "docs" / "cli.md").read_text(), "| code | meaning |")}
    told = dict(line.split("  ", 1) for line in section(help_text, "Exit codes"))
    assert documented == told
    header = (ROOT / "engine" / "commands" / "commands.h").read_text()
    in_code = re.findall(r"^\s*EXIT_CODE_[A-Z]+(?: = (\d+))?,?", header, re.M)
    assert len(in_code) == len(told), "an exit code is in the header and not in the help"


def test_commands_in_readme_and_pages_exist(help_text):
    commands = [re.match(r"[a-z]+(?: [a-z]+)?(?= )", line).group() for line in section(help_text, "Commands")]
    found = 0
    for page in PAGES:
        text = page.read_text()
        places = re.findall(r"`millrace ([a-z][^`]*)`", text)
        for block in re.findall(r"```[a-z]*\n(.*?)```", text, re.S):
            places += re.findall(r"^(?:\$ )?millrace ([a-z].*)$", block, re.M)
        for place in places:
            assert any(place == name or place.startswith(name + " ") for name in commands), f"{page.name}: {place}"
            found += 1
    assert found > 5


def test_options_in_readme_and_pages_exist():
    known = set()
    for command in ("", "run", "check", "snapshot", "replay", "compare", "status", "decode", "checkpoint show", "checkpoint verify", "config", "config print"):
        known |= set(re.findall(r"^  (--[a-z-]+)", millrace(*command.split(), "--help").stdout.decode(), re.M))
    foreign = {"--once", "--sink", "--all", "--raw", "--read-from-remote-server", "--discard", "--no-data",
               "--seed", "--wrap"}  # other programs'
    simulator = re.findall(r'^ +\{"([a-z-]+)", \w+_argument', (ROOT / "tests/sim/sim.c").read_text(), re.M)
    foreign |= {"--" + name for name in simulator}
    assert "--list-bugs" in foreign
    for page in PAGES:
        for inline in re.findall(r"`([^`\n]*)`", page.read_text()):
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", inline):
                assert option in known | foreign or inline.split()[0].startswith(("./", "tests/", "bench/", "cmake")), \
                    f"{page.name}: {option}"


def anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if fragment:
            titles = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
            assert fragment in map(anchor, titles), f"{page.name}: {target}"


def golden_types(product: str) -> dict[str, str]:
    """Column types of the golden CREATE TABLE, which the unit tests hold to the code."""
    text = (ROOT / "tests" / "golden" / "sinks" / product / "create" / "every_kind.sql").read_text()
    return dict(re.findall(r"^  `(\w+)` (.*?)(?: NOT)? NULL", text, re.M))


# Golden column -> the row of docs/types.md that speaks of it. Columns with figures of their own are left to the rule.
SAME = {"i1": "TINYINT, BOOLEAN, TINYINT(1)", "i2": "SMALLINT", "i3": "MEDIUMINT, MEDIUMINT UNSIGNED", "i4": "INT",
        "i8": "BIGINT", "u1": "TINYINT UNSIGNED", "u2": "SMALLINT UNSIGNED", "u3": "MEDIUMINT, MEDIUMINT UNSIGNED",
        "u4": "INT UNSIGNED", "id": "BIGINT UNSIGNED", "b1": "BIT(1)", "b63": "BIT(2) to BIT(63)", "b64": "BIT(64)",
        "year": "YEAR", "f": "FLOAT", "d": "DOUBLE", "day": "DATE", "t": "TIME(n)", "kind": "ENUM", "flags": "SET",
        "longtext": "MEDIUMTEXT, LONGTEXT", "doc": "JSON (MySQL)", "place": "GEOMETRY and its kinds",
        "vec": "VECTOR", "uuid": "UUID", "ip4": "INET4", "ip6": "INET6"}


@pytest.mark.parametrize("product, cell", [("doris", 2), ("starrocks", 3)])
def test_types_page_agrees_with_the_golden_tables(product, cell):
    rows = {row[0]: row for row in
            table_rows((ROOT / "docs" / "types.md").read_text(), "| MySQL, MariaDB | CloudEvents JSON |")}
    types = golden_types(product)
    for column, title in SAME.items():
        assert rows[title][cell].split(", ")[0] == types[column], f"{title}: {types[column]}"


# -- which tests the types page names as its proofs

# The oracles' types that a row of the page is about. A row that is not here is about columns, not about a type.
ORACLE_TYPES = {
    "TINYINT to BIGINT, signed and not": {"tinyint", "smallint", "mediumint", "int", "bigint"}, "BIT(1) to BIT(64)": {"bit"},
    "YEAR": {"year"}, "DECIMAL to (65, 30)": {"decimal"}, "FLOAT, DOUBLE": {"float", "double"}, "DATE": {"date"},
    "TIME(0) to TIME(6)": {"time"}, "DATETIME(0) to DATETIME(6)": {"datetime"}, "TIMESTAMP(0) to TIMESTAMP(6)": {"timestamp"},
    "TIME, DATETIME, TIMESTAMP of MariaDB 5.3": {"t_time53"}, "CHAR, VARCHAR, TEXT": {"char", "varchar", "tinytext", "text", "longtext"},
    "BINARY, VARBINARY, BLOB": {"binary", "varbinary", "tinyblob", "blob", "longblob"}, "every charset": {"t_cs"}, "ENUM, SET": {"enum", "set"},
    "JSON (MySQL)": {"json"}, "GEOMETRY and its kinds": {"geometry", "point", "linestring", "polygon", "multipolygon"}, "VECTOR": {"vector"},
    "UUID": {"uuid"}, "INET4": {"inet4"}, "INET6": {"inet6"}, "compressed columns (MariaDB)": {"compressed"},
    "generated columns": {"t_gcol"}, "invisible columns": {"t_inv"}}


def oracle_types(version: str, is_mariadb: bool) -> set[str]:
    """What the oracles of a server in the tree have: types, tables, and "compressed"."""
    found: set[str] = set()
    product = "mariadb" if is_mariadb else "mysql"
    for path in [*GENERATED.glob(f"{product}-{version}.*/types_*.oracle.tsv"), *GENERATED.glob(f"{product}-{version}/types_*.oracle.tsv")]:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.startswith("#TABLE\t"):
                found.add(line.split("\t")[1])
            if line.startswith("#COLS\t"):
                types = [field.split("|", 1)[1].lower() for field in line.split("\t")[1:] if field]
                found |= {re.split(r"[( |]", kind)[0] for kind in types}
                found |= {"compressed"} if any("compressed" in kind for kind in types) else set()
    if is_mariadb and version == "10.0" and "t_time" in found:
        found.add("t_time53")  # MariaDB 10.0 writes no other format
    return found


def test_proofs_of_the_types_page_exist():
    text = (ROOT / "docs" / "types.md").read_text()
    legend = {row[0]: row[1].strip("`") for row in table_rows(text, "| | test | what it does |")}
    for letter, named in legend.items():
        if "::" not in named:
            assert letter == "U", f"{letter} names no test"
            continue
        path, function = named.split("::")
        assert re.search(rf"\b(def|static void) {function}\(", (ROOT / path).read_text()), f"{letter}: {named} is not there"
    rows = table_rows(text, "| type | unit test |")
    assert set(ORACLE_TYPES) < {row[0] for row in rows}
    for row in rows:
        assert (ROOT / row[1].strip("`")).exists(), f"{row[0]}: {row[1]} is not there"
        for cell in row[2:]:
            assert cell == "—" or (cell and set(cell.split()) <= set(legend)), f"{row[0]}: the cell {cell!r}"


VERSIONS = {"mariadb": "10.11", "mysql97": "9.7", "mariadb118": "11.8", "mariadb105": "10.5", "mysql56": "5.6"}


def versions_of(parameters) -> set[str]:
    """Of the families that a test is run with."""
    return {VERSIONS[getattr(one, "values", (one,))[0]] for one in parameters}


def test_proofs_of_the_types_page_run_on_the_servers_that_it_says():
    text = (ROOT / "docs" / "types.md").read_text()
    head = next(line for line in text.splitlines() if line.startswith("| type | unit test |"))
    columns = [cell.strip().split()[-1] for cell in head.split("|")[3:-1]]
    files = {".".join(name.removeprefix("mariadb-").split(".")[:2]) for name in test_types.versioned_files()}
    runs_on = {"D": versions_of(test_differential.EVERYWHERE), "E": versions_of(test_types.EVERYWHERE), "C": versions_of(FAMILIES),
               "T": versions_of(test_types.OF_MARIADB), "V": {"10.11"}, "W": files, "F": {"5.5", "8.4"}}
    for row in table_rows(text, "| type | unit test |"):
        for column, cell in zip(columns, row[2:]):
            wrong = [letter for letter in cell.split() if column not in runs_on.get(letter, columns)]
            assert not wrong, f"{row[0]} on {column}: {wrong} is not run there"


def test_oracles_have_the_types_that_the_page_says():
    text = (ROOT / "docs" / "types.md").read_text()
    head = next(line for line in text.splitlines() if line.startswith("| type | unit test |"))
    columns = [cell.strip() for cell in head.split("|")[3:-1]]
    first_mariadb = next(place for place, column in enumerate(columns) if column.startswith("MariaDB"))
    checked = 0
    for row in table_rows(text, "| type | unit test |"):
        for place, cell in enumerate(row[2:]):
            if "S" not in cell.split():
                continue
            version = columns[place].split()[-1]
            missing = ORACLE_TYPES[row[0]] - oracle_types(version, place >= first_mariadb)
            assert not missing, f"{row[0]} on {columns[place]}: the tree has no {missing}"
            checked += 1
    assert checked > 100
