# SPDX-License-Identifier: Apache-2.0
"""Who connects, and how: authentication methods, TLS, the unix socket, and privileges that are missing."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile

import pytest

import servers
from conftest import LIGHT
from engine import run
from events import OK, SOURCE, USAGE, EventPipeline, errors

FAMILIES = {"mariadb": servers.MariaDB, "mysql97": servers.MySQL97}
GRANTS = {"MariaDB": "REPLICATION SLAVE, BINLOG MONITOR, SELECT",
          "MySQL": "REPLICATION SLAVE, REPLICATION CLIENT, SELECT"}
PASSWORD = "pass Wörd '\"\\ 91"
PLAIN = "plain-Pass-91"


def openssl(*arguments: str, cwd: pathlib.Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def certificates(folder: pathlib.Path) -> None:
    """An authority, and a server's certificate for 127.0.0.1 and the name db.test; another authority beside."""
    for name in ("ca", "other"):
        # An RSA key takes a while to be found; the server has one, as the servers' own certificates do.
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3", "-subj", f"/CN=test {name}",
                "-keyout", f"{name}-key.pem", "-out", f"{name}.pem", cwd=folder)
    for name, alternatives in (("server", "DNS:db.test,DNS:localhost"), ("client", "DNS:client")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={alternatives[4:].split(',')[0]}",
                "-keyout", f"{name}-key.pem", "-out", f"{name}.csr", cwd=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
                "-days", "3", "-extfile", f"{name}.ext", "-out", f"{name}.pem", cwd=folder)
    for path in folder.iterdir():
        path.chmod(0o644)


@pytest.fixture(scope="module", params=list(FAMILIES))
def server(request):
    """A server of its own, with TLS and every account of these tests."""
    kind = FAMILIES[request.param]
    missing = kind.available()
    if missing:
        pytest.skip(missing)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-auth-"))
    folder.chmod(0o755)
    certificates(folder)
    running = kind(folder / "s", [*LIGHT, f"--ssl-ca={folder}/ca.pem", f"--ssl-cert={folder}/server.pem",
                                  f"--ssl-key={folder}/server-key.pem"])
    running.certificates = folder
    try:
        running.start()
        running.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(20)); "
                      "INSERT INTO shop.t VALUES (1, 'one');")
        yield running
    finally:
        if running.child is not None:
            running.kill9()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def account(server):
    """account(method, requirement) makes a user; gives its part of the `source:` block."""
    made = []

    def make(identified: str = "", require: str = "", grants: str | None = None, password: str = PLAIN) -> dict:
        user = f"u{len(made)}"
        text = password.replace("\\", "\\\\").replace("'", "''")
        method = f"IDENTIFIED {identified or 'BY'} '{text}'" if not identified.endswith("()") \
            else f"IDENTIFIED {identified[:-2]} PASSWORD('{text}')"
        server.query(f"CREATE USER {user}@'%' {method} {require};")
        given = GRANTS[server.product] if grants is None else grants
        if given:
            for one in given.split(";"):
                server.query(f"GRANT {one if ' ON ' in one else one + ' ON *.*'} TO {user}@'%';")
        made.append(user)
        return {"type": "mysql", "hostname": "127.0.0.1", "port": server.port, "username": user,
                "password": password, "tables": r"shop.\.*", "scan.startup.mode": "earliest-offset"}
    yield make
    for user in made:
        server.query(f"DROP USER {user}@'%';")


@pytest.fixture
def pipeline(tmp_path):
    made = []

    def make(block: dict, **keys) -> EventPipeline:
        made.append(EventPipeline(tmp_path / f"p{len(made)}",
                                  {**block, **{key.replace("__", "."): value for key, value in keys.items()}}))
        return made[-1]
    yield make
    for one in made:
        one.close()


def must_carry(one: EventPipeline) -> None:
    one.start()
    one.until_ids([1])
    assert one.stop() == OK
    assert PLAIN not in one.log() and PASSWORD not in one.log()


def refused_in_check_and_run(one: EventPipeline, *words: str, code: int = SOURCE) -> str:
    """Both commands refuse, with these words; no password is told."""
    checked = one.check()
    told = checked.stdout.decode() + errors(checked)
    assert checked.returncode == code, told
    ended, line = one.refused()
    assert ended == code, line
    for text in (told, line):
        for word in words:
            assert word in text, text
        assert PLAIN not in text and PASSWORD not in text
    return line


# -- methods

@pytest.mark.costly
def test_each_method_over_tcp_without_tls(server, account, pipeline):
    if server.product == "MySQL":
        # The first time the password goes by RSA; then the server has it in its cache; then it forgets.
        block = account("WITH caching_sha2_password BY")
        must_carry(pipeline(block, tls__mode="disabled"))
        must_carry(pipeline(block, tls__mode="disabled"))
        server.query("FLUSH PRIVILEGES")
        must_carry(pipeline(block, tls__mode="disabled"))
        return
    must_carry(pipeline(account(), tls__mode="disabled"))
    server.query("INSTALL SONAME 'auth_ed25519'")
    must_carry(pipeline(account("VIA ed25519 USING()"), tls__mode="disabled"))


def test_a_password_of_any_characters(server, account, pipeline):
    must_carry(pipeline(account(password=PASSWORD)))


def test_the_unix_socket(server, account, pipeline):
    must_carry(pipeline({**account(), "hostname": None, "port": None, "socket": server.socket}))


def test_a_wrong_password_is_told_at_once(server, account, pipeline):
    block = account()
    for mode in ("disabled", "required"):
        refused_in_check_and_run(pipeline({**block, "password": "not this one"}, tls__mode=mode),
                                 "Access denied", block["username"])
    refused_in_check_and_run(pipeline({**block, "username": "nobody"}), "Access denied", "nobody")


def test_nobody_listens(server, account, pipeline):
    one = pipeline({**account(), "port": servers.free_port()}, connect__max_retries=2)
    one.source["connect.max-retries"] = 2
    one.source.pop("connect.max_retries")
    one.save()
    code, told = one.refused()
    assert code == SOURCE and str(one.source["port"]) in told
    assert one.log().count("trying again") == 1
    one.save(hostname="no-such-host.invalid")
    code, told = one.refused()
    assert code == SOURCE and "no-such-host.invalid" in told


# -- TLS

def test_tls_modes(server, account, pipeline):
    block = account(require="REQUIRE SSL")
    folder = server.certificates
    must_carry(pipeline(block))
    must_carry(pipeline(block, tls__mode="required"))
    must_carry(pipeline(block, tls__mode="verify-ca", tls__ca=folder / "ca.pem"))
    must_carry(pipeline({**block, "hostname": "localhost"}, tls__mode="verify-identity", tls__ca=folder / "ca.pem"))
    refused_in_check_and_run(pipeline(block, tls__mode="disabled"), "Access denied")


def test_tls_that_does_not_verify(server, account, pipeline):
    block = account()
    folder = server.certificates
    refused_in_check_and_run(pipeline(block, tls__mode="verify-ca", tls__ca=folder / "other.pem"),
                             "certificate")
    # The certificate is for db.test and localhost, not for this address.
    refused_in_check_and_run(pipeline(block, tls__mode="verify-identity", tls__ca=folder / "ca.pem"), "127.0.0.1")
    missing = pipeline(block, tls__mode="verify-ca", tls__ca="/nowhere/ca.pem")
    code, told = missing.refused()
    assert code == USAGE and "/nowhere/ca.pem" in told


@pytest.mark.long
@pytest.mark.parametrize("kind", ["doris", "starrocks"])
def test_tls_of_the_query_port(server, account, engine, kind):
    """The SQL side of a warehouse; any server of the protocol shows what is verified before the first statement."""
    block = account(require="REQUIRE SSL")
    folder = server.certificates

    def told(host: str, **tls: object) -> str:
        web = {"doris": "fenodes", "starrocks": "load-url"}[kind]
        engine.write(block,
                     {"type": kind, web: f"127.0.0.1:{servers.free_port()}", "jdbc-url": f"jdbc:mysql://{host}:{block['port']}",
                      "username": block["username"], "password": block["password"], "sink.max-retries": 0, **tls})
        return run("check", str(engine.file)).stdout.decode()

    ca = {"sink.tls.ca-file": folder / "ca.pem"}
    for host, tls in (("127.0.0.1", {"sink.tls.query": "required"}), ("127.0.0.1", {"sink.tls.query": "verify-ca"} | ca),
                      ("localhost", {"sink.tls.query": "verify-identity"} | ca)):
        assert "The query port answers" in (text := told(host, **tls)), text
    for reason, host, tls in (("Access denied", "127.0.0.1", {"sink.tls.query": "disabled"}),
                              ("certificate", "127.0.0.1", {"sink.tls.query": "verify-ca", "sink.tls.ca-file": folder / "other.pem"}),
                              ("127.0.0.1", "127.0.0.1", {"sink.tls.query": "verify-identity"} | ca)):
        text = told(host, **tls)
        assert "The query port answers" not in text and reason in text, text


def test_a_certificate_of_our_own(server, account, pipeline):
    block = account(require="REQUIRE X509")
    folder = server.certificates
    must_carry(pipeline(block, tls__mode="required", tls__cert=folder / "client.pem",
                        tls__key=folder / "client-key.pem"))
    refused_in_check_and_run(pipeline(block, tls__mode="required"), "Access denied")


def test_tls_that_the_server_does_not_have(start_server, tmp_path):
    """Asked for and not offered is a refusal; only `preferred` goes on without."""
    plain = start_server("mariadb")
    plain.query("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1);")
    block = {"type": "mysql", "tables": r"shop.\.*", "scan.startup.mode": "earliest-offset", **plain.add_account()}
    required = EventPipeline(tmp_path / "required", {**block, "tls.mode": "required"})
    code, told = required.refused()
    assert code == SOURCE and ("TLS" in told or "SSL" in told), told
    must_carry(EventPipeline(tmp_path / "preferred", block))


# -- privileges

def test_privileges_that_are_missing_are_named(server, account, pipeline):
    monitor = "BINLOG MONITOR" if server.product == "MariaDB" else "REPLICATION CLIENT"
    for given, missing in (("SELECT;" + monitor, "REPLICATION SLAVE"),
                           ("SELECT;REPLICATION SLAVE", monitor)):
        block = account(grants=given)
        line = refused_in_check_and_run(pipeline(block), "GRANT", missing)
        assert f"GRANT {missing}" in line or f", {missing}" in line, line
        assert block["username"] in line
    nothing = pipeline(account(grants=""))
    refused_in_check_and_run(nothing, "REPLICATION SLAVE")
    for right in ("REPLICATION SLAVE", monitor, "GRANT SELECT"):
        assert right in nothing.check().stdout.decode()


def test_tables_that_may_not_be_seen(server, account, pipeline):
    """Without SELECT a table looks as if it were not there; the check says both."""
    rights = GRANTS[server.product].removesuffix(", SELECT")
    block = account(grants=rights)
    one = pipeline(block)
    told = refused_in_check_and_run(one, "No table on the server matches", "GRANT SELECT")
    assert "shop." in told
    assert f"GRANT SELECT ON `database`.* TO '{block['username']}'@'%'" in one.check().stdout.decode()


def test_a_grant_on_the_database_alone_is_enough(server, account, pipeline):
    rights = GRANTS[server.product].removesuffix(", SELECT")
    must_carry(pipeline(account(grants=f"{rights};SELECT ON shop.*")))


def test_rights_by_a_role(server, account, pipeline):
    if server.product != "MySQL":
        pytest.skip("a MariaDB role cannot be everybody's default")
    server.query(f"CREATE ROLE reader; GRANT {GRANTS['MySQL']} ON *.* TO reader;")
    block = account(grants="")
    server.query(f"GRANT reader TO {block['username']}@'%'; SET DEFAULT ROLE reader TO {block['username']}@'%';")
    try:
        must_carry(pipeline(block))
    finally:
        server.query("DROP ROLE reader")
