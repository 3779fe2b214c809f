# SPDX-License-Identifier: Apache-2.0
"""Real MariaDB and MySQL servers, private to one test or one demonstration.

Each has its own data directory and socket in a folder that is given, and a loopback port chosen free; none is
started by systemd, none outlives its owner. Waiting is for a fact with a deadline, never for a time.
"""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_DEADLINE_S = 120


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(fact, deadline_s: float, what: str, pause_s: float = 0.05) -> None:
    """Returns when fact() is true; after the deadline says what did not come."""
    end = time.monotonic() + deadline_s
    while not fact():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {deadline_s} s")
        time.sleep(pause_s)


class Server:
    """What both families share: a child process, a socket, and the mariadb client to talk through."""

    product = ""

    def __init__(self, folder: pathlib.Path | str, options: list[str] | None = None) -> None:
        # A socket's path may have 107 bytes; pytest's folders can be longer, so only the data lives there.
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.socket = self.folder / "s"
        self.log = self.folder / "server.log"
        self.options = list(options or [])
        self.port = free_port()
        self.child: subprocess.Popen | None = None

    # -- what a family must say

    def initialise(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    # -- life

    def start(self, wait: bool = True) -> None:
        if not self.data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.initialise()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen([*self.command(), *self.options], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=self.environment())
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        def ready() -> bool:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.product} ended while it started:\n{self.log_tail()}")
            return self._client(["-e", "SELECT 1"]).returncode == 0
        try:
            wait_until(ready, START_DEADLINE_S, f"an answer of {self.product}")
        except TimeoutError as problem:
            raise RuntimeError(f"{problem}\n{self.log_tail()}") from problem

    def stop(self) -> None:
        if self.child is None:
            return
        self.child.terminate()
        try:
            self.child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child = None

    def kill9(self) -> None:
        self.child.kill()
        self.child.wait()
        self.child = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def log_tail(self, lines: int = 30) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # -- talking

    def client_arguments(self) -> list[str]:
        """For the mariadb command line client, as the server's own administrator."""
        return [f"--socket={self.socket}", "-uroot"]

    def _client(self, arguments: list[str], text: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["mariadb", "--no-defaults", *self.client_arguments(), "--default-character-set=utf8mb4", "--batch",
             "--skip-column-names", "--raw", *arguments],
            input=None if text is None else text.encode(), stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True, check=False)

    def query(self, sql: str) -> str:
        """Runs statements; gives the rows as the client prints them, tab and newline between."""
        done = self._client([], text=sql)
        if done.returncode != 0:
            raise RuntimeError(f"{self.product}: {done.stderr.decode(errors='replace').strip()}\nin: {sql[:500]}")
        return done.stdout.decode(errors="surrogateescape")

    def value(self, sql: str) -> str:
        return self.query(sql).rstrip("\n")

    def version(self) -> str:
        return f"{self.product} {self.value('SELECT VERSION()')}"

    def binlog_path(self, name: str) -> pathlib.Path:
        return self.data / name


class MariaDB(Server):
    """MariaDB as Debian packages it (10.11 on Debian 12)."""

    product = "MariaDB"

    def _user(self) -> list[str]:
        # The server refuses to run as root unless it is told to.
        return [f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]

    def initialise(self) -> None:
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}",
             "--auth-root-authentication-method=normal", "--skip-test-db", *self._user()],
            capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db: {done.stdout.decode()}{done.stderr.decode()}")
        # Accounts without a name would be chosen before a named one on 'localhost'.

    def command(self) -> list[str]:
        program = shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            raise RuntimeError("mariadbd is not installed (Debian: mariadb-server)")
        return [program, "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
                f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
                "--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL",
                "--innodb-log-file-size=64M", "--innodb-buffer-pool-size=128M", "--skip-name-resolve",
                "--character-set-server=utf8mb4", *self._user()]


class MySQL97(Server):
    """Oracle's MySQL 9.7, unpacked from Debian unstable into a cache folder (tests/support/servers)."""

    product = "MySQL"

    @staticmethod
    def home() -> pathlib.Path:
        cache = os.environ.get("MILLRACE_CACHE") or os.path.expanduser("~/.cache/millrace")
        return pathlib.Path(cache) / "mysql-9.7"

    @classmethod
    def available(cls) -> str | None:
        """None when it can be started; else why not, for naming a skipped test."""
        if (cls.home() / "usr" / "sbin" / "mysqld").exists():
            return None
        done = subprocess.run([str(ROOT / "tests" / "support" / "servers" / "mysql97.sh"), str(cls.home())],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return None
        return "MySQL 9.7 could not be fetched: " + done.stderr.decode(errors="replace").strip()[-200:]

    def _program(self) -> list[str]:
        home = self.home()
        libraries = f"{home}/usr/lib/x86_64-linux-gnu:{home}/usr/lib/mysql/private:{home}/lib/x86_64-linux-gnu"
        return [f"{home}/usr/lib64/ld-linux-x86-64.so.2", "--library-path", libraries, f"{home}/usr/sbin/mysqld"]

    def _common(self) -> list[str]:
        return ["--no-defaults", f"--datadir={self.data}", f"--basedir={self.home()}/usr",
                f"--lc-messages-dir={self.home()}/usr/share/mysql", "--secure-file-priv=",
                f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]

    def initialise(self) -> None:
        done = subprocess.run([*self._program(), *self._common(), "--initialize-insecure"],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"mysqld --initialize-insecure: {done.stderr.decode(errors='replace')[-2000:]}")

    def command(self) -> list[str]:
        return [*self._program(), *self._common(), f"--socket={self.socket}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid", "--mysqlx=OFF", "--server-id=1",
                "--log-bin=binlog", "--binlog-row-metadata=FULL", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
                "--innodb-redo-log-capacity=64M", "--innodb-buffer-pool-size=128M", "--skip-name-resolve"]
