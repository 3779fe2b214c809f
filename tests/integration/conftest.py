# SPDX-License-Identifier: Apache-2.0
"""Fixtures: private servers that end with their test, and their logs when it fails."""

from __future__ import annotations

import pathlib
import shutil
import tempfile

import pytest

import servers

FAMILIES = {"mariadb": servers.MariaDB, "mysql97": servers.MySQL97}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed shows what its servers wrote last."""
    report = (yield).get_result()
    if report.failed:
        for server in getattr(item, "started_servers", []):
            report.sections.append((f"{server.product} log", server.log_tail()))


@pytest.fixture
def start_server(request):
    """start_server("mariadb", ["--option=value"]) gives a server that is ready; it ends with the test."""
    # Not pytest's own folders: a socket's path may have 107 bytes only.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-"))
    request.node.started_servers = []

    def start(family: str, options: list[str] | None = None) -> servers.Server:
        kind = FAMILIES[family]
        missing = kind.available()
        if missing:
            pytest.skip(missing)
        server = kind(folder / str(len(request.node.started_servers)), options)
        request.node.started_servers.append(server)
        server.start()
        return server

    yield start
    for server in request.node.started_servers:
        server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=list(FAMILIES))
def server(request, start_server):
    """One of each family, with the settings that Millrace asks for."""
    return start_server(request.param)
