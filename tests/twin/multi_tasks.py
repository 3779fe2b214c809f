# SPDX-License-Identifier: Apache-2.0
"""What a StarRocks frontend remembers of transactions over several tables (facts/starrocks.md 2.4).

It is a memory of its own, beside the transaction manager: keyed by label for the whole server, lost with the
process where not committed, and no proof of anything. Not safe by itself: the warehouse's lock is held around
every call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from transactions import Transaction

# The server's own spelling.
BEGIN, COMMITING, COMMITED, ABORTING, CANCELLED = "BEGIN", "COMMITING", "COMMITED", "ABORTING", "CANCELLED"
FINAL = (COMMITED, CANCELLED)
KEPT = 1000  # stream_load_task_keep_max_num


@dataclass(eq=False)
class Task:
    """One transaction; `parts` is what each table's loads brought, by table."""

    label: str
    txn: Transaction
    state: str = BEGIN
    reason: str = ""
    admitted: bool = False  # the transaction manager knows the label
    parts: dict[str, Transaction] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"transaction {self.txn.txn_id}, label is {self.label}"


class Tasks:
    """All that one frontend remembers."""

    def __init__(self) -> None:
        self._by_label: dict[str, Task] = {}

    def get(self, label: str) -> Optional[Task]:
        return self._by_label.get(label)

    def add(self, task: Task) -> None:
        self._by_label[task.label] = task
        finished = [old for old in self._by_label.values() if old.state in FINAL]
        for old in finished[:-KEPT]:
            del self._by_label[old.label]

    def cancel(self, task: Task, reason: str) -> None:
        """What was not committed is gone; its loads are thrown away."""
        if task.state in (BEGIN, COMMITING, ABORTING):
            task.state, task.reason = CANCELLED, reason
            task.parts = {}

    def expired(self, now: float) -> list[Task]:
        """Those whose time is over; 20 seconds unless `timeout` was sent."""
        return [task for task in self._by_label.values()
                if task.state == BEGIN and now - task.txn.prepare_time > task.txn.timeout
                and not any(part.busy for part in task.parts.values())]

    def restart(self) -> None:
        """A new leader, or process: "stream load task X does not exist"."""
        self._by_label = {label: task for label, task in self._by_label.items() if task.state == COMMITED}

    def forget_finished(self) -> None:
        self._by_label = {label: task for label, task in self._by_label.items() if task.state not in FINAL}
