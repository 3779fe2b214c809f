# SPDX-License-Identifier: Apache-2.0
"""Routes: many tables into one, one into many, names made from names."""

from __future__ import annotations

from events import OK, SINK

TABLE = "(id INT NOT NULL PRIMARY KEY, words VARCHAR(40) NULL)"


def running(source, twin, engine, routes, pipeline=None):
    engine.write(source.block(), twin.sink("20ms"), pipeline, routes)
    engine.start().until_log("The pipeline runs.")


def rows(twin, table) -> list[list[str]]:
    return twin.client().rows(f"SELECT id, words FROM {table} ORDER BY id")


def test_merge(source, twin, engine):
    """Shards into one table; a TRUNCATE of one of them takes no rows of the others, and is told."""
    source.query("".join(f"CREATE TABLE orders_{n} {TABLE};" for n in (1, 2, 3)))
    running(source, twin, engine, [{"source-table": "shop.orders_\\d+", "sink-table": "dwh.orders"}])
    source.query("INSERT INTO orders_1 VALUES (1, 'a'), (2, 'b'); INSERT INTO orders_2 VALUES (10, 'c');"
                 "INSERT INTO orders_3 VALUES (20, 'd'); UPDATE orders_1 SET words = 'A' WHERE id = 1;"
                 "DELETE FROM orders_1 WHERE id = 2; UPDATE orders_3 SET id = 21;")
    engine.until_carried(source.place())
    assert rows(twin, "dwh.orders") == [["1", "A"], ["10", "c"], ["21", "d"]]
    source.query("TRUNCATE orders_2; INSERT INTO orders_1 VALUES (3, 'e');")
    engine.until_carried(source.place())
    assert rows(twin, "dwh.orders") == [["1", "A"], ["3", "e"], ["10", "c"], ["21", "d"]]
    assert engine.stop() == OK
    assert "A table was truncated whose target has the rows of others too" in engine.log_tail()


def test_replace_symbol(source, twin, engine, must_be_equal):
    """Each table to a name that is made from its own; one without a route keeps its name."""
    source.query(f"CREATE TABLE a {TABLE}; CREATE TABLE b {TABLE}; CREATE TABLE other {TABLE};")
    running(source, twin, engine,
            [{"source-table": "shop.[ab]", "sink-table": "ods.ods_<>_v1", "replace-symbol": "<>"}])
    source.query("INSERT INTO a VALUES (1, 'a'); INSERT INTO b VALUES (1, 'b'); INSERT INTO other VALUES (1, 'o');"
                 "UPDATE a SET words = 'x'; TRUNCATE b; INSERT INTO b VALUES (2, NULL);")
    must_be_equal(source, twin, engine, ["other"])
    assert rows(twin, "ods.ods_a_v1") == [["1", "x"]]
    assert rows(twin, "ods.ods_b_v1") == [["2", "NULL"]]
    assert engine.stop() == OK


def test_fan_out(source, twin, engine):
    """One table to the targets of all routes that match, through a kill in the middle."""
    source.query(f"CREATE TABLE a {TABLE};")
    running(source, twin, engine, [{"source-table": "shop.a", "sink-table": "one.a"},
                                   {"source-table": "shop.\\.*", "sink-table": "two.copy_of_a"}])
    source.query("INSERT INTO a VALUES " + ", ".join(f"({n}, 'x{n}')" for n in range(2000)))
    engine.kill9()
    source.query("DELETE FROM a WHERE id % 3 = 0; UPDATE a SET id = id + 5000 WHERE id % 7 = 0; "
                 "INSERT INTO a VALUES (-1, 'last');")
    engine.start().until_carried(source.place())
    wanted = [line.split("\t") for line in source.query("SELECT id, words FROM a ORDER BY id").splitlines()]
    assert rows(twin, "one.a") == wanted
    assert rows(twin, "two.copy_of_a") == wanted
    assert twin.twice() == []
    assert engine.stop() == OK


def test_first_match(mariadb, doris, engine):
    mariadb.query(f"CREATE TABLE a {TABLE}; CREATE TABLE b {TABLE};")
    running(mariadb, doris, engine, [{"source-table": "shop.a", "sink-table": "one.a"},
                                     {"source-table": "shop.\\.*", "sink-table": "rest.<>", "replace-symbol": "<>"}],
            {"route-mode": "FIRST_MATCH"})
    mariadb.query("INSERT INTO a VALUES (1, 'a'); INSERT INTO b VALUES (2, 'b');")
    engine.until_carried(mariadb.place())
    assert rows(doris, "one.a") == [["1", "a"]] and rows(doris, "rest.b") == [["2", "b"]]
    assert doris.client().rows("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'a'") == [["1"]]
    assert engine.stop() == OK
