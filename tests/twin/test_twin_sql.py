# SPDX-License-Identifier: Apache-2.0
"""The MySQL port: DDL as strict as the planners, SHOW, information_schema, SELECT, the wire."""

import shutil
import subprocess
import time

import pytest

from sql_result import SqlError
from twin_client import Bench

GOOD = 'DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")'


def refused(bench: Bench, text: str) -> SqlError:
    with pytest.raises(SqlError) as caught:
        bench.sql(text)
    return caught.value


@pytest.mark.parametrize("definition,text", [
    (f"(c INT, id INT) UNIQUE KEY(id) {GOOD}", "Key columns should be a ordered prefix"),
    (f"(id INT, b INT, c INT) UNIQUE KEY(b, id) {GOOD}", "Key columns should be a ordered prefix"),
    ('(id INT, c INT) UNIQUE KEY(id) DISTRIBUTED BY HASH(c) PROPERTIES ("replication_num"="1")',
     "Distribution column[c] is not key column"),
    (f"(id DOUBLE, c INT) UNIQUE KEY(id) {GOOD}", "Float or double can not used as a key"),
    (f"(id STRING, c INT) UNIQUE KEY(id) {GOOD}",
     "String Type should not be used in key column[id]"),
    (f"(id JSON, c INT) UNIQUE KEY(id) {GOOD}", "should not be used in key column[id]"),
    ("(id INT, c INT) UNIQUE KEY(id) DISTRIBUTED BY HASH(id)",
     "replication num is 3, available backend num is 1"),
    ('(id INT) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) PROPERTIES ("replication_num"="1","x"="y")',
     "Unknown properties: {x=y}"),
    (f"(id INT, __DORIS_X INT) UNIQUE KEY(id) {GOOD}", "Incorrect column name"),
    (f"(id INT, c INT NOT NULL DEFAULT NULL) UNIQUE KEY(id) {GOOD}", "null default"),
    (f'(id INT, c INT DEFAULT "x") UNIQUE KEY(id) {GOOD}', "Invalid default value for 'c'"),
    (f"(id INT, id INT) UNIQUE KEY(id) {GOOD}", "Duplicate column name"),
    (f"(id INT, c VARCHAR(70000)) UNIQUE KEY(id) {GOOD}", "size must be <= 65533"),
    (f"(id INT, c DECIMAL(39,2)) UNIQUE KEY(id) {GOOD}", "Precision of decimal"),
    ("(id INT) UNIQUE KEY(id)", "should contain distribution desc"),
    (f"(id INT PRIMARY) {GOOD}", "mismatched input 'PRIMARY'"),
])
def test_doris_create_table_refusals(doris, definition, text):
    error = refused(doris, f"CREATE TABLE bad {definition}")
    assert text in error.text and error.text.startswith("errCode = 2, detailMessage = ")
    assert doris.sql("SHOW TABLES LIKE 'bad'") == []


@pytest.mark.parametrize("definition,text", [
    (f"(c INT, id INT) PRIMARY KEY(id) {GOOD}", "Key columns must be the first few columns"),
    ('(id INT, c INT) PRIMARY KEY(id) DISTRIBUTED BY HASH(c) PROPERTIES ("replication_num"="1")',
     "must be a key column"),
    (f"(id DECIMAL(10,2), c INT) PRIMARY KEY(id) {GOOD}", "Invalid data type of key column"),
    ("(id INT, c INT) PRIMARY KEY(id) DISTRIBUTED BY HASH(id)",
     "Table replication num should be less than"),
    (f"(id INT, __op INT) PRIMARY KEY(id) {GOOD}", "Incorrect column name"),
    (f"(id INT, c INT DEFAULT 5) PRIMARY KEY(id) {GOOD}", "Unexpected input '5'"),
])
def test_starrocks_create_table_refusals(starrocks, definition, text):
    assert text in refused(starrocks, f"CREATE TABLE bad {definition}").text


def test_names_and_numbers_of_errors(doris):
    assert refused(doris, "CREATE DATABASE shop").code == 1007
    assert doris.sql("CREATE DATABASE IF NOT EXISTS shop") == 0
    assert refused(doris, "USE nope").code == 1049
    assert refused(doris, "DROP TABLE nope").code == 1051
    assert doris.sql("DROP TABLE IF EXISTS nope") == 0
    assert refused(doris, "SELECT nope FROM t").code == 1054
    assert refused(doris, f"CREATE TABLE t (id INT) UNIQUE KEY(id) {GOOD}").code == 1050
    assert refused(doris, f"CREATE TABLE `a b` (id INT) UNIQUE KEY(id) {GOOD}").code == 1103
    assert "mismatched input" in refused(doris, "FROB THE KNOB").text


def test_show_create_table_runs_again(both):
    both.sql("ALTER TABLE t ADD COLUMN extra VARCHAR(10) DEFAULT \"x\" COMMENT 'it''s'")
    text = both.sql("SHOW CREATE TABLE t")[0][1]
    before = both.sql("DESC t")
    both.sql("DROP TABLE t")
    both.sql(text)
    assert both.sql("DESC t") == before
    assert before[3][0] == "extra"


def test_desc_and_columns(doris, starrocks):
    assert doris.sql("DESC t")[1][:4] == ("name", "varchar(20)", "Yes", "false")
    query = ("SELECT column_name, data_type, column_type, is_nullable, column_key FROM "
             "information_schema.columns WHERE table_schema = 'shop' AND table_name = 'q' "
             "ORDER BY ordinal_position")
    starrocks.table("q", "id BIGINT NOT NULL, b BOOLEAN, l LARGEINT, d DECIMAL(5,2), s STRING")
    rows = starrocks.sql(query)
    assert rows[0] == ("id", "bigint", "bigint", "NO", "PRI")
    assert [row[1] for row in rows] == ["bigint", "tinyint", "bigint unsigned", "decimal",
                                        "varchar"]
    doris.table("q", "id BIGINT NOT NULL, at DATETIME(3), s STRING")
    assert [row[2] for row in doris.sql(query)] == ["bigint", "datetime(3)", "text"]
    assert doris.sql("SELECT table_name FROM information_schema.tables WHERE "
                     "TABLE_SCHEMA='shop' ORDER BY 1") == [("q",), ("t",)]
    assert ("shop",) in doris.sql("SELECT schema_name FROM information_schema.schemata")


def wait_job(bench: Bench, name: str = "t") -> str:
    deadline = time.monotonic() + 5
    while True:
        row = bench.sql(f"SHOW ALTER TABLE COLUMN FROM shop WHERE TableName = '{name}' ORDER BY "
                        "JobId DESC LIMIT 1")[0]
        if row[9] in ("FINISHED", "CANCELLED"):
            return row[9]
        assert row[9] in ("PENDING", "WAITING_TXN", "RUNNING") and time.monotonic() < deadline
        time.sleep(0.02)


TO = {"doris": "", "starrocks": "TO "}  # the grammars of the two


def test_renaming_a_column_in_the_other_ones_words(doris, starrocks):
    refused(doris, "ALTER TABLE t RENAME COLUMN n TO m")
    refused(starrocks, "ALTER TABLE t RENAME COLUMN n m")


def test_words_about_a_column_are_younger_than_those_about_a_table(make):
    bench = make("starrocks", version="3.2.4")
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    bench.sql("ALTER TABLE t COMMENT = 'words'")
    assert "syntax error" in refused(bench, "ALTER TABLE t MODIFY COLUMN n COMMENT 'words'").text


def test_light_changes(both):
    both.sql("INSERT INTO t VALUES (1, 'a', 10)")
    both.sql('ALTER TABLE t ADD COLUMN x INT NOT NULL DEFAULT "5" AFTER id')
    assert both.rows("t") == [(1, 5, "a", 10)]
    both.sql(f"ALTER TABLE t RENAME COLUMN n {TO[both.kind]}m")
    both.sql("ALTER TABLE t MODIFY COLUMN name VARCHAR(30)")
    assert wait_job(both) == "FINISHED"  # at once at Doris, a job at StarRocks
    both.sql("ALTER TABLE t DROP COLUMN x")
    assert both.sql("SELECT id, m FROM t WHERE m = 10") == [(1, 10)]
    both.sql("ALTER TABLE t RENAME u")
    assert both.rows("u") == [(1, "a", 10)]
    both.sql("TRUNCATE TABLE u")
    assert both.rows("u") == []


@pytest.mark.parametrize("clause,text", [
    ("ADD COLUMN n INT", "Can not add column which already exists in base table: n"),
    ("ADD COLUMN x INT FIRST", "Can't add value column x as First column"),
    ("ADD COLUMN x INT NOT NULL", "doesn't have a default value"),
    ("DROP COLUMN zzz", "Column does not exists: zzz"),
    ("DROP COLUMN id", "Can not drop key column in"),
    ("RENAME COLUMN n {to}n", "Same column name"),
    ("RENAME COLUMN n {to}name", "Column name[name] is already used"),
    ("MODIFY COLUMN name VARCHAR(10)", "horten "),  # Doris: type length; StarRocks: string length
    ("MODIFY COLUMN n INT NOT NULL", "Can not change from nullable to non-nullable"),
    ('MODIFY COLUMN n BIGINT DEFAULT "1"', "Can not change default value"),
    ("MODIFY COLUMN n BOOLEAN", "Can not change INT to BOOLEAN"),
    ("MODIFY COLUMN n INT", "Nothing is changed. please check your alter stmt."),
    ("RENAME t", "Same table name"),
])
def test_alter_refusals(both, clause, text):
    assert text in refused(both, f"ALTER TABLE t {clause.format(to=TO[both.kind])}").text


def test_heavy_change_is_a_job(both):
    both.sql("INSERT INTO t VALUES (1, 'a', 10), (2, 'b', NULL)")
    both.sql("ALTER TABLE t MODIFY COLUMN n BIGINT")
    busy = refused(both, "ALTER TABLE t ADD COLUMN x INT").text
    assert "is not NORMAL" in busy if both.kind == "doris" else "in progress on the table" in busy
    assert wait_job(both) == "FINISHED"
    assert both.sql("DESC t")[2][1] == "bigint"
    assert both.rows("t") == [(1, "a", 10), (2, "b", None)]


def heavy(bench: Bench) -> Bench:
    """With a table of which every change is a job."""
    name = "light_schema_change" if bench.kind == "doris" else "fast_schema_evolution"
    model = "UNIQUE" if bench.kind == "doris" else "PRIMARY"
    bench.sql(f"CREATE TABLE h (id BIGINT NOT NULL, v VARCHAR(10), n INT) {model} KEY(id) DISTRIBUTED "
              f'BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num"="1", "{name}"="false")')
    return bench


def test_tables_without_light_changes(both):
    heavy(both)
    both.sql("INSERT INTO h VALUES (1, 'a', 10)")
    both.sql('ALTER TABLE h ADD COLUMN x INT DEFAULT "5" AFTER id')
    assert [row[0] for row in both.sql("DESC h")] == ["id", "v", "n"]  # until the job has ended
    assert wait_job(both, "h") == "FINISHED"
    assert both.rows("h") == [(1, 5, "a", 10)]
    both.sql("ALTER TABLE h DROP COLUMN v")
    assert wait_job(both, "h") == "FINISHED"
    assert both.rows("h") == [(1, 5, 10)]
    if both.kind == "doris":
        assert "light_schema_change" in refused(both, "ALTER TABLE h RENAME COLUMN n m").text


def test_loads_go_on_under_a_job(make):
    bench = make("doris", alter_ms=400)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    bench.sql("ALTER TABLE t MODIFY COLUMN n VARCHAR(20)")
    assert bench.load("t", b'{"id":1,"name":"a","n":7}\n', "l").json["Status"] == "Success"
    assert bench.rows("t") == [(1, "a", 7)]
    assert bench.sql("SHOW ALTER TABLE COLUMN FROM shop")[-1][9] in ("PENDING", "RUNNING")
    assert wait_job(bench) == "FINISHED"
    assert bench.rows("t") == [(1, "a", "7")]
    assert bench.sql("SHOW ALTER TABLE ROLLUP FROM shop WHERE TableName = 't'") == []


def test_faults_of_jobs(both):
    heavy(both)
    both.fault("alter_cancelled", table="shop.h")
    both.sql("ALTER TABLE h MODIFY COLUMN n BIGINT")
    assert wait_job(both, "h") == "CANCELLED"
    assert both.sql("SHOW ALTER TABLE COLUMN FROM shop WHERE TableName = 'h'")[0][10] != ""
    both.fault("alter_busy")
    refused(both, "ALTER TABLE h RENAME g")
    both.fault("alter_slow", ms=200)
    both.sql("ALTER TABLE h MODIFY COLUMN n BIGINT")
    time.sleep(0.12)  # longer than a job takes without the fault
    assert both.sql("DESC h")[2][1] == "int"
    assert wait_job(both, "h") == "FINISHED"


def test_tables_change_places(both):
    both.table("n", "id BIGINT NOT NULL, other INT")
    both.sql("INSERT INTO t VALUES (1, 'old', 1); INSERT INTO n VALUES (2, 3)")
    if both.kind == "doris":
        assert "Unknown table" not in refused(both, "ALTER TABLE t REPLACE WITH TABLE nope").text
        both.sql("ALTER TABLE t REPLACE WITH TABLE n PROPERTIES('swap' = 'false')")
        assert both.sql("SHOW TABLES") == [("t",)]
        return
    both.sql("ALTER TABLE t SWAP WITH n")
    assert both.rows("t") == [(2, 3)] and both.rows("n") == [(1, "old", 1)]
    ids = dict(both.sql("SELECT TABLE_NAME, TABLE_ID FROM information_schema.tables_config"))
    assert ids["t"] > ids["n"]  # the id goes with the table, not with the name
    both.sql("DROP TABLE n")


def test_comments(both):
    word = "MODIFY COMMENT" if both.kind == "doris" else "COMMENT ="
    both.sql(f"ALTER TABLE t {word} 'it''s'")
    both.sql("ALTER TABLE t MODIFY COLUMN n COMMENT 'a number'")
    assert both.sql("SELECT TABLE_COMMENT FROM information_schema.tables WHERE TABLE_NAME = 't'") == [
        ("it's",)]
    assert both.sql("SELECT COLUMN_COMMENT FROM information_schema.columns WHERE TABLE_NAME = 't' AND "
                    "COLUMN_NAME = 'n'") == [("a number",)]


def test_a_name_that_was_given_up(starrocks):
    starrocks.sql("ALTER TABLE t RENAME COLUMN n TO m")
    assert "renamed" in refused(starrocks, "ALTER TABLE t ADD COLUMN n INT").text


def test_a_load_that_is_not_visible_holds_its_table(both):
    both.fault("publish_timeout", ms=300)
    both.load("t", b'{"id":1,"name":"a","n":1}\n', "l")
    assert "COMMITTED state" in refused(both, "DROP TABLE t").text
    assert both.sql("DROP TABLE t FORCE") == 0


@pytest.mark.parametrize("kind,clause,text", [
    ("doris", "MODIFY COLUMN n DECIMAL(10,0)", "Can not change INT to DECIMAL"),
    ("doris", "MODIFY COLUMN n FLOAT", ""),
    ("starrocks", "MODIFY COLUMN n FLOAT", "Can not change INT to FLOAT"),
    ("starrocks", "MODIFY COLUMN id VARCHAR(40)", "Can not modify key column: id"),
    ("doris", "MODIFY COLUMN id LARGEINT KEY NOT NULL", "Can not modify distribution column[id]"),
    ("doris", "MODIFY COLUMN id LARGEINT", "to value"),
])
def test_what_each_product_converts(make, kind, clause, text):
    bench = make(kind)
    bench.table("t", "id BIGINT NOT NULL, name VARCHAR(20), n INT")
    if text:
        assert text in refused(bench, f"ALTER TABLE t {clause}").text
    else:
        bench.sql(f"ALTER TABLE t {clause}")


def test_heavy_change_that_does_not_fit_is_cancelled(doris):
    doris.sql("INSERT INTO t VALUES (1, 'abc', 10)")
    doris.sql("ALTER TABLE t MODIFY COLUMN name INT")
    assert wait_job(doris) == "CANCELLED"
    assert doris.rows("t") == [(1, "abc", 10)]


def test_heavy_change_waits_for_a_precommit(doris):
    number = str(doris.load("t", b'{"id":1,"name":"a","n":1}\n', "l",
                            two_phase_commit="true").json["TxnId"])
    doris.sql("ALTER TABLE t MODIFY COLUMN n BIGINT")
    deadline = time.monotonic() + 5
    while doris.sql("SHOW ALTER TABLE COLUMN")[0][9] != "WAITING_TXN":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert doris.two_phase("commit", txn_id=number)["status"] == "Success"
    assert wait_job(doris) == "FINISHED"
    assert doris.rows("t") == [(1, "a", 1)]


def test_select(both):
    both.table("x", "id BIGINT NOT NULL, d DECIMAL(20,2), l LARGEINT, s VARCHAR(10)")
    both.sql("INSERT INTO x VALUES (1, '9.50', 10, 'a\\'b'), (2, '10.00', 9, \"B\"), "
             "(3, NULL, 170141183460469231731687303715884105727, 'é')")
    assert both.sql("SELECT id FROM shop.x WHERE d > 9.6") == [(2,)]
    assert both.sql("SELECT id FROM x ORDER BY l DESC LIMIT 2") == [(3,), (1,)]
    assert both.sql("SELECT count(*), sum(d), max(l) FROM x") == [
        (3, "19.50", "170141183460469231731687303715884105727")]
    assert both.sql("SELECT s FROM `x` WHERE s LIKE 'b%'") == []  # LIKE minds the case
    assert both.sql("SELECT length(s), char_length(s) FROM x WHERE id = 3") == [(2, 1)]
    assert both.sql("SELECT a.id, b.s FROM x a JOIN x b ON a.id = b.id WHERE a.id < 2") == [
        (1, "a'b")]
    assert both.sql("SELECT d IS NULL AS e, count(*) FROM x GROUP BY e ORDER BY e") == [
        (0, 2), (1, 1)]
    assert both.sql("SELECT v.id FROM x a LEFT JOIN x u ON u.id = a.id, x v WHERE v.id = 1") == [
        (1,)] * 3
    assert both.sql("WITH q AS (SELECT id FROM x) SELECT max(id) / 2 FROM q") == [("1.5",)]
    assert both.sql("SELECT id FROM x WHERE id = 1 UNION SELECT 7 ORDER BY 1") == [(1,), (7,)]
    assert both.sql("DELETE FROM x WHERE id = 2") == 1
    assert both.sql("SELECT count(*) FROM x") == [(2,)]


def test_session_answers(both):
    comment = both.sql("SELECT @@version_comment LIMIT 1")[0][0]
    assert comment.startswith("Doris version doris-2.1" if both.kind == "doris"
                              else "StarRocks version 3.3")
    assert both.sql("SET NAMES utf8mb4; SET @@session.sql_mode = 'x'") == 0
    assert both.sql("SELECT @@sql_mode, database()") == [("x", "shop")]
    assert both.sql("SHOW VARIABLES LIKE 'version_comment'") == [("version_comment", comment)]
    backend = both.sql("SHOW BACKENDS")[0]
    assert both.be in backend and "true" in backend
    assert both.fe in both.sql("SHOW FRONTENDS")[0]


def test_frontend_config(make):
    bench = make("doris", label_keep_count=7)
    assert bench.sql("ADMIN SHOW FRONTEND CONFIG LIKE 'label_num%'") == [
        ("label_num_threshold", "7")]


def test_show_transaction(both):
    both.load("t", b'{"id":1,"name":"a","n":1}\n', "pre-1")
    rows = both.sql("SHOW TRANSACTION FROM shop WHERE LABEL = 'pre-1'")
    assert rows[0][1] == "pre-1" and rows[0][3] == "VISIBLE"
    assert len(both.sql("SHOW TRANSACTION FROM shop WHERE label LIKE 'pre%'")) == 1
    assert "transaction with label no does not exist" in refused(
        both, "SHOW TRANSACTION FROM shop WHERE LABEL = 'no'").text


@pytest.mark.skipif(shutil.which("mariadb") is None, reason="no mariadb client")
def test_mariadb_client(make):
    bench = make("doris", password="secret")

    def client(password: str, text: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["mariadb", "-h127.0.0.1", f"-P{bench.twin.mysql.port}", "-uroot", f"-p{password}",
             "-N", "-B", "-e", text], capture_output=True, text=True, timeout=30, check=False)
    denied = client("wrong", "SELECT 1")
    assert "ERROR 1045 (28000): Access denied for user 'root'@" in denied.stderr
    table = f"CREATE TABLE shop.t (id INT NOT NULL, s STRING) UNIQUE KEY(id) {GOOD}"
    good = client("secret", f"{table}; USE shop; INSERT INTO t VALUES (1, REPEAT); SELECT 1")
    assert "ERROR 1105 (HY000)" in good.stderr
    long = "x" * 200000
    good = client("secret", f"INSERT INTO shop.t VALUES (1, '{long[:100000]}'), (2, NULL);"
                  "SELECT id, length(s) FROM shop.t ORDER BY id; SHOW DATABASES")
    assert good.stdout == "1\t100000\n2\tNULL\ninformation_schema\nshop\n", good.stderr
