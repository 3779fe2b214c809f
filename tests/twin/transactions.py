# SPDX-License-Identifier: Apache-2.0
"""Load transactions and their labels: what the frontend's transaction manager promises.

A label belongs to a database and is held by its newest transaction that is not ABORTED
(facts/doris.md 1.8, facts/starrocks.md 1.7). Finished transactions are forgotten by age and by
number, after which the label is free again and its state is UNKNOWN.

Not safe by itself: the warehouse's lock is held around every call.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Callable, Optional

PREPARE = "PREPARE"
PREPARED = "PREPARED"  # Doris calls the same state PRECOMMITTED
COMMITTED = "COMMITTED"
VISIBLE = "VISIBLE"
ABORTED = "ABORTED"
UNKNOWN = "UNKNOWN"

FINAL = (VISIBLE, ABORTED)


@dataclass
class LabelRules:
    """What differs between the products, and what tests make small."""

    pattern: re.Pattern[str]
    pattern_text: str
    keep_seconds: float
    keep_count: int
    max_running: int


# Doris: letters, digits, - _ : (1.8); kept 12 h and at most 2000. max_running is set by version.
DORIS_LABELS = LabelRules(re.compile(r"[-_A-Za-z0-9:]{1,128}\Z"), "^[-_A-Za-z0-9:]{1,128}$",
                          43200, 2000, 1000)
# StarRocks: facts/starrocks.md 1.7; kept 3 days and at most 1000.
STARROCKS_LABELS = LabelRules(re.compile(r"[-\w]{1,128}\Z", re.ASCII), r"^[-\w]{1,128}$",
                              259200, 1000, 1000)


class LabelFormat(Exception):
    """The label breaks the pattern."""


class LabelUsed(Exception):
    """The label is held by a transaction that is not ABORTED."""

    def __init__(self, txn: "Transaction") -> None:
        super().__init__(txn.label)
        self.txn = txn


class TooManyRunning(Exception):
    """The database has as many unfinished transactions as it may."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(count, limit)
        self.count = count
        self.limit = limit


@dataclass(eq=False)
class Transaction:
    """One load transaction. Times are seconds since the epoch, 0 when not reached."""

    txn_id: int
    database: str
    label: str
    table: str
    timeout: float
    coordinator: str
    two_phase: bool = False
    state: str = PREPARE
    reason: str = ""
    prepare_time: float = 0.0
    prepared_time: float = 0.0
    commit_time: float = 0.0
    finish_time: float = 0.0
    prepared_timeout: float = 3600.0
    idle_timeout: float = 0.0
    last_active: float = 0.0
    busy: bool = False  # an operation runs on it at this moment
    staged: list = field(default_factory=list)  # what a commit applies; tables.py defines it
    totals: Counter = field(default_factory=Counter)  # rows and bytes over all its loads
    request_shape: Optional[tuple] = None  # headers of the first load (facts/starrocks.md 2.1)
    errors: list = field(default_factory=list)  # rejected rows of all its loads
    ratio: float = 0.0  # max_filter_ratio of its loads
    publish_at: float = 0.0  # COMMITTED until then, VISIBLE after

    @property
    def finished(self) -> bool:
        return self.state in FINAL


class Transactions:
    """All transactions of one warehouse."""

    def __init__(self, rules: LabelRules, save: Callable[[Transaction], None],
                 forget: Callable[[int], None], now: Callable[[], float] = time.time) -> None:
        self.rules = rules
        self.now = now
        self._save = save
        self._forget = forget
        self._by_id: dict[int, Transaction] = {}
        self._by_label: dict[tuple[str, str], list[Transaction]] = {}
        self._running: dict[str, dict[int, Transaction]] = {}
        self._finished: dict[str, deque[Transaction]] = {}
        self._next_id = 1001

    def restore(self, txns: list[Transaction]) -> None:
        """Takes back what was journaled; PREPARE ones never are (facts/doris.md 1.8)."""
        for txn in txns:
            txn.busy = False  # whoever worked on it is gone
            self._insert(txn)
            if txn.finished:
                self._retire(txn)

    def begin(self, database: str, label: str, table: str, timeout: float, coordinator: str,
              limit: Optional[int] = None) -> Transaction:
        """Opens a transaction, or raises LabelFormat, LabelUsed or TooManyRunning."""
        self.tick()
        if not self.rules.pattern.match(label):
            raise LabelFormat(label)
        for txn in self._by_label.get((database, label), ()):
            if txn.state != ABORTED:
                raise LabelUsed(txn)
        count = len(self._running.get(database, ()))
        most = self.rules.max_running if limit is None else limit
        if count >= most:
            raise TooManyRunning(count, most)
        txn = self._make(database, label, table, timeout, coordinator)
        self._insert(txn)
        return txn

    def reserve(self, database: str, label: str, timeout: float, coordinator: str) -> Transaction:
        """One that nobody can ask for until it is admitted, its label unchecked (facts/starrocks.md 2.4)."""
        self.tick()
        txn = self._make(database, label, "", timeout, coordinator)
        self._next_id += 1
        return txn

    def admit(self, txn: Transaction) -> None:
        self._insert(txn)

    def _make(self, database: str, label: str, table: str, timeout: float, coordinator: str) -> Transaction:
        now = self.now()
        return Transaction(self._next_id, database, label, table, timeout, coordinator,
                           prepare_time=now, last_active=now)

    def get(self, txn_id: int) -> Optional[Transaction]:
        self.tick()
        return self._by_id.get(txn_id)

    def newest(self, database: str, label: str) -> Optional[Transaction]:
        """The transaction that answers for a label: the one with the largest id."""
        self.tick()
        held = self._by_label.get((database, label))
        return held[-1] if held else None

    def listing(self, database: str) -> list[Transaction]:
        self.tick()
        return [txn for txn in self._by_id.values() if txn.database == database]

    def prepared(self, txn: Transaction) -> None:
        txn.state = PREPARED
        txn.prepared_time = self.now()
        self._save(txn)

    def committed(self, txn: Transaction, publish_after: float = 0.0) -> None:
        """The data is durable. With `publish_after` it turns VISIBLE only so many seconds later."""
        now = self.now()
        txn.commit_time = now
        txn.staged = []
        if publish_after > 0:
            txn.state = COMMITTED
            txn.publish_at = now + publish_after
            self._save(txn)
        else:
            self._finish(txn, VISIBLE)

    def abort(self, txn: Transaction, reason: str) -> None:
        if txn.finished or txn.state == COMMITTED:
            return
        txn.reason = reason
        txn.staged = []
        self._finish(txn, ABORTED)

    def restart(self) -> int:
        """The servers restart: PREPARE transactions are gone without a trace, PRECOMMITTED and
        later ones stay (facts/doris.md 1.8, facts/starrocks.md 1.7)."""
        lost = [txn for txn in self._by_id.values() if txn.state == PREPARE]
        for txn in lost:
            txn.state = ABORTED
            txn.reason = "coordinate BE restart"
            txn.staged = []
            self._drop(txn)
        return len(lost)

    def abort_prepared(self, reason: str) -> int:
        """Every prepared transaction is aborted, as when its time is over (facts/doris.md 2.3)."""
        prepared = [txn for txn in self._by_id.values() if txn.state == PREPARED and not txn.busy]
        for txn in prepared:
            self.abort(txn, reason)
        return len(prepared)

    def forget_finished(self) -> int:
        """Drops every finished transaction, as retention would."""
        count = 0
        for finished in self._finished.values():
            while finished:
                self._drop(finished.popleft())
                count += 1
        return count

    def tick(self) -> None:
        """Timeouts, late publishes and retention. Called before anything looks."""
        now = self.now()
        for running in list(self._running.values()):
            for txn in list(running.values()):
                self._tick_one(txn, now)
        for finished in self._finished.values():
            while finished and (len(finished) > self.rules.keep_count
                                or now - finished[0].finish_time > self.rules.keep_seconds):
                self._drop(finished.popleft())

    def _tick_one(self, txn: Transaction, now: float) -> None:
        if txn.state == COMMITTED and now >= txn.publish_at:
            self._finish(txn, VISIBLE)
        elif txn.busy:
            return
        elif txn.state == PREPARE and now - txn.prepare_time > txn.timeout:
            self.abort(txn, "timeout by txn manager")
        elif txn.state == PREPARE and 0 < txn.idle_timeout < now - txn.last_active:
            self.abort(txn, "timeout by txn manager")
        elif txn.state == PREPARED and now - txn.prepared_time > txn.prepared_timeout:
            self.abort(txn, "timeout by txn manager")

    def _insert(self, txn: Transaction) -> None:
        self._next_id = max(self._next_id, txn.txn_id + 1)
        self._by_id[txn.txn_id] = txn
        self._by_label.setdefault((txn.database, txn.label), []).append(txn)
        if not txn.finished:
            self._running.setdefault(txn.database, {})[txn.txn_id] = txn

    def _finish(self, txn: Transaction, state: str) -> None:
        txn.state = state
        txn.finish_time = self.now()
        self._retire(txn)
        self._save(txn)

    def _retire(self, txn: Transaction) -> None:
        self._running.get(txn.database, {}).pop(txn.txn_id, None)
        self._finished.setdefault(txn.database, deque()).append(txn)

    def _drop(self, txn: Transaction) -> None:
        self._by_id.pop(txn.txn_id, None)
        self._running.get(txn.database, {}).pop(txn.txn_id, None)
        held = self._by_label.get((txn.database, txn.label), [])
        if txn in held:
            held.remove(txn)
        if not held:
            self._by_label.pop((txn.database, txn.label), None)
        self._forget(txn.txn_id)
