# SPDX-License-Identifier: Apache-2.0
"""Millrace itself as a child process: its pipeline file, its life, its log, its checkpoint."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import threading

from servers import ROOT, wait_until


# OpenSSL reads the machine's list of authorities for each connection to a server that offers TLS, which is most of what
# a start costs. No certificate of the tests is signed by one of them; those that are checked come with their own.
ENVIRONMENT = {"SSL_CERT_FILE": os.devnull}


def program() -> str:
    """The program under test: $MILLRACE, or the release build of this tree."""
    return os.environ.get("MILLRACE") or str(ROOT / "build" / "release" / "millrace")


def run(*arguments: str, **options) -> subprocess.CompletedProcess:
    """One command of the program, to its end."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("env", os.environ | ENVIRONMENT)
    return subprocess.run([program(), *arguments], capture_output=True, check=False, timeout=120, **options)


class Ended(AssertionError):
    """The engine is not running, though it should be."""


class Engine:
    """One pipeline: a folder with its file, its log and its checkpoint; started and ended as often as wanted."""

    def __init__(self, folder: pathlib.Path, millrace: str | None = None, file: str = "pipeline.yaml") -> None:
        self.folder = folder
        self.file = folder / file
        self.log_file = folder / (self.file.stem + ".log")
        self.checkpoint = folder / (self.file.stem + "-checkpoint")
        self.starts = 0
        self._program = millrace or program()
        self._child: subprocess.Popen | None = None

    # -- the pipeline file

    def write(self, source: dict[str, object], sink: dict[str, object], pipeline: dict[str, object] | None = None,
              routes: list[dict[str, str]] | None = None) -> None:
        """The pipeline file; values stand there as they are given, so quoting is the caller's."""
        blocks = {"source": source, "sink": sink,
                  "pipeline": {"name": "test", "checkpoint.dir": self.checkpoint, **(pipeline or {})}}
        lines = []
        for name, block in blocks.items():
            lines += [f"{name}:", *(f"  {key}: {value}" for key, value in block.items())]
        for place, route in enumerate(routes or []):
            lines += ["route:"] if place == 0 else []
            lines += [("  - " if first == 0 else "    ") + f"{key}: {value}"
                      for first, (key, value) in enumerate(route.items())]
        self.file.write_text("\n".join(lines) + "\n")

    # -- life

    def start(self, *options: str) -> "Engine":
        """`options` stand before the command, as `--log debug`."""
        assert not self.runs(), "the engine runs already"
        self.starts += 1
        with open(self.log_file, "ab") as log:
            # Its own session: a Ctrl-C on the terminal is for the program that drives it.
            self._child = subprocess.Popen([self._program, *options, "run", str(self.file)], stdout=log, stderr=log,
                                           stdin=subprocess.DEVNULL, env=os.environ | ENVIRONMENT, start_new_session=True)
        return self

    @property
    def pid(self) -> int:
        return self._child.pid

    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    def must_run(self) -> None:
        if not self.runs():
            code = None if self._child is None else self._child.returncode
            raise Ended(f"millrace ended with exit code {code}:\n{self.log_tail()}")

    def kill9(self) -> None:
        self.must_run()
        self._child.kill()
        self._child.wait()

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def wait(self, deadline_s: float = 60) -> int:
        """Its exit code, once it has ended."""
        try:
            return self._child.wait(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"millrace did not end within {deadline_s} s:\n{self.log_tail()}") from None

    def stop(self, deadline_s: float = 60) -> int:
        """SIGTERM, and the exit code."""
        self.must_run()
        self.signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def close(self) -> None:
        """The end of a test, however it went."""
        if self.runs():
            self._child.kill()
            self._child.wait()

    # -- what it says

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, chars: int = 3000) -> str:
        return self.log()[-chars:]

    def until(self, fact, deadline_s: float = 60, what: str = "a fact") -> None:
        """Waits for a fact while the engine has to run."""
        def checked() -> bool:
            if fact():
                return True
            self.must_run()
            return False
        try:
            wait_until(checked, deadline_s, what)
        except TimeoutError as problem:
            raise AssertionError(f"{problem}; the end of the log:\n{self.log_tail()}") from None

    def until_log(self, text: str, deadline_s: float = 60, times: int = 1) -> None:
        self.until(lambda: self.log().count(text) >= times, deadline_s, f"{text!r} in the log")

    # -- what it keeps

    def show(self) -> dict | None:
        """`checkpoint show --json`; None while there is no checkpoint."""
        done = run("checkpoint", "show", "--json", str(self.checkpoint))
        return json.loads(done.stdout) if done.returncode == 0 else None

    def until_epoch(self, number: int, deadline_s: float = 60) -> None:
        self.until(lambda: (self.show() or {"epoch": 0})["epoch"] >= number, deadline_s, f"epoch {number}")

    def until_carried(self, place: tuple[str, int], deadline_s: float = 60) -> None:
        """Waits until everything before a place in the binlog (a commit's end) is durable at the target."""
        def reached() -> bool:
            position = (self.show() or {}).get("position")
            return position is not None and (position["file"], position["offset"]) >= place
        self.until(reached, deadline_s, f"the position {place}")

    def peak_memory(self) -> int:
        """VmHWM in bytes of the running process."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise Ended("the process has no memory any more")


class Killer(threading.Thread):
    """Kills an engine with SIGKILL again and again, after random pauses, and starts it each time. The longest pause grows
    by a tenth with each kill, up to 10 s, so that on a machine that is slow today the work gets to its end as well."""

    def __init__(self, engine: Engine, rng, shortest_s: float = 0.05, longest_s: float = 0.8,
                 also_after: tuple[int, ...] = ()) -> None:
        """`also_after`: exit codes with which the engine may have ended by itself meanwhile."""
        super().__init__(daemon=True)
        self._engine = engine
        self._also_after = also_after
        self._random = rng
        self._range = (shortest_s, longest_s)
        self._halt = threading.Event()
        self._began = threading.Event()
        self._problem: BaseException | None = None
        self.kills = 0

    def run(self) -> None:
        try:
            while not self._halt.wait(self._pause()):
                self._end()
                self._engine.start()
                self.kills += 1
                self._began.set()
        except BaseException as problem:  # told to the test's thread by halt()
            self._problem = problem
            self._began.set()

    def _pause(self) -> float:
        shortest, longest = self._range
        return self._random.uniform(shortest, max(longest, min(10.0, longest * 1.1 ** min(self.kills, 100))))

    def _end(self) -> None:
        if self._engine.exit_code() in self._also_after:
            return
        self._engine.kill9()

    def halt(self) -> None:
        """Ends the killing, once there was a kill at least; the engine runs."""
        if self.is_alive():
            self._began.wait(120)
        self._halt.set()
        self.join()
        if self._engine.exit_code() in self._also_after:
            self._engine.start()
        if self._problem is not None:
            raise self._problem
