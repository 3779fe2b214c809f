# SPDX-License-Identifier: Apache-2.0
"""Every binlog file of the fixtures: decoded, or refused for a reason that is told here.

Our own captures of many server versions are in the tree (tests/golden/binlog/generated). Other projects' files are
only read from ../shared/fixtures, whose INDEX.md says what each holds; where that is missing their test is skipped.
"""

from __future__ import annotations

import collections
import fnmatch
import os
import pathlib
import re
import subprocess

import pytest

from events import DATA, FIXTURES, GENERATED, OK, errors, events_of, millrace, rows_of, stream_faults

UNKNOWN = "Rows of captured tables changed, and the binlog does not say which"
# Why a file may be refused: the words, the only files in which that is right, and what the line of such a file in
# INDEX.md says of it.
REFUSALS = [
    # Statement format: what the statement did to the rows is not in the file. That is told, and reading goes on.
    (UNKNOWN,
     ["generated/*/statement_format.binlog", "generated/mariadb-*/log_bin_compress.binlog",
      "*/binlog_transaction.000001", "*/binlog_transaction_with_anonymous_GTID.000001", "*/bug11747887-bin.000003",
      "*/bug33029-slave-relay-bin.000001", "*/rpl_cross_version_default_utf8mb4_collation.000001", "*/ver_5_1_23.001",
      "holys+tungsten-replicator/*", "*/mdev29078-mysql-bin.000001", "*/mdev35643_mysql_80_binlog.000001",
      "*/mysql-8.0.13-stm-temporal-round-binlog.000001", "*/searchbin.000001", "*/mdev-4645-binlog_none.binlog",
      "percona+percona-toolkit/*"], r"\bQUERY=|EXECUTE_LOAD_QUERY="),
    # Statements that were written with binlog_row_image=MINIMAL.
    (r"holds only the changed parts of a JSON document, and the row image before it does not carry the document",
     ["generated/mysql-*/partial_json.binlog", "*/json.binlog.000001"], r"\bPARTIAL_UPDATE_ROWS="),
    # MariaDB's old TIME, DATETIME, TIMESTAMP: the fraction's digits are in the CREATE TABLE, and that is not in the file.
    (r"MariaDB's old format with fractions of seconds", ["generated/mariadb-10.0.38/updates_image_full.binlog"], r"-MariaDB"),
    (r"The file is encrypted from here on", ["*/encrypted_file_key_management.binlog", "*/binlog_before_20574.bin"],
     r"encrypted after START_ENCRYPTION"),
    # The server tests' own damaged files; the last one's format description has zeros for a checksum already.
    (r"The event's checksum is wrong",
     ["*/duplicate_xid.000001", "*/duplicate_xid_ddl.000001", "*/duplicate_xid_xa_prepare.000001",
      "*/mdev-39404-binlog.000001", "*/invalid_row_v2_tag.001"], r"NEGATIVE: .*(bad CRC|bad v2 extra-row-info tag)"),
    (r"A transaction begins inside another one", ["*/orphan_xa_commit.000001"], r"/binlog_recovery/orphan_"),
    (r"its binlog lost events here", ["*/bug40482-bin.000001"], r"\bINCIDENT="),
    # MySQL 4.1 and files that never had a format description.
    (r"does not begin with a format description",
     ["*/binlog_no_fd_event.000001", "*/trunc_binlog.000001", "*/binlog_old_version_4_1.000001",
      "*/bug47142_master-bin.000001", "*/master-bin.001"], r"\| \(none\) \|"),
    # A development tree of 5.2 with event numbers of its own.
    (r"EXECUTE_LOAD_QUERY event at .* is cut off", ["*/ver_5_1-wl2325_r.001"], r"\| 5\.2\.2-"),
]
NO_BINLOG = (".tsv", ".txt", ".md", ".json", ".sql", ".zst")


def files_under(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def generated_binlogs() -> dict[str, pathlib.Path]:
    """Our files by name, as "generated/<server>/<file>"."""
    return {f"generated/{path.relative_to(GENERATED)}": path for path in files_under(GENERATED)
            if "wire" not in path.parts and path.suffix not in NO_BINLOG}


def index_lines() -> dict[str, str]:
    """What INDEX.md says of each of the other projects' files."""
    found = re.findall(r"^\| `([^`]+)` (\|.*\|)$", (FIXTURES / "INDEX.md").read_text(), re.M)
    return dict(found)


needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is not there")


def reason(name: str, told: str, line: str | None) -> str | None:
    """The words of the refusal that is right for this file; `line` is what the index says of it."""
    for words, files, said in REFUSALS:
        if re.search(words, told) and any(fnmatch.fnmatch(name, pattern) for pattern in files) and \
                (line is None or re.search(said, name + " " + line)):
            return words
    return None


ROWS = re.compile(r"\b(?:M_)?(?:WRITE|UPDATE|DELETE)_ROWS\w*=|\bPARTIAL_UPDATE_ROWS=")


def judged(name: str, path: pathlib.Path, counts: collections.Counter, line: str | None = None) -> list[str]:
    """Decodes a file, counts how it ended, and says what is wrong with that."""
    done = millrace("decode", path)
    told = [text for text in errors(done).splitlines() if text.startswith("millrace: ")]
    events = events_of(done.stdout)
    faults = [f"{name}: {fault}" for fault in stream_faults(events)]
    if done.returncode == OK:
        counts["decoded"] += 1
        if told:
            faults.append(f"{name}: decoded, and yet {told}")
        if line is not None and not ROWS.search(line) and rows_of(events):
            faults.append(f"{name}: the index knows of no rows, and there are {len(rows_of(events))}")
        return faults
    if done.returncode == DATA and not told:
        known = reason(name, errors(done), line)
        if known != UNKNOWN or not any(event["type"].endswith(".rows.unknown.v1") for event in events):
            return [*faults, f"{name}: {errors(done)[-400:]}"]
        counts[known] += 1
        return faults
    known = reason(name, told[0], line) if done.returncode == DATA and len(told) == 1 else None
    if known is None:
        return [*faults, f"{name}: exit code {done.returncode}, {told}"]
    counts[known] += 1
    if not re.search(rf"\b(event|type \d+ event) at {re.escape(path.name)}:\d+: ", told[0]):
        faults.append(f"{name}: no place in {told}")
    return faults


def test_every_file_of_ours_is_decoded_or_refused_for_a_known_reason():
    counts: collections.Counter = collections.Counter()
    assert [fault for name, path in generated_binlogs().items() for fault in judged(name, path, counts)] == []
    assert counts["decoded"] == 111
    wanted = {words for words, files, _ in REFUSALS if any("generated" in name or "encrypted" in name for name in files)}
    assert set(counts) == {"decoded", *wanted}, "a reason is not needed any more"


@needs_fixtures
def test_every_file_of_others_is_decoded_or_refused_for_a_reason_of_the_index():
    lines = index_lines()
    names = {str(path.relative_to(FIXTURES)): path for path in files_under(FIXTURES)
             if "generated" not in path.relative_to(FIXTURES).parts and path.name != "INDEX.md"}
    assert set(names) == set(lines)
    counts: collections.Counter = collections.Counter()
    assert [fault for name, path in names.items() for fault in judged(name, path, counts, lines[name])] == []
    assert counts["decoded"] > 60
    wanted = {words for words, files, _ in REFUSALS if not all(name.startswith("generated") for name in files)}
    assert {"decoded", *wanted} == set(counts), "a reason is not needed any more"


def test_a_capture_of_the_wire_is_no_binlog_file():
    for path in sorted(GENERATED.glob("*/wire/*.bin"))[::20]:
        done = millrace("decode", path)
        assert done.returncode == DATA and "is not a binlog file" in errors(done)


def counted(events: list[dict]) -> collections.Counter:
    """How many rows the events leave in each table."""
    rows = collections.Counter()
    for event in events:
        table = event.get("cdctable")
        rows[table] += {"c": 1, "d": -1}.get(event.get("cdcop"), 0)
        if event.get("cdcop") == "t":
            rows[table] = 0
    return rows


def oracle_counts(path: pathlib.Path) -> collections.Counter:
    """How many rows the server had in each table at the end of the file."""
    rows = collections.Counter()
    table = None
    for line in path.with_name(path.name + ".oracle.tsv").read_text().splitlines():
        if line.startswith("#TABLE\t"):
            table = line.split("\t")[1]
            rows[table] = 0
        elif line and not line.startswith("#"):
            rows[table] += 1
    return rows


TRANSACTIONS = sorted(path for pattern in ("txn_*.binlog", "compressed_payload.binlog")
                      for path in GENERATED.glob("*/" + pattern))


@pytest.mark.parametrize("path", TRANSACTIONS, ids=[f"{path.parent.name}-{path.stem}" for path in TRANSACTIONS])
def test_transactions_of_every_kind_leave_the_rows_that_the_server_had(path):
    """Savepoints, rollbacks, XA of one phase and of two, committed and rolled back."""
    done = millrace("decode", path)
    assert done.returncode == OK, errors(done)
    # Every XA transaction in them comes to an end; a table whose CREATE is not in them has no names.
    assert [line for line in done.stderr.splitlines() if b"The columns of a table have no names" not in line] == []
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    found, wanted = counted(events), oracle_counts(path)
    if path.parent.name != "mysql-9.7":
        wanted.pop("par", None)  # before 9.7 the rows that a foreign key deletes are in no binlog
    assert {table: found[table] for table in wanted} == wanted
    assert sum(wanted.values()) > 1


@pytest.mark.parametrize("server", ["mariadb-10.6.23", "mariadb-10.11.19", "mariadb-11.8.9"])
def test_the_other_tables_of_a_file_with_old_times(server):
    path = GENERATED / server / "types_full_image_meta_full.binlog"
    done = millrace("decode", "--tables", r"test.\.*", "--exclude", r"test.t_\.*53", path)
    assert done.returncode == OK, errors(done)
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    assert len(events) > 45
    for event in events:
        for image in (event["data"].get("before"), event["data"].get("after")):
            assert not any(column.startswith("@") for column in image or {}), event["id"]


def test_events_of_more_than_16_mib(tmp_path):
    path = GENERATED / "mariadb-11.8.9" / "large_events_16MiB_boundary.binlog.zst"
    plain = tmp_path / "large.binlog"
    try:
        with open(plain, "wb") as out:
            subprocess.run(["zstd", "-dc", str(path)], stdout=out, check=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("the program zstd is not installed")
    done = millrace("decode", plain, deadline_s=120)
    assert done.returncode == OK, errors(done)
    assert stream_faults(events_of(done.stdout)) == []
    assert max(len(line) for line in done.stdout.splitlines()) > 16 << 20
    assert os.stat(plain).st_size > 16 << 20
