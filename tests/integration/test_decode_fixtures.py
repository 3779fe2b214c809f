# SPDX-License-Identifier: Apache-2.0
"""Every binlog file of the fixtures: decoded, or refused for a reason that is told here.

The files are other projects' and our own captures of 15 server versions (../shared/fixtures/INDEX.md says what each
holds). They are only read from there; where the folder is missing the tests are skipped.
"""

from __future__ import annotations

import collections
import fnmatch
import os
import pathlib
import re
import subprocess

import pytest

from events import DATA, FIXTURES, OK, errors, events_of, millrace, stream_faults

# Why a file may be refused: the words, and the only files in which that is right.
REFUSALS = [
    # Statement format: what the statement did to the rows is not in the file.
    (r"A statement that changes rows of captured tables is in the binlog as text",
     ["generated/*/statement_format.binlog", "generated/mariadb-*/log_bin_compress.binlog",
      "*/binlog_transaction.000001", "*/binlog_transaction_with_anonymous_GTID.000001", "*/bug11747887-bin.000003",
      "*/bug33029-slave-relay-bin.000001", "*/rpl_cross_version_default_utf8mb4_collation.000001", "*/ver_5_1_23.001",
      "holys+tungsten-replicator/*", "*/mdev29078-mysql-bin.000001", "*/mdev35643_mysql_80_binlog.000001",
      "*/mysql-8.0.13-stm-temporal-round-binlog.000001", "*/searchbin.000001", "*/mdev-4645-binlog_none.binlog",
      "percona+percona-toolkit/*"]),
    # Statements that were written with binlog_row_image=MINIMAL.
    (r"holds only the changed parts of a JSON document, and the row image before it does not carry the document",
     ["generated/mysql-*/partial_json.binlog", "*/json.binlog.000001"]),
    # MariaDB's old TIME, DATETIME, TIMESTAMP: the fraction's digits are nowhere in the file.
    (r"MariaDB's old format with fractions of seconds",
     ["generated/mariadb-*/types_full_image_meta_*.binlog", "generated/mariadb-10.0.38/updates_image_full.binlog",
      "pingcap+tiflow/mysql-bin.000001"]),
    (r"The file is encrypted from here on", ["*/encrypted_file_key_management.binlog", "*/binlog_before_20574.bin"]),
    # The server tests' own damaged files.
    (r"The event's checksum is wrong",
     ["*/duplicate_xid.000001", "*/duplicate_xid_ddl.000001", "*/duplicate_xid_xa_prepare.000001",
      "*/mdev-39404-binlog.000001",
      "*/invalid_row_v2_tag.001"]),
    (r"A transaction begins inside another one", ["*/orphan_xa_commit.000001"]),
    (r"its binlog lost events here", ["*/bug40482-bin.000001"]),
    # MySQL 4.1 and files that never had a format description.
    (r"does not begin with a format description",
     ["*/binlog_no_fd_event.000001", "*/trunc_binlog.000001", "*/binlog_old_version_4_1.000001",
      "*/bug47142_master-bin.000001", "*/master-bin.001"]),
    # A development tree of 5.2 with event numbers of its own.
    (r"EXECUTE_LOAD_QUERY event at .* is cut off", ["*/ver_5_1-wl2325_r.001"]),
]
NO_BINLOG = (".tsv", ".txt", ".md", ".json", ".sql", ".zst")


def binlogs() -> list:
    if not FIXTURES.is_dir():
        return []
    return sorted(path for path in FIXTURES.rglob("*") if path.is_file() and "wire" not in path.parts
                  and path.suffix not in NO_BINLOG)


needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"{FIXTURES} is not there")


def reason(name: str, told: str) -> str | None:
    for words, files in REFUSALS:
        if re.search(words, told) and any(fnmatch.fnmatch(name, pattern) for pattern in files):
            return words
    return None


@needs_fixtures
def test_every_file_is_decoded_or_refused_for_a_known_reason():
    counts = collections.Counter()
    faults = []
    for path in binlogs():
        name = str(path.relative_to(FIXTURES))
        done = millrace("decode", path)
        told = [line for line in errors(done).splitlines() if line.startswith("millrace: ")]
        if done.returncode == OK:
            counts["decoded"] += 1
            if told:
                faults.append(f"{name}: decoded, and yet {told}")
        elif done.returncode != DATA or len(told) != 1 or reason(name, told[0]) is None:
            faults.append(f"{name}: exit code {done.returncode}, {told}")
        else:
            counts[reason(name, told[0])] += 1
            if not re.search(rf"\b(event|type \d+ event) at {re.escape(path.name)}:\d+: ", told[0]):
                faults.append(f"{name}: no place in {told}")
        faults += [f"{name}: {fault}" for fault in stream_faults(events_of(done.stdout))]
    assert faults == []
    assert counts["decoded"] > 140
    assert set(counts) == {"decoded", *(words for words, _ in REFUSALS)}, "a reason is not needed any more"


@needs_fixtures
def test_a_capture_of_the_wire_is_no_binlog_file():
    for path in sorted(FIXTURES.glob("generated/*/wire/*.bin"))[::20]:
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
                      for path in FIXTURES.glob("generated/*/" + pattern))


@needs_fixtures
@pytest.mark.parametrize("path", TRANSACTIONS, ids=[f"{path.parent.name}-{path.stem}" for path in TRANSACTIONS])
def test_transactions_of_every_kind_leave_the_rows_that_the_server_had(path):
    """Savepoints, rollbacks, XA of one phase and of two, committed and rolled back."""
    done = millrace("decode", path)
    assert done.returncode == OK, errors(done)
    assert done.stderr == b""  # every XA transaction in them comes to an end
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    found, wanted = counted(events), oracle_counts(path)
    if path.parent.name != "mysql-9.7":
        wanted.pop("par", None)  # before 9.7 the rows that a foreign key deletes are in no binlog
    assert {table: found[table] for table in wanted} == wanted
    assert sum(wanted.values()) > 1


@needs_fixtures
@pytest.mark.parametrize("server", ["mariadb-10.6.23", "mariadb-10.11.19", "mariadb-11.8.9"])
def test_the_other_tables_of_a_file_with_old_times(server):
    path = FIXTURES / "generated" / server / "types_full_image_meta_full.binlog"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    done = millrace("decode", "--tables", r"test.\.*", "--exclude", r"test.t_\.*53", path)
    assert done.returncode == OK, errors(done)
    events = events_of(done.stdout)
    assert stream_faults(events) == []
    assert len(events) > 45
    for event in events:
        for image in (event["data"].get("before"), event["data"].get("after")):
            assert not any(column.startswith("@") for column in image or {}), event["id"]


@needs_fixtures
def test_events_of_more_than_16_mib(tmp_path):
    path = FIXTURES / "generated" / "mariadb-11.8.9" / "large_events_16MiB_boundary.binlog.zst"
    if not path.exists():
        pytest.skip(f"{path} is not there")
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
