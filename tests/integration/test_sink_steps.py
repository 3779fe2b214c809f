# SPDX-License-Identifier: Apache-2.0
"""Schema changes at the sink's own level: every step, both products, jobs, faults, and death in the middle.

`tests/support/sink_steps.c` puts a sink into this file's hands: steps and rows line by line, through the real
code, to the stand-in warehouse. What the pipeline makes of a statement is tested elsewhere.
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

import engine as engines
import twins
from servers import wait_until

BEFORE = "table before app.t id:int:8:key name:string:20 n:int:4"
DROPPED_LIGHT = {"doris": "light_schema_change", "starrocks": "fast_schema_evolution"}


class Steps:
    """One life of a sink."""

    def __init__(self, folder: pathlib.Path, sink: dict[str, str]) -> None:
        file = folder / "steps.yaml"
        lines = ["sink:", *(f"  {key}: {value}" for key, value in sink.items())]
        file.write_text("\n".join(lines) + "\n")
        program = pathlib.Path(engines.program()).parent / "tests" / "sink_steps"
        assert os.access(program, os.X_OK), f"There is no {program}; build the tests."
        self.log = open(folder / "steps.log", "ab")
        self.child = subprocess.Popen([str(program), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.log, text=True, start_new_session=True)

    def say(self, line: str) -> None:
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def hear(self) -> str:
        return self.child.stdout.readline().rstrip("\n")

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def do(self, *lines: str) -> None:
        for line in lines:
            assert self.ask(line) == "OK", line

    def kill9(self) -> None:
        self.child.kill()
        self.child.wait()
        self.close()

    def close(self) -> None:
        if self.child.poll() is None:
            self.child.stdin.close()
            assert self.child.wait(timeout=60) == 0
        self.child.stdout.close()
        self.log.close()


class Bench:
    """A warehouse with table shop.t, in which rows 1 and 2 are."""

    def __init__(self, kind: str, folder: pathlib.Path, options: list[str]) -> None:
        self.kind = kind
        self.folder = folder
        self.twin = twins.Twin(kind, folder, options=options)
        self.lives: list[Steps] = []
        self.first = self.life()
        self.first.do("way before shop.t", "row before 1 a 10", "row before 2 b 20", "load")

    def life(self, **more: str) -> Steps:
        life = Steps(self.folder, self.twin.sink() | more)
        self.lives.append(life)
        life.do(BEFORE)
        return life

    def sql(self, text: str) -> list[tuple]:
        return [tuple(row) for row in self.twin.client().rows(text)]

    def names(self, table: str = "t") -> list[str]:
        return [row[0] for row in self.sql(f"DESC shop.{table}")]

    def type_of(self, column: str, table: str = "t") -> str:
        return next(row[1] for row in self.sql(f"DESC shop.{table}") if row[0] == column)

    def rows(self, columns: str = "*", table: str = "t") -> list[tuple]:
        return self.sql(f"SELECT {columns} FROM shop.{table} ORDER BY id")

    def jobs(self) -> list[str]:
        return [row[9] for row in self.sql("SHOW ALTER TABLE COLUMN FROM shop")]

    def log(self) -> str:
        return (self.folder / "steps.log").read_text(errors="replace")

    def close(self) -> None:
        for life in self.lives:
            if life.child.poll() is None:
                life.child.kill()
                life.child.wait()
            if not life.log.closed:
                life.close()
        self.twin.stop()


@pytest.fixture
def make(tmp_path):
    benches = []

    def maker(kind: str, *options: str) -> Bench:
        folder = tmp_path / str(len(benches))
        folder.mkdir()
        benches.append(Bench(kind, folder, list(options)))
        return benches[-1]
    yield maker
    for bench in benches:
        bench.close()


@pytest.fixture(params=["doris", "starrocks"])
def bench(request, make):
    return make(request.param)


def twice(bench: Bench, step: str, *tables: str) -> None:
    """A step, and the same again, in this life and in the next: it is made once."""
    bench.first.do(*tables, step, step)
    later = bench.life()
    later.do(*tables, step)
    later.close()


def test_add_column(bench):
    after = "table after app.t id:int:8:key x:int:4:notnull name:string:20 n:int:4 y:string:5:comment=why"
    bench.first.do(after)
    twice(bench, "step add before after - x shop.t default=5", after)
    twice(bench, "step add before after - y shop.t", after)
    assert bench.names() == ["id", "x", "name", "n", "y"]
    assert bench.rows() == [("1", "5", "a", "10", "NULL"), ("2", "5", "b", "20", "NULL")]
    # The way that was made before the change is made anew; the newer version has its own.
    bench.first.do("row before 3 c 30", "load", "way after shop.t", "row after 4 6 d 40 z", "load")
    assert bench.rows("id, x, name, n, y")[2:] == [("3", "5", "c", "30", "NULL"), ("4", "6", "d", "40", "z")]
    comments = bench.sql("SELECT COLUMN_COMMENT FROM information_schema.columns WHERE TABLE_NAME = 't' AND "
                         "COLUMN_NAME = 'y'")
    assert comments == [("why",)]


def test_added_defaults(bench):
    bench.first.do("table after app.t id:int:8:key name:string:20 n:int:4 d:decimal:10.2 at:datetime:0 b:bytes:9 "
                   "f:double:0 zero:date:0",
                   "step add before after - d shop.t default=1.50",
                   "step add before after - at shop.t default=2024-01-02",
                   "step add before after - b shop.t default=abc",
                   "step add before after - f shop.t default=0.5",
                   "step add before after - zero shop.t default=0000-00-00")
    assert bench.rows("d, b, f, zero")[0] == ("1.50", "YWJj", "0.5", "NULL")
    assert bench.rows("at")[0][0].startswith("2024-01-02 00:00:00")
    assert "hold NULL in an added column" in bench.log()


def test_a_column_that_is_there_already(bench):
    bench.sql("ALTER TABLE shop.t ADD COLUMN x DATE")
    bench.first.do("table after app.t id:int:8:key name:string:20 n:int:4 x:int:4")
    answer = bench.first.ask("step add before after - x shop.t")
    assert answer.startswith("RC_MISMATCH: ") and "has one of that name already: date, where INT" in answer


def test_drop_column(bench):
    after = "table after app.t id:int:8:key name:string:20"
    twice(bench, "step drop before after n - shop.t", after)
    assert bench.names() == ["id", "name"]
    bench.first.do("way after shop.t", "row after 3 c", "load")
    assert bench.rows() == [("1", "a"), ("2", "b"), ("3", "c")]
    answer = bench.first.ask("step drop before after id - shop.t")
    assert answer.startswith("RC_UNSUPPORTED: ")
    assert answer.endswith("millrace snapshot --tables app.t --rebuild PIPELINE.yaml")


def test_dropped_columns_may_stay(bench):
    """Where a drop is not carried over: rows of the new shape leave the column at its default."""
    bench.first.do("table after app.t id:int:8:key name:string:20", "way after shop.t", "row after 3 c",
                   "row after 1 z", "load")
    assert bench.rows() == [("1", "z", "NULL"), ("2", "b", "20"), ("3", "c", "NULL")]


def test_rename_column(bench):
    after = "table after app.t id:int:8:key name:string:20 total:int:4"
    twice(bench, "step rename before after n total shop.t", after)
    assert bench.names() == ["id", "name", "total"]
    bench.first.do("way after shop.t", "row after 3 c 30", "load")
    assert bench.rows() == [("1", "a", "10"), ("2", "b", "20"), ("3", "c", "30")]
    bench.sql("ALTER TABLE shop.t ADD COLUMN other INT")
    bench.first.do("table third app.t id:int:8:key name:string:20 other:int:4")
    answer = bench.first.ask("step rename after third total other shop.t")
    assert answer.startswith("RC_MISMATCH: ") and "both of them" in answer


def test_rename_column_where_it_cannot_be(make):
    bench = make("starrocks", "--version=3.2.1")
    bench.first.do("table after app.t id:int:8:key name:string:20 total:int:4")
    answer = bench.first.ask("step rename before after n total shop.t")
    assert answer.startswith("RC_UNSUPPORTED: ") and "cannot rename columns" in answer
    bench = make("doris")
    bench.sql('CREATE TABLE shop.o (id BIGINT NOT NULL, name VARCHAR(80), n INT) UNIQUE KEY(id) DISTRIBUTED BY '
              'HASH(id) BUCKETS 1 PROPERTIES ("replication_num"="1", "light_schema_change"="false", '
              '"enable_unique_key_merge_on_write"="true")')
    bench.first.do("table after app.t id:int:8:key name:string:20 total:int:4")
    answer = bench.first.ask("step rename before after n total shop.o")
    assert answer.startswith("RC_REJECTED: ") and "light_schema_change" in answer and "--rebuild" in answer


@pytest.mark.parametrize("column,becomes,shown", [
    ("n:int:4", "n:int:8", ["10", "20"]),
    ("n:int:4", "n:string:20", ["10", "20"]),
    ("n:int:4", "n:double:0", ["10", "20"]),
    ("name:string:20", "name:string:100", ["a", "b"]),
    ("name:string:20", "name:string:60000", ["a", "b"]),
])
def test_alter_column(bench, column, becomes, shown):
    name = column.split(":")[0]
    bench.twin.fault("alter_slow", -1, ms=150)
    after = "table after " + BEFORE[len("table before "):].replace(column, becomes)
    twice(bench, f"step alter before after {name} {name} shop.t", after)
    assert [row[0].removesuffix(".0") for row in bench.rows(name)] == shown
    bench.first.do("way after shop.t", "row after 3 7 7", "load")
    assert len(bench.rows()) == 3
    assert len(bench.jobs()) == 1, "the change was made once"


@pytest.mark.parametrize("column,becomes", [
    ("n:int:4", "n:decimal:12.2"), ("n:int:4", "n:date:0"), ("name:string:20", "name:int:4"),
    ("id:int:8:key", "id:string:40:key"), ("n:int:4", "n:float:0"),
])
def test_alter_column_that_needs_a_new_table(bench, column, becomes):
    name = column.split(":")[0]
    bench.first.do("table after " + BEFORE[len("table before "):].replace(column, becomes))
    answer = bench.first.ask(f"step alter before after {name} {name} shop.t")
    assert answer.startswith("RC_UNSUPPORTED: "), answer
    assert answer.endswith("millrace snapshot --tables app.t --rebuild PIPELINE.yaml")
    assert bench.jobs() == []


def test_narrowed_columns_stay_wide(bench):
    bench.first.do("table after app.t id:int:8:key name:string:10 n:int:2",
                   "step alter before after name name shop.t", "step alter before after n n shop.t")
    assert bench.jobs() == [] and bench.type_of("n") == "int"


def test_what_was_said_of_a_column_is_kept(bench):
    """MODIFY COLUMN restates default, comment and nullability, which the server does not let go of."""
    bench.sql("ALTER TABLE shop.t ADD COLUMN k INT NOT NULL DEFAULT '7' COMMENT 'a number'")
    bench.first.do("table b app.t id:int:8:key name:string:20 n:int:4 k:int:4:notnull",
                   "table c app.t id:int:8:key name:string:20 n:int:4 k:int:8",
                   "step alter b c k k shop.t")
    shown = bench.sql("SELECT COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLUMN_COMMENT FROM "
                      "information_schema.columns WHERE TABLE_NAME = 't' AND COLUMN_NAME = 'k'")
    assert shown == [("bigint", "YES", "7", "a number")]


def test_comments(bench):
    after = "table after app.t id:int:8:key name:string:20 n:int:4:comment=it's"
    twice(bench, "step comment before after n n shop.t", after)
    assert bench.sql("SELECT COLUMN_COMMENT FROM information_schema.columns WHERE TABLE_NAME = 't' AND "
                     "COLUMN_NAME = 'n'") == [("it's",)]
    twice(bench, "step comment-table before after - - shop.t", after)


def test_drop_and_create_table(bench):
    twice(bench, "step drop-table before - - - shop.t")
    assert bench.sql("SHOW TABLES FROM shop") == []
    bench.first.do("table after app.t id:int:8:key other:int:4", "step create - after - - shop.t",
                   "step create - after - - shop.t", "way after shop.t", "row after 1 2", "load")
    assert bench.rows() == [("1", "2")]


def test_a_load_that_is_not_visible_holds_a_drop(bench):
    bench.twin.fault("publish_timeout", ms=400)
    bench.first.do("row before 3 c 30", "load", "step drop-table before - - - shop.t")
    assert bench.sql("SHOW TABLES FROM shop") == []


def test_rename_table(bench):
    after = "table after app.u id:int:8:key name:string:20 n:int:4"
    twice(bench, "step rename-table before after - - shop.t shop.u", after)
    assert bench.sql("SHOW TABLES FROM shop") == [("u",)]
    bench.first.do("way after shop.u", "row after 3 c 30", "load")
    assert bench.rows("n", "u") == [("10",), ("20",), ("30",)]
    answer = bench.first.ask("step rename-table after before - - shop.u ods.t")
    assert answer.startswith("RC_UNSUPPORTED: ") and "from one database to another" in answer
    bench.sql("CREATE TABLE shop.t (id INT) DISTRIBUTED BY HASH(id) PROPERTIES ('replication_num'='1')")
    assert bench.first.ask("step rename-table after before - - shop.u shop.t").startswith("RC_MISMATCH: ")


def test_swap(bench):
    """A rebuilt table takes its target's place, once; ways of the same table lead into the new one."""
    bench.first.do("table after app.t id:int:8:key name:string:20 n:decimal:12.2", "way after shop.t_new",
                   "row after 1 a 10.50", "load")
    twice(bench, "step swap - after - - shop.t shop.t_new",
          "table after app.t id:int:8:key name:string:20 n:decimal:12.2")
    assert bench.sql("SHOW TABLES FROM shop") == [("t",)]
    bench.first.do("way after shop.t", "row after 2 b 20.25", "load")
    assert bench.rows("n") == [("10.50",), ("20.25",)]


def test_swap_broken_off(make):
    """StarRocks exchanges names, and drops then: a death between must not exchange them back."""
    bench = make("starrocks")
    after = "table after app.t id:int:8:key name:string:20 n:int:8"
    bench.first.do(after, "way after shop.t_new", "row after 7 new 70", "load")
    bench.sql("ALTER TABLE shop.t SWAP WITH t_new")
    later = bench.life()
    later.do(after, "step swap - after - - shop.t shop.t_new")
    assert bench.sql("SHOW TABLES FROM shop") == [("t",)] and bench.rows("id") == [("7",)]
    assert later.ask("step swap - after - - shop.x shop.x_new").startswith("RC_MISMATCH: ")


def test_tables_that_share_a_target(bench):
    bench.first.do("table other app.t2 id:int:8:key name:string:20 n:int:4", "way other shop.t",
                   "table after app.t id:int:8:key name:string:20 n:int:4 x:int:4",
                   "table less app.t id:int:8:key name:string:20",
                   "step add before after - x shop.t", "way after shop.t")
    for step in ("drop before less n - shop.t", "drop-table before - - - shop.t"):
        answer = bench.first.ask("step " + step)
        assert answer.startswith("RC_UNSUPPORTED: ") and "app.t2 is routed there too" in answer
    # The other table has not been altered yet: its rows have no value in the new column.
    bench.first.do("row after 3 c 30 5", "load", "row other 4 d 40", "load")
    assert bench.rows("id, n, x")[2:] == [("3", "30", "5"), ("4", "40", "NULL")]


# Jobs, and what can happen to them.

def heavy(bench: Bench) -> None:
    """Table shop.h, of which every change is a job."""
    model = "UNIQUE" if bench.kind == "doris" else "PRIMARY"
    more = ', "enable_unique_key_merge_on_write"="true"' if bench.kind == "doris" else ""
    bench.sql(f"CREATE TABLE shop.h (id BIGINT NOT NULL, name VARCHAR(80), n INT) {model} KEY(id) DISTRIBUTED BY "
              f'HASH(id) BUCKETS 1 PROPERTIES ("replication_num"="1", "{DROPPED_LIGHT[bench.kind]}"="false"{more})')
    bench.first.do("way before shop.h", "row before 1 a 10", "load")


ADDED = "table after app.t id:int:8:key name:string:20 x:int:4 n:int:4"
ADD = "step add before after - x shop.h default=5"


def test_a_job_is_waited_for(bench):
    heavy(bench)
    bench.twin.fault("alter_slow", ms=600)
    start = time.monotonic()
    bench.first.do(ADDED, ADD)
    assert time.monotonic() - start > 0.5
    assert bench.rows("id, x, n", "h") == [("1", "5", "10")] and bench.jobs() == ["FINISHED"]
    bench.first.do("way after shop.h", "row after 2 b 6 20", "load")
    assert bench.rows("x", "h") == [("5",), ("6",)]


def test_death_in_the_middle_of_a_job(bench):
    heavy(bench)
    bench.twin.fault("alter_slow", ms=4000)
    bench.first.do(ADDED)
    bench.first.say(ADD)
    wait_until(lambda: bench.jobs() != [], 60, "a job")
    bench.first.kill9()
    assert bench.names("h") == ["id", "name", "n"]
    later = bench.life()
    later.do(ADDED, ADD)
    assert bench.jobs() == ["FINISHED"], "the job of the earlier life was waited for"
    assert bench.names("h") == ["id", "name", "x", "n"]
    later.do("way after shop.h", "row after 2 b 6 20", "load")
    assert bench.rows("x", "h") == [("5",), ("6",)]


def test_a_cancelled_job(bench):
    heavy(bench)
    bench.twin.fault("alter_cancelled", table="shop.h")
    bench.first.do(ADDED)
    answer = bench.first.ask(ADD)
    assert answer.startswith("RC_REJECTED: ") and "failed on same backend" in answer and "--rebuild" in answer
    assert bench.names("h") == ["id", "name", "n"]
    bench.first.do("row before 2 b 20", "load", ADD)  # nothing was changed; and it may be tried again
    assert bench.rows("x", "h") == [("5",), ("5",)]


def test_a_cancelled_job_of_an_earlier_life(bench):
    heavy(bench)
    bench.twin.fault("alter_slow", ms=800)
    bench.twin.fault("alter_cancelled", table="shop.h")
    bench.first.do(ADDED)
    bench.first.say(ADD)
    wait_until(lambda: bench.jobs() != [], 60, "a job")
    bench.first.kill9()
    later = bench.life()
    later.do(ADDED, ADD)
    assert bench.jobs() == ["CANCELLED", "FINISHED"]


def test_a_table_that_is_busy(bench):
    bench.twin.fault("alter_busy", 4)
    bench.first.do("table after app.t id:int:8:key name:string:20 n:int:4 x:int:4", "step add before after - x shop.t")
    assert bench.twin.shown("alter_busy") == 4 and bench.names()[-1] == "x"


def test_somebody_elses_job(bench):
    heavy(bench)
    bench.twin.fault("alter_slow", ms=500)
    bench.sql("ALTER TABLE shop.h ADD COLUMN theirs INT")
    bench.first.do(ADDED, ADD)
    assert bench.names("h") == ["id", "name", "x", "n", "theirs"]


@pytest.mark.parametrize("step,tables,after", [
    ("step drop before after n - shop.t", "table after app.t id:int:8:key name:string:20", ["id", "name"]),
    ("step rename before after n m shop.t", "table after app.t id:int:8:key name:string:20 m:int:4",
     ["id", "name", "m"]),
    ("step add before after - x shop.t default=5", "table after app.t id:int:8:key x:int:4 name:string:20 n:int:4",
     ["id", "x", "name", "n"]),
    ("step alter before after n n shop.t", "table after app.t id:int:8:key name:string:20 n:int:8",
     ["id", "name", "n"]),
])
def test_an_answer_is_lost(bench, step, tables, after):
    bench.twin.fault("ddl_answer_lost")
    bench.first.do(tables, step)
    assert bench.twin.shown("ddl_answer_lost") == 1 and bench.names() == after
    assert len(bench.jobs()) <= 1


def test_answers_are_lost_in_a_swap(bench):
    bench.first.do("table after app.t id:int:8:key name:string:20 n:int:8", "way after shop.t_new",
                   "row after 7 new 70", "load")
    bench.twin.fault("ddl_answer_lost", 2)
    bench.first.do("step swap - after - - shop.t shop.t_new")
    assert bench.sql("SHOW TABLES FROM shop") == [("t",)] and bench.rows("id") == [("7",)]


def test_a_stop_ends_the_waiting(bench):
    heavy(bench)
    bench.twin.fault("alter_slow", ms=60000)
    bench.first.do(ADDED)
    bench.first.say(ADD)
    wait_until(lambda: bench.jobs() != [], 60, "a job")
    start = time.monotonic()
    bench.first.child.send_signal(signal.SIGTERM)
    assert bench.first.hear().startswith("RC_CANCELLED: ")
    assert time.monotonic() - start < 45


def test_deaths_at_random_moments(bench, pytestconfig):
    """A row of steps, each begun again in a new life until it is through; the warehouse ends where it should."""
    import random
    chance = random.Random(pytestconfig.getoption("--seed"))
    heavy(bench)
    bench.twin.fault("alter_slow", -1, ms=60)
    tables = [ADDED, "table third app.t id:int:8:key name:string:20 x:int:8 n:int:4",
              "table fourth app.t id:int:8:key name:string:200 x:int:8"]
    steps = [ADD, "step alter after third x x shop.h", "step drop third fourth n - shop.h",
             "step alter third fourth name name shop.h"]
    life = bench.first
    life.do(*tables)
    for step in steps:
        for _ in range(3):
            life.say(step)
            killer = threading.Timer(chance.uniform(0.0, 0.12), life.child.kill)
            killer.start()
            killer.join()
            life.kill9()
            life = bench.life()
            life.do(*tables)
        life.do(step)
    assert bench.names("h") == ["id", "name", "x"]
    assert bench.rows("id, name, x", "h") == [("1", "a", "5")]
    assert bench.jobs().count("FINISHED") == 4
