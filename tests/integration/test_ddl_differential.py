# SPDX-License-Identifier: Apache-2.0
"""The DDL parser against real servers: after every statement its idea of each table is what information_schema shows.

The statements are random ones (ddl_random.py), and with ./check --all those of the servers' own
test suites too. The parser reads them as the server wrote them to its binlog, with the context of the events.
"""

from __future__ import annotations

import pathlib
import subprocess

import pytest

import ddl_compare
import ddl_random
import ddl_suite
import servers

DATABASES = ["dm_a", "dm_b"]
SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "support" / "servers"


@pytest.fixture
def compared(started):
    """compared(family) gives the server with the model beside it."""
    program = ddl_compare.model_program()
    if program is None:
        pytest.fail("The program ddl_model is not built; it is a target of the tests' build.")
    opened = []

    def get(family: str) -> ddl_compare.Server:
        opened.append(ddl_compare.Server(started(family), program))
        return opened[-1]

    yield get
    for one in opened:
        one.session.rows(*(f"DROP DATABASE IF EXISTS {db}" for db in [*DATABASES, "test"]))
        one.close()


def run_seeds(server: ddl_compare.Server, first: int, seeds: int, count: int) -> None:
    for seed in range(first, first + seeds):
        generator = ddl_random.Generator(seed, server.mariadb, server.version)
        found = ddl_compare.run(server, generator, count, DATABASES)
        assert not found, f"seed {seed}: " + "\n".join(found)
    # Most random statements are accepted, else nothing would be compared.
    assert server.statements > seeds * count // 3


@pytest.mark.parametrize("family", list(servers.FAMILIES))
def test_random_statements(compared, family):
    """The same ones in every ./check; --all looks for what nobody has seen."""
    run_seeds(compared(family), 524876, 1, 60)


@pytest.mark.long
@pytest.mark.parametrize("family", [*servers.FAMILIES, *servers.MORE_FAMILIES])
def test_many_random_statements(compared, request, family):
    run_seeds(compared(family), request.config.option.seed + 1, 12, 100)


@pytest.mark.long
@pytest.mark.parametrize("suite, family", [("mariadb", "mariadb"), ("mysql", "mysql97")])
def test_statements_of_the_test_suite(compared, suite, family):
    done = subprocess.run([str(SCRIPTS / "suites.sh"), suite], capture_output=True, check=False, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode == 3:
        pytest.skip(f"the test suite of {suite} could not be fetched (tests/support/servers/suites.sh says why)")
    assert done.returncode == 0, done.stderr
    server = compared(family)
    files = ddl_suite.files(pathlib.Path(done.stdout.strip()))
    assert len(files) > 20
    found = [difference for path in files for difference in
             ddl_compare.run_suite(server, path.stem, ddl_suite.statements(path))]
    assert not found, "\n".join(found[:40])
    assert server.statements > 1000
