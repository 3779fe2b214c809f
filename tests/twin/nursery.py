#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Twins that are forks of one process.

A twin's start is a fifth of a second of processor time for Python and its modules and a hundredth for itself, and
the tests start hundreds. Here the modules are loaded once. One line of JSON comes in, one goes out:

    {"start": [the options of twin.py], "log": PATH}   the ports that twin.py prints, or null where it ended instead
    {"kill": PID, "signal": NUMBER}                    true once it has ended, false where it did not within a minute

The end of its input ends every twin that is left, and itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import twin

END_DEADLINE_S = 60


class Nursery:
    """The twins that live, by the process number; a number is not given away before its twin is asked after here."""

    def __init__(self) -> None:
        self.living: set[int] = set()

    def start(self, options: list[str], log: str) -> dict | None:
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            self._become(options, log, theirs)
        os.close(theirs)
        self.living.add(pid)
        with open(ours, encoding="utf-8") as printed:
            line = printed.readline()
        if not line:
            self.end(pid, signal.SIGKILL)
        return json.loads(line) if line else None

    @staticmethod
    def _become(options: list[str], log: str, output: int) -> None:
        """In the fork, which does not come back: twin.py, with these options and files."""
        code = 1
        try:
            os.setsid()
            os.dup2(output, sys.stdout.fileno())
            with open(log, "ab") as file:
                os.dup2(file.fileno(), sys.stderr.fileno())
            with open(os.devnull, "rb") as nothing:
                os.dup2(nothing.fileno(), 0)
            os.close(output)
            code = twin.main(options)
        except SystemExit as problem:  # options that are none
            code = problem.code
        except BaseException:  # the fork must not go on as a nursery, whatever it was
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)

    def end(self, pid: int, number: int) -> bool:
        if pid not in self.living:
            return True
        os.kill(pid, number)
        deadline = time.monotonic() + END_DEADLINE_S
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        self.living.remove(pid)
        return True


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for who drives it
    nursery = Nursery()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = nursery.start(asked["start"], asked["log"]) if "start" in asked else nursery.end(asked["kill"], asked["signal"])
        print(json.dumps(answer), flush=True)
    for pid in list(nursery.living):
        nursery.end(pid, signal.SIGKILL)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
