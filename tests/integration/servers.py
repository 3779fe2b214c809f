# SPDX-License-Identifier: Apache-2.0
"""Real MariaDB and MySQL servers, private to one test or one demonstration.

Each has its own data directory and socket in a folder that is given, and a loopback port chosen free; none is
started by systemd, none outlives its owner. Waiting is for a fact with a deadline, never for a time.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("MILLRACE_CACHE") or os.path.expanduser("~/.cache/millrace"))
START_DEADLINE_S = 120
ANSWER_DEADLINE_S = 100  # of one call of the client
SBIN = os.environ.get("PATH", "") + ":/usr/sbin"  # not in every user's PATH


def free_port() -> int:
    """A loopback port that nobody uses now, below those that the kernel hands to outgoing connections: between this
    answer and the server's start a connection of another test could take one of theirs."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 10000 and 32000")


def wait_until(fact, deadline_s: float, what: str, pause_s: float = 0.05) -> None:
    """Returns when fact() is true; after the deadline says what did not come. Most facts are asked of a process that is
    started for it, so the pauses become longer, up to a fifth of a second."""
    end = time.monotonic() + deadline_s
    while not fact():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {deadline_s} s")
        time.sleep(pause_s)
        pause_s = max(pause_s, min(pause_s * 1.2, 0.2))


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

    # What an account needs for reading the binlog, and statements whose words differ from server to server.
    reader_grants = ""
    reset_sql = "RESET MASTER"
    place_sql = "SHOW MASTER STATUS"

    # -- what a family must say

    def binlog_tool(self) -> list[str] | None:
        """The server's own program that prints binlog files; None where there is none."""
        raise NotImplementedError

    def initialise(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    # -- life

    @classmethod
    def release(cls) -> str:
        """Which program makes the data directory: the name of the one that is kept for the next server of its kind."""
        raise NotImplementedError

    def _take_data(self) -> None:
        """A data directory as the server's own installer makes it. The installers need seconds each, so the first
        result is kept in the cache, and each server gets a copy."""
        kept = CACHE / "data" / re.sub(r"[^A-Za-z0-9.]+", "-", f"{type(self).__name__} {self.release()} {os.geteuid()}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open(kept.with_name(kept.name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                with tempfile.TemporaryDirectory(prefix="millrace-", dir=kept.parent) as folder:
                    maker = type(self)(folder)
                    maker.initialise()
                    (maker.data / "auto.cnf").unlink(missing_ok=True)  # MySQL's UUID: each server draws its own
                    maker.data.rename(kept)
        subprocess.run(["cp", "-a", "--sparse=always", str(kept), str(self.data)], check=True, stdin=subprocess.DEVNULL)

    def start(self, wait: bool = True) -> None:
        if not self.data.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_data()
        with open(self.log, "ab") as log:
            # Servers that share a tmpdir delete each other's temporary tables when one starts.
            self.child = subprocess.Popen([*self.command(), f"--tmpdir={self.folder}", *self.options], stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=self.environment(),
                                          start_new_session=True)  # a Ctrl-C is for who drives it
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill9()
                raise

    def wait_ready(self) -> None:
        def ready() -> bool:
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.product} ended while it started:\n{self.log_tail()}")
            try:
                return self._client(["-e", "SELECT 1"]).returncode == 0
            except subprocess.TimeoutExpired:
                return False
        try:
            wait_until(ready, START_DEADLINE_S, f"an answer of {self.product}")
        except TimeoutError as problem:
            raise RuntimeError(f"{problem}\n{self.log_tail()}") from problem

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()

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
        """As a power cut would end it: nothing is flushed."""
        if self.child is None:
            return
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
        return [f"--socket={self.socket}", "-uroot", "--skip-ssl"]  # a handshake costs MySQL 50 ms

    def _client(self, arguments: list[str], text: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["mariadb", "--no-defaults", *self.client_arguments(), "--default-character-set=utf8mb4", "--batch",
             "--skip-column-names", "--raw", "--connect-timeout=5", *arguments],
            input=None if text is None else text.encode(), stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True, check=False, timeout=ANSWER_DEADLINE_S)

    def _stuck(self, sql: str) -> RuntimeError:
        """Says what the server does while it does not answer, and ends it: the next who asks for it finds it down."""
        try:
            doing = self._client(["-e", "SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS"]).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            doing = "(not even a list of its sessions)"
        self.kill9()
        return RuntimeError(f"{self.product} did not answer within {ANSWER_DEADLINE_S} s to: {sql[:500]}\n{doing[:6000]}\n"
                            f"{self.log_tail()}")

    def query(self, sql: str) -> str:
        """Runs statements; gives the rows as the client prints them, tab and newline between."""
        try:
            done = self._client([], text=sql)
        except subprocess.TimeoutExpired:
            raise self._stuck(sql) from None
        if done.returncode != 0:
            raise RuntimeError(f"{self.product}: {done.stderr.decode(errors='replace').strip()}\nin: {sql[:500]}")
        return done.stdout.decode(errors="surrogateescape")

    def value(self, sql: str) -> str:
        return self.query(sql).rstrip("\n")

    def dumps(self) -> list[str]:
        """The connections that read the binlog."""
        # MySQL's information_schema.processlist fails while any statement has a character beyond three bytes.
        rows = [line.split("\t") for line in self.query("SHOW PROCESSLIST").splitlines()]  # or a piece of a statement
        return [row[0] for row in rows if len(row) > 4 and row[4].startswith("Binlog Dump")]

    def kill_dumps(self) -> None:
        """Cuts every dump there is; one that has gone by itself in the meantime is as good."""
        for connection in self.dumps():
            try:
                self.query(f"KILL {connection}")
            except RuntimeError as refused:
                if "Unknown thread id" not in str(refused):
                    raise

    # A user that Millrace may connect as: MySQL's default authentication, MariaDB's native one.
    account_method = ""
    account_grants = "SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT"

    def add_account(self, user: str = "millrace", password: str = "secret word") -> dict[str, str]:
        """Makes an account for the pipeline; gives what the `source:` block of its file says."""
        self.query(f"CREATE USER '{user}'@'%' IDENTIFIED {self.account_method} '{password}';\n"
                   f"GRANT {self.account_grants} ON *.* TO '{user}'@'%';\n")
        return {"hostname": "127.0.0.1", "port": str(self.port), "username": user, "password": password}

    def client_can_connect(self, account: dict[str, str]) -> str:
        """Connects over TCP as the account; gives the server's name for it, or raises."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", "--protocol=tcp", f"--host={account['hostname']}",
             f"--port={account['port']}", f"--user={account['username']}", f"--password={account['password']}",
             "--connect-timeout=5", "--batch", "--skip-column-names", "-e", "SELECT CURRENT_USER()"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.product}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode().strip()

    def version(self) -> str:
        return f"{self.product} {self.value('SELECT VERSION()')}"

    def binlog_path(self, name: str) -> pathlib.Path:
        return self.data / name


class MariaDB(Server):
    """MariaDB as Debian packages it (10.11 on Debian 12)."""

    product = "MariaDB"
    account_method = "BY"
    account_grants = "SELECT, RELOAD, REPLICATION SLAVE, REPLICATION SLAVE ADMIN, BINLOG MONITOR"
    reader_grants = "REPLICATION SLAVE, BINLOG MONITOR, SELECT"

    @classmethod
    def available(cls) -> str | None:
        """None when it can be started; else why not, for naming a skipped test."""
        return None if shutil.which("mariadbd", path=SBIN) else "MariaDB is not installed (Debian: mariadb-server-core)"

    def _program(self) -> str:
        return shutil.which("mariadbd", path=SBIN)

    @classmethod
    def release(cls) -> str:
        return subprocess.run([shutil.which("mariadbd", path=SBIN), "--no-defaults", "--version"], capture_output=True, check=True,
                              text=True, stdin=subprocess.DEVNULL).stdout.split("Ver ")[1].split(" ")[0]

    def binlog_tool(self) -> list[str] | None:
        """The server's own program that prints binlog files; None where there is none."""
        found = shutil.which("mariadb-binlog")
        return [found] if found else None

    def _user(self) -> list[str]:
        # The server refuses to run as root unless it is told to.
        return [f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]

    def initialise(self) -> None:
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}",
             "--auth-root-authentication-method=normal", "--skip-test-db", *self._user()],
            capture_output=True, check=False, stdin=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": str(self.folder)})
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db: {done.stdout.decode()}{done.stderr.decode()}")

    def _places(self) -> list[str]:
        """Where the program finds what belongs to it, when not where it was built for."""
        return []

    def command(self) -> list[str]:
        return [self._program(), "--no-defaults", *self._places(), f"--datadir={self.data}", f"--socket={self.socket}",
                f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
                "--log-bin=binlog", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL",
                "--innodb-log-file-size=64M", "--innodb-buffer-pool-size=128M", "--skip-name-resolve",
                "--character-set-server=utf8mb4", *self._user()]


class Fetched(Server):
    """A server that a script of tests/support/servers brings into the cache."""

    series = ""
    script = ""
    place = ""  # its folder in the cache

    @classmethod
    def home(cls) -> pathlib.Path:
        return CACHE / cls.place

    @classmethod
    def release(cls) -> str:
        """A script of ours names the release; the tree is made anew when the script changes."""
        return f"{cls.series} {int((cls.home()).stat().st_mtime)}"

    @classmethod
    def available(cls) -> str | None:
        """None when it can be started; else why not, for naming a skipped test."""
        # Quick when it is there; only the script knows whether the tree is whole.
        done = subprocess.run([str(ROOT / "tests" / "support" / "servers" / cls.script), str(cls.home())],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return None
        told = [line for line in done.stderr.decode(errors="replace").splitlines() if "could not be fetched" in line]
        return told[0] if told else \
            f"{cls.product} {cls.series} could not be fetched (tests/support/servers/{cls.script} says why)"

    def _program(self) -> str:
        return str(self.home() / "bin" / "mysqld")


class FetchedMariaDB(Fetched, MariaDB):
    """A MariaDB of another Debian release."""

    def _program(self) -> str:
        return str(self.home() / "bin" / "mariadbd")

    def binlog_tool(self) -> list[str] | None:
        return [str(self.home() / "bin" / "mariadb-binlog")]

    def _share(self) -> pathlib.Path:
        places = [self.home() / "usr" / "share" / name for name in ("mariadb", "mysql")]
        return next(place for place in places if list(place.glob("m*_system_tables.sql")))

    def _places(self) -> list[str]:
        return [f"--basedir={self.home()}/usr", f"--lc-messages-dir={self._share()}"]

    def initialise(self) -> None:
        """What mariadb-install-db does; that script calls the program without its own loader."""
        self.data.mkdir()
        share = self._share()
        text = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
        for name in ("system_tables", "performance_tables", "system_tables_data"):
            text += next(share.glob(f"m*_{name}.sql")).read_text() + "\n"
        done = subprocess.run([self._program(), "--no-defaults", *self._places(), f"--datadir={self.data}",
                               "--bootstrap", "--log-warnings=0", f"--tmpdir={self.folder}", *self._user()],
                              input=text.encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"mariadbd --bootstrap: {done.stderr.decode(errors='replace')[-2000:]}")


class MariaDB118(FetchedMariaDB):
    """MariaDB 11.8 of Debian 13."""

    series, script, place = "11.8", "mariadb118.sh", "mariadb-11.8"


class MariaDB105(FetchedMariaDB):
    """MariaDB 10.5 of Debian 11."""

    series, script, place = "10.5", "mariadb105.sh", "mariadb-10.5"


class MySQL97(Fetched):
    """Oracle's MySQL 9.7 of Debian unstable."""

    product = "MySQL"
    series, script, place = "9.7", "mysql97.sh", "mysql-9.7"
    account_method = "WITH caching_sha2_password BY"
    reader_grants = "REPLICATION SLAVE, REPLICATION CLIENT, SELECT"
    reset_sql = "RESET BINARY LOGS AND GTIDS"
    place_sql = "SHOW BINARY LOG STATUS"

    def binlog_tool(self) -> list[str] | None:
        return [str(self.home() / "bin" / "mysqlbinlog"), "--no-defaults"]

    def _common(self) -> list[str]:
        return ["--no-defaults", f"--datadir={self.data}", f"--basedir={self.home()}/usr",
                f"--lc-messages-dir={self.home()}/usr/share/mysql", "--secure-file-priv=",
                f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]

    def initialise(self) -> None:
        done = subprocess.run([self._program(), *self._common(), "--initialize-insecure"],
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"mysqld --initialize-insecure: {done.stderr.decode(errors='replace')[-2000:]}")

    def command(self) -> list[str]:
        return [self._program(), *self._common(), f"--socket={self.socket}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid", "--mysqlx=OFF", "--server-id=1",
                "--log-bin=binlog", "--binlog-row-metadata=FULL", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
                "--innodb-redo-log-capacity=64M", "--innodb-buffer-pool-size=128M", "--skip-name-resolve"]


class MySQL56(Fetched):
    """MySQL 5.6, of the npm registry: the server alone."""

    product = "MySQL"
    series, script, place = "5.6", "mysql56.sh", "mysql-5.6"
    account_method = "BY"
    reader_grants = "REPLICATION SLAVE, REPLICATION CLIENT, SELECT"

    def binlog_tool(self) -> list[str] | None:
        """The package has none; MariaDB's reads these files."""
        found = shutil.which("mariadb-binlog")
        return [found] if found else None

    def initialise(self) -> None:
        shutil.copytree(self.home() / "server" / "data" / "mysql", self.data)

    def command(self) -> list[str]:
        home = self.home() / "server"
        return [self._program(), "--no-defaults", f"--datadir={self.data}", f"--basedir={home}",
                f"--lc-messages-dir={home}/share", f"--character-sets-dir={home}/share/charsets",
                f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.folder}/pid", "--server-id=1", "--log-bin=binlog", "--binlog-format=ROW",
                "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=128M", "--skip-name-resolve",
                "--character-set-server=utf8mb4", "--secure-file-priv=",
                f"--user={pwd.getpwuid(os.geteuid()).pw_name}"]


# By the name that tests ask for.
FAMILIES = {"mariadb": MariaDB, "mysql97": MySQL97}
# Fetched for ./check --all only.
MORE_FAMILIES = {"mariadb118": MariaDB118, "mariadb105": MariaDB105, "mysql56": MySQL56}


def kind(family: str) -> type[Server]:
    return (FAMILIES | MORE_FAMILIES)[family]
