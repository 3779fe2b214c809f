# SPDX-License-Identifier: Apache-2.0
"""Changes that the binlog does not tell: statements in statement format, transactions that are rolled back behind rows."""

import json
import re

import pytest

from engine import Killer, run
from events import DATA, errors, events_of, millrace
from test_snapshot import initial, until_complete

TABLES = "CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1), (2, 2), (3, 3), (4, 4);" \
         "CREATE TABLE u (v INT); INSERT INTO u VALUES (7), (7), (8);" \
         "CREATE TABLE other (id INT PRIMARY KEY, v INT); INSERT INTO other VALUES (1, 1);"
STATEMENT = "SET SESSION binlog_format=STATEMENT;"
ALARM = "A statement changed rows of a captured table"


def shown(engine) -> dict[str, dict]:
    return {table["table"]: table for table in (engine.show() or {"tables": []})["tables"]}


def until_known(engine, deadline_s=60):
    """The checkpoint says of no table that its rows are unknown, and none is being read."""
    def known():
        tables = shown(engine).values()
        return tables and all(table["rows_unknown_since"] is None and table["state"] in ("complete", "from the stream")
                              for table in tables)
    engine.until(known, deadline_s, "the end of the re-reading")


def read_again_by_itself(source, twin, engine, must_be_equal):
    """Updates, inserts and deletes in statement format: alarm, mark, and the target is equal again without a hand."""
    source.query(TABLES)
    engine.write(initial(source), twin.sink())
    engine.start().until_log("The snapshot is complete")
    source.query(STATEMENT + "UPDATE a SET v = v + 100 WHERE id <= 2; DELETE FROM a WHERE id = 3; INSERT INTO a VALUES (10, 10);"
                 "INSERT INTO u SELECT v + 1 FROM u;")
    source.query("UPDATE a SET v = 44 WHERE id = 4; INSERT INTO a VALUES (11, 11); UPDATE other SET v = 2;")
    engine.until_log("A table was read anew and took its target's place", times=2)
    source.query("UPDATE a SET v = 45 WHERE id = 4; DELETE FROM a WHERE id = 11;")
    must_be_equal(source, twin, engine, ["a", "u", "other"])
    until_known(engine)
    assert engine.log().count(ALARM) >= 2 and "other" not in re.findall(ALARM + r".*?table=\"?(\w+)", engine.log())
    assert engine.stop() == 0


def test_read_again_by_itself(source_of, twin_of, engine, must_be_equal):
    read_again_by_itself(source_of("mysql97"), twin_of("starrocks"), engine, must_be_equal)


@pytest.mark.long
def test_read_again_by_itself_everywhere(source, twin, engine, must_be_equal):
    read_again_by_itself(source, twin, engine, must_be_equal)


def test_kills_while_it_is_read_again(mariadb, doris, engine, rng, must_be_equal):
    """kill -9 at random moments between the statement and the end of the re-reading, and statements meanwhile."""
    mariadb.query(TABLES + "INSERT INTO a SELECT seq + 100, seq FROM seq_1_to_2000;")
    engine.write(initial(mariadb), doris.sink())
    engine.start().until_log("The snapshot is complete")
    killer = Killer(engine, rng, 0.05, 0.4)
    killer.start()
    for i in range(12):
        mariadb.query(STATEMENT + f"DELETE FROM a WHERE id = {101 + i}; UPDATE a SET v = v + 1 WHERE id < 500;")
        mariadb.query(f"INSERT INTO a VALUES ({5000 + i}, {i}); UPDATE a SET v = 0 WHERE id = {200 + i};")
    killer.halt()
    until_complete(engine)
    until_known(engine)
    must_be_equal(mariadb, doris, engine, ["a", "u", "other"])
    assert killer.kills >= 1
    assert engine.stop() == 0


def test_marked_where_nothing_is_read(mariadb, doris, engine, must_be_equal):
    """A pipeline that began with the stream alone marks the table; status and checkpoint say so; `snapshot` mends it."""
    mariadb.query(TABLES)
    engine.write(mariadb.block(), doris.sink())
    engine.start()
    must_be_equal(mariadb, doris, engine, ["a", "u", "other"])
    mariadb.query(STATEMENT + "REPLACE INTO a VALUES (1, 1000); DELETE a FROM a JOIN other ON a.id = other.id + 1;")
    mariadb.query("UPDATE other SET v = 3;")
    engine.until_log(ALARM)
    engine.until_carried(mariadb.place())
    assert engine.stop() == 0
    tables = shown(engine)
    assert tables["shop.a"]["rows_unknown"] == "marked" and tables["shop.u"]["rows_unknown_since"] is None
    told = run("status", str(engine.file)).stdout.decode()
    assert "its rows are not known since" in told and "--tables shop.a --rebuild" in told
    assert json.loads(run("status", "--json", str(engine.file)).stdout)["tables_with_unknown_rows"] >= 1
    engine.start()
    assert run("snapshot", str(engine.file), "--tables", "shop.(a|other)", "--rebuild").returncode == 0
    engine.until_log("A table was read anew and took its target's place", times=2)
    mariadb.query("INSERT INTO a VALUES (77, 7);")
    must_be_equal(mariadb, doris, engine, ["a", "u", "other"])
    until_known(engine)
    assert engine.stop() == 0


def test_stop_by_choice(mariadb, doris, engine):
    mariadb.query(TABLES)
    engine.write(mariadb.block(), doris.sink(), {"unknown.rows.behavior": "stop"})
    engine.start()
    mariadb.query(STATEMENT + "UPDATE a SET v = 5;")
    assert engine.wait() == DATA
    assert "unknown.rows.behavior is stop" in engine.log() and "UPDATE a SET v = 5" in engine.log()


def test_rolled_back_behind_rows(mariadb, doris, engine, must_be_equal):
    """A temporary table keeps the rolled-back rows in the binlog: the target is equal again afterwards."""
    mariadb.query(TABLES + "CREATE TABLE m (id INT PRIMARY KEY, v INT) ENGINE=MyISAM;")
    engine.write(initial(mariadb), doris.sink())
    engine.start().until_log("The snapshot is complete")
    mariadb.query("SET SESSION binlog_direct_non_transactional_updates=OFF; BEGIN; INSERT INTO a VALUES (50, 50);"
                  "INSERT INTO m SELECT id, v FROM a; CREATE TEMPORARY TABLE t (id INT); ROLLBACK;"
                  "INSERT INTO a VALUES (51, 51);")
    engine.until_carried(mariadb.place())
    until_known(engine)
    must_be_equal(mariadb, doris, engine, ["a", "m"])
    assert engine.stop() == 0


def test_decode_tells_and_goes_on(source):
    """Every other row is printed, the tables are told by events, the alarm is on standard error, the exit code says it."""
    source.query(TABLES)
    source.query(STATEMENT + "BEGIN; UPDATE a SET v = 9; UPDATE a, other SET a.v = 1, other.v = 2 WHERE a.id = other.id; COMMIT;")
    source.query("INSERT INTO a VALUES (20, 20);")
    done = millrace("decode", "--tables", "shop.(a|other)", *source.binlogs())
    assert done.returncode == DATA, errors(done)
    assert "the binlog does not say which" in errors(done)
    events = events_of(done.stdout)
    told = [event for event in events if event["type"] == "io.millrace.mysql.rows.unknown.v1"]
    assert [(event["cdcdb"], event["cdctable"]) for event in told] == [("shop", "a"), ("shop", "a"), ("shop", "other")]
    assert told[0]["data"]["statement"] == "UPDATE a SET v = 9" and "cdcop" not in told[0]
    assert len({event["id"] for event in events}) == len(events)
    assert any(event.get("cdcop") == "c" and event["data"]["after"].get("id", event["data"]["after"].get("@1")) == 20
               for event in events)
    assert millrace("decode", "--tables", "shop.u", *source.binlogs()).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("refused", ["a", "b", "tmp"])
def test_a_mark_goes_with_its_table_through_a_swap(mariadb, doris, engine, must_be_equal, refused):
    """The statement ends in front of one of its steps, and the next start goes on there: the mark is where the table is."""
    mariadb.query("CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, v INT);"
                  "INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (2, 2);")
    engine.write(mariadb.block(), doris.sink("20ms"))
    engine.start()
    must_be_equal(mariadb, doris, engine, ["a", "b"])
    doris.fault("alter_refused", 1, table=f"shop.{refused}")
    mariadb.query(STATEMENT + "UPDATE a SET v = 10;")
    mariadb.query("RENAME TABLE a TO tmp, b TO a, tmp TO b; INSERT INTO a VALUES (3, 3); INSERT INTO b VALUES (4, 4);")
    assert engine.wait(60) != 0
    assert doris.shown("alter_refused") == 1, engine.log_tail()
    engine.start()
    engine.until_carried(mariadb.place())
    assert engine.stop() == 0
    tables = shown(engine)
    assert tables["shop.b"]["rows_unknown"] == "marked" and tables["shop.a"]["rows_unknown_since"] is None, tables
    assert doris.client().rows("SELECT id, v FROM shop.a ORDER BY id") == [["2", "2"], ["3", "3"]]
    assert doris.client().rows("SELECT id, v FROM shop.b ORDER BY id") == [["1", "1"], ["4", "4"]]
