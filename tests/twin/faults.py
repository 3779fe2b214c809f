# SPDX-License-Identifier: Apache-2.0
"""The faults that the twin can be told to show, and the counters that tests look at.

A fault is armed over HTTP (`POST /twin/fault` on the frontend) with a count and, if wanted, for one
table; each time it shows, the count goes down. Count -1 holds until it is set to 0.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Optional

# Name -> where the real servers were seen to do it.
FAULTS = {
    "lose_answer": "facts/doris.md 1.7 (commit RPC ambiguity), facts/starrocks.md 8.1 T3",
    "lose_request": "facts/doris.md 1.3 ('sender is gone'), facts/starrocks.md 8.1 T3",
    "publish_timeout": "facts/doris.md 1.7, facts/starrocks.md 1.5",
    "redirect_dead": "facts/starrocks.md 1.3 (unreachable redirect host), 8.1 T3",
    "too_many_versions": "facts/doris.md 5 (-235), facts/starrocks.md 5",
    "fail_commit_unknown": "facts/doris.md 1.7 (caveat of Fail), facts/starrocks.md 1.5",
    "slow": "facts/doris.md 5 (publish slow), facts/starrocks.md 8.1 T3",
    "http_502": "facts/starrocks.md 7.2 no. 39, 8.1 T3",
    "truncated_answer": "facts/starrocks.md 7.3 no. 1",
    "running_txn_limit": "facts/doris.md 2.4, facts/starrocks.md 1.7",
    "label_forgotten": "facts/doris.md 1.8, facts/starrocks.md 1.7",
    "auth_down": "facts/doris.md 1.2, facts/starrocks.md 1.4",
    "restart": "facts/doris.md 1.8 (PREPARE is not journaled), facts/starrocks.md 1.7",
    "mem_limit": "facts/doris.md 5, facts/starrocks.md 5",
    "data_error": "facts/doris.md 1.7 (DATA_QUALITY_ERROR), facts/starrocks.md 1.5",
    "row_error": "facts/doris.md 1.7 (no partition for this tuple), facts/starrocks.md 3.2 (is out of range)",
    "slow_commit": "facts/doris.md 5 (lock and publish waits), facts/starrocks.md 2.2 (commit waits)",
    "lose_commit": "facts/doris.md 1.7 (commit RPC ambiguity), facts/starrocks.md 8.1 T3",
    "lose_commit_answer": "facts/doris.md 1.7 (commit RPC ambiguity), facts/starrocks.md 8.1 T3",
    "commit_lies": "facts/starrocks.md 2.4 (OK for a commit that failed)",
    "commit_lock_timeout": "facts/doris.md 5 (write lock timeout), facts/starrocks.md 5 (conn#395)",
    "prepared_expired": "facts/doris.md 2.3 (3600 s), facts/starrocks.md 2.2 (timeout by txn manager)",
    "schema_change_abort": "facts/doris.md 2.3 (Cancel by schema change)",
    "alter_slow": "facts/doris.md 6.3 (heavy jobs), facts/starrocks.md 6.2",
    "alter_cancelled": "facts/doris.md 6.3 (State CANCELLED), facts/starrocks.md 6.2",
    "alter_busy": "facts/doris.md 6.3 (state is not NORMAL), facts/starrocks.md 6.2",
    "alter_refused": "facts/doris.md 6.3 (refused in words), facts/starrocks.md 6.2",
    "follower_lags": "StarRocks' documentation of SYNC, facts/starrocks.md 2.6 (what a follower sends on)",
    "sync_unknown": "a statement that a server may not have",
    "ddl_answer_lost": "facts/doris.md 7.7 no. 9, facts/starrocks.md 7.3 no. 11 (replayed DDL)",
}

# These act at once and are not kept.
IMMEDIATE = {"label_forgotten", "restart", "prepared_expired", "schema_change_abort", "follower_lags"}


@dataclass
class Armed:
    """One armed fault."""

    count: int
    table: Optional[str]
    ms: int  # slow: delay; publish_timeout: until visible; alter_slow: the job
    committed: bool  # fail_commit_unknown: what really happened
    value: str = ""  # row_error: rows that have it in one of their columns are refused


class Faults:
    """Armed faults and how often each showed. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: dict[str, list[Armed]] = {}
        self.hit: Counter[str] = Counter()

    def arm(self, name: str, count: int = 1, table: Optional[str] = None, ms: int = 0,
            committed: bool = True, value: str = "") -> None:
        """Arms `name`; count 0 takes back whatever is armed under that name."""
        with self._lock:
            if count == 0:
                self._armed.pop(name, None)
            else:
                self._armed.setdefault(name, []).append(Armed(count, table, ms, committed, value))

    def take(self, name: str, database: str = "", table: str = "") -> Optional[Armed]:
        """The fault if it is armed for this table, used up by one; else None."""
        with self._lock:
            for armed in self._armed.get(name, ()):
                if armed.table in (None, "", table, f"{database}.{table}"):
                    self.hit[name] += 1
                    if armed.count > 0:
                        armed.count -= 1
                        if armed.count == 0:
                            self._armed[name].remove(armed)
                    return armed
        return None

    def note(self, name: str) -> None:
        """Counts an immediate fault."""
        with self._lock:
            self.hit[name] += 1

    def describe(self) -> dict[str, list[dict[str, object]]]:
        """What is armed, for GET /twin/state."""
        with self._lock:
            return {name: [vars(one).copy() for one in armed]
                    for name, armed in self._armed.items() if armed}


class Counters:
    """What was loaded, for tests and for `--discard` measuring."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.loads = 0
        self.rows = 0
        self.bytes = 0
        self.requests: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()  # "db label" -> times committed

    def load(self, size: int, rows: int) -> None:
        with self._lock:
            self.loads += 1
            self.rows += rows
            self.bytes += size

    def request(self, what: str) -> None:
        with self._lock:
            self.requests[what] += 1

    def committed(self, database: str, label: str) -> None:
        with self._lock:
            self.commits[f"{database} {label}"] += 1

    def describe(self) -> dict[str, object]:
        with self._lock:
            return {"loads": self.loads, "rows": self.rows, "bytes": self.bytes,
                    "requests": dict(self.requests), "labels": dict(self.commits)}
