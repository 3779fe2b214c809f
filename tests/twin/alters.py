# SPDX-License-Identifier: Apache-2.0
"""Schema change jobs: PENDING, WAITING_TXN, RUNNING, FINISHED or CANCELLED.

A job waits for every transaction of its table that was open before it, prepared ones included
(facts/doris.md 2.3 and 6.3, facts/starrocks.md 6.2), and then casts all rows at once. Until it has
ended the table shows its old columns, and loads go into them; a load that is under way at the end is
waited for, so that its rows are cast as well (the real servers write them twice).
"""

from __future__ import annotations

import datetime
import itertools
import threading
import time
from dataclasses import dataclass

from column_types import BadValue
from tables import Table
from transactions import COMMITTED

POLL_SECONDS = 0.02


@dataclass
class Job:
    """One ALTER TABLE, as SHOW ALTER TABLE COLUMN lists it."""

    job_id: int
    database: str
    table: str
    table_id: int
    state: str = "PENDING"
    created: str = ""
    finished: str = ""
    message: str = ""


def now_text() -> str:
    return datetime.datetime.now().isoformat(" ", "milliseconds")


class Alters:
    """All schema change jobs of a warehouse."""

    def __init__(self, house) -> None:
        self.house = house
        self.jobs: list[Job] = []
        self.ids = itertools.count(20001)

    def _new(self, table: Table) -> Job:
        job = Job(next(self.ids), table.database, table.name, table.table_id, created=now_text())
        self.jobs.append(job)
        return job

    def note_finished(self, table: Table) -> None:
        """A light change leaves its row in the listing, finished already."""
        job = self._new(table)
        job.state, job.finished = "FINISHED", now_text()

    def start(self, table: Table, draft: Table) -> None:
        """Starts a heavy change; the caller holds the lock and has seen that none runs."""
        table.busy = True
        job = self._new(table)
        waits_for = [txn for txn in self.house.transactions.listing(table.database)
                     if txn.table == table.name and not txn.finished]
        threading.Thread(target=self._run, args=(job, table, draft, waits_for), daemon=True).start()

    def cancel(self, table: Table) -> bool:
        for job in self.jobs:
            if job.table_id == table.table_id and job.state not in ("FINISHED", "CANCELLED"):
                self._end(job, table, "CANCELLED", "user cancelled")
                return True
        return False

    def _open_loads(self, job: Job) -> list:
        self.house.transactions.tick()
        return [txn for txn in self.house.transactions.listing(job.database)
                if txn.table == job.table and not txn.finished and txn.state != COMMITTED]

    def _run(self, job: Job, table: Table, draft: Table, waits_for: list) -> None:
        slow = self.house.faults.take("alter_slow", job.database, job.table)
        half = (slow.ms if slow else self.house.options.alter_ms) / 2000
        time.sleep(half)
        while True:
            with self.house.lock:
                if job.state == "CANCELLED":
                    return
                self.house.transactions.tick()
                if all(txn.finished for txn in waits_for):
                    job.state = "RUNNING"
                    break
                job.state = "WAITING_TXN"
            time.sleep(POLL_SECONDS)
        time.sleep(half)
        while not self._finish(job, table, draft):
            time.sleep(POLL_SECONDS)

    def _finish(self, job: Job, table: Table, draft: Table) -> bool:
        """Ends the job; false while a load is under way."""
        with self.house.lock:
            if job.state == "CANCELLED":
                return True
            if self._open_loads(job):
                return False
            if self.house.faults.take("alter_cancelled", job.database, job.table):
                self._end(job, table, "CANCELLED", "schema change tasks failed on same backend too "
                          "many times: a fault of this stand-in")
                return True
            if self.house.catalog.by_id.get(table.table_id) is not table:
                self._end(job, table, "CANCELLED", "table does not exist")
                return True
            try:
                table.next_uid = draft.next_uid
                self.house.catalog.rebuild(table, draft.columns)
            except BadValue as bad:
                self._end(job, table, "CANCELLED", f"schema change task failed: {bad}")
            else:
                self._end(job, table, "FINISHED", "")
            return True

    @staticmethod
    def _end(job: Job, table: Table, state: str, message: str) -> None:
        job.state, job.message, job.finished = state, message, now_text()
        table.busy = False
