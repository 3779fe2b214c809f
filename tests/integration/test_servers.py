# SPDX-License-Identifier: Apache-2.0
"""The servers that the other tests stand on are what those tests take for granted."""

import pytest

import servers


def test_settings_that_the_engine_needs(server):
    assert server.value("SELECT @@log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata") \
        == "1\tROW\tFULL\tFULL"
    assert server.value("SELECT @@server_id") == "1"


def test_account_of_the_pipeline_connects(server):
    account = server.add_account()
    assert server.client_can_connect(account) == "millrace@%"
    with pytest.raises(RuntimeError):
        server.client_can_connect({**account, "password": "another"})


def test_text_and_bytes_come_through(server):
    server.query("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, s VARCHAR(20) CHARACTER SET utf8mb4);"
                 "INSERT INTO d.t VALUES (1, 'Grüße 🐘'), (2, NULL);")
    assert server.query("SELECT s FROM d.t ORDER BY id") == "Grüße 🐘\nNULL\n"
    with pytest.raises(RuntimeError, match="no_such_table"):
        server.query("SELECT * FROM d.no_such_table")


@pytest.mark.costly
def test_committed_rows_survive_a_kill(server):
    server.query("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO d.t VALUES (7);")
    server.kill9()
    server.start()
    assert server.value("SELECT id FROM d.t") == "7"
    server.restart()
    assert server.value("SELECT id FROM d.t") == "7"


def test_options_are_given(start_server):
    server = start_server("mariadb", ["--binlog-row-image=MINIMAL"])
    assert server.value("SELECT @@binlog_row_image") == "MINIMAL"


def test_a_server_that_cannot_start_says_why(start_server):
    with pytest.raises(RuntimeError, match="no-such-option"):
        start_server("mariadb", ["--no-such-option=1"])


def test_waiting_ends():
    with pytest.raises(TimeoutError, match="the impossible"):
        servers.wait_until(lambda: False, 0.2, "the impossible")
