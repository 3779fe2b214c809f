# SPDX-License-Identifier: Apache-2.0
"""The command line: help, hints, exit codes, and what a pipeline file may not say."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from engine import program
from events import DATA, INTERNAL, OK, SOURCE, USAGE, errors, millrace

COMMANDS = ["run", "check", "decode", "checkpoint show", "checkpoint verify", "config", "config print", "version"]

GOOD = """\
source:
  type: mysql
  hostname: db.example.org
  username: u
  password: very-secret-91
  tables: app.\\.*
  scan.startup.mode: earliest-offset
sink:
  type: 'null'
"""

# What a Flink CDC user has: MySQL to Doris, with the keys that its pages show.
FLINK = """\
source:
  type: mysql
  hostname: localhost
  port: 3306
  username: root
  password: 123456
  tables: app_db.\\.*
  server-id: 5400-5404
  server-time-zone: UTC
  connect.timeout: 30 s
  connection.pool.size: 20
  jdbc.properties.useSSL: false
  debezium.max.queue.size: 162580
  scan.startup.mode: earliest-offset
  scan.incremental.snapshot.chunk.size: 8096
  heartbeat.interval: 30 s

sink:
  type: doris
  fenodes: 127.0.0.1:8030
  username: root
  password: ""
  jdbc-url: jdbc:mysql://127.0.0.1:9030
  sink.enable.batch-mode: true
  sink.max-retries: 3
  sink.buffer-flush.max-rows: 50000
  sink.buffer-flush.max-bytes: 10mb
  sink.buffer-flush.interval: 10 s
  sink.properties.format: json
  sink.properties.read_json_by_line: true
  table.create.properties.light_schema_change: true
  table.create.properties.replication_num: 1

route:
  - source-table: app_db.orders
    sink-table: ods_db.ods_orders
    description: one to one
  - source-table: app_db.shipments_\\.*
    sink-table: ods_db.ods_shipments

pipeline:
  name: Sync MySQL Database to Doris
  parallelism: 2
"""


@pytest.fixture
def pipeline_file(tmp_path):
    def write(text: str):
        path = tmp_path / "pipeline.yaml"
        path.write_text(text)
        return path
    return write


# -- the command line itself

def test_help_lists_every_command():
    done = millrace("--help")
    assert done.returncode == OK
    text = done.stdout.decode()
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.M), command
    assert done.stderr == b""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    done = millrace(*command.split(), "--help")
    assert done.returncode == OK
    assert f"Usage: millrace {command}" in done.stdout.decode()
    assert done.stderr == b""


def test_without_a_command_help_is_shown_and_it_is_an_error():
    done = millrace()
    assert done.returncode == USAGE
    assert b"Commands:" in done.stdout


def test_version():
    done = millrace("version")
    assert done.returncode == OK
    assert re.fullmatch(r"millrace \d+\.\d+\.\d+\n", done.stdout.decode())
    assert millrace("--version").stdout == done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["chek", "x.yaml"], 'There is no command "chek". Did you mean "check"?'),
    (["decoed"], 'Did you mean "decode"?'),
    (["checkpoint"], 'Did you mean "checkpoint show"?'),
    (["xyzzyxyzzy"], '"millrace --help" lists the commands.'),
    (["decode", "--table", "a.b", "f"], 'There is no option "--table" here. Did you mean "--tables"?'),
    (["decode", "--frobnicate", "f"], '"millrace COMMAND --help" lists the options.'),
    (["decode", "-t", "f"], "Options begin with two dashes."),
    (["decode", "f", "--tables"], 'The option "--tables" is not complete.'),
    (["decode", "--no-checksums=1", "f"], 'The option "--no-checksums=1" is not complete.'),
    (["decode"], '"millrace decode" has the wrong number of arguments. Usage: millrace decode FILE...'),
    (["run", "a", "b"], "Usage: millrace run PIPELINE.yaml"),
    (["--log", "loud", "version"], "loud"),
    (["version", "--log-format", "xml"], 'There is no log format "xml". Use auto, text or json.'),
    (["--nonsense"], 'There is no option "--nonsense"'),
    (["decode", "--start-position", "x", "f"], '--start-position takes a byte offset, not "x".'),
    (["decode", "--tables", "a.(", "f"], "a.("),
])
def test_a_wrong_command_line_is_told_and_exits_with_2(arguments, words):
    done = millrace(*arguments)
    assert done.returncode == USAGE
    assert words in errors(done)
    assert errors(done).count("\n") == 1
    assert done.stdout == b""


def test_a_file_that_is_not_there_is_not_our_defect(tmp_path):
    done = millrace("decode", tmp_path / "binlog.000042")
    assert done.returncode == SOURCE
    assert "cannot be opened: No such file or directory" in errors(done)
    done = millrace("decode", tmp_path)
    assert done.returncode == SOURCE
    assert "Is a directory" in errors(done)


def test_a_full_disk_is_told(tmp_path):
    """What cannot be written is an error; only a reader that went away is none."""
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text(GOOD)
    for arguments in (["config", "--markdown"], ["config", "print", str(pipeline)]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([program(), *arguments], stdout=full, stderr=subprocess.PIPE, check=False,
                                  stdin=subprocess.DEVNULL)
        assert done.returncode == INTERNAL, arguments
        assert b"No space left on device" in done.stderr


# -- the pipeline file

def test_a_good_file_is_printed_without_its_secrets(pipeline_file):
    done = millrace("config", "print", pipeline_file(GOOD))
    assert done.returncode == OK, errors(done)
    text = done.stdout.decode()
    assert "source.hostname = db.example.org" in text and "pipeline.yaml:3:" in text
    assert "very-secret-91" not in text
    assert re.search(r"^source\.password = \*\*\*", text, re.M)
    assert re.search(r"^source\.port = 3306\s+\(default\)", text, re.M)


def test_secrets_from_environment_and_file(pipeline_file, tmp_path):
    path = pipeline_file(GOOD.replace("very-secret-91", "${H_SECRET}"))
    done = millrace("config", "print", path, environment={"H_SECRET": "from-env-77"})
    assert done.returncode == OK and b"from-env-77" not in done.stdout
    done = millrace("config", "print", path)
    assert done.returncode == USAGE and "H_SECRET" in errors(done)
    (tmp_path / "password").write_text("from-file-78\n")
    done = millrace("config", "print", pipeline_file(GOOD.replace("very-secret-91", f"file:{tmp_path}/password")))
    assert done.returncode == OK and b"from-file-78" not in done.stdout
    done = millrace("config", "print", pipeline_file(GOOD.replace("very-secret-91", "file:/nowhere/password")))
    assert done.returncode == USAGE and "/nowhere/password" in errors(done)


def test_a_flink_cdc_file_runs_unchanged(pipeline_file):
    done = millrace("config", "print", pipeline_file(FLINK))
    assert done.returncode == OK, errors(done)
    text = done.stdout.decode()
    assert "sink.fenodes = 127.0.0.1:8030" in text
    assert "123456" not in text


MISTAKES = {
    "unknown key": ("scan.startup.mode:", "scan.startup.mod:",
                    r":7:3: .*'scan.startup.mod'.*Did you mean 'scan.startup.mode'\?"),
    "unknown key far from all": ("sink:\n", "sink:\n  frobnicate: 1\n", r":9:3: .*'frobnicate'"),
    "unknown block": ("sink:\n", "sinks:\n", r":8:1: .*'sinks'.*'sink'"),
    "wrong type": ("  username: u", "  username: u\n  port: many", r":5:3: .*port"),
    "out of range": ("  username: u", "  username: u\n  port: 70000", r":5:3: .*port.*65535"),
    "wrong duration": ("  username: u", "  username: u\n  connect.timeout: 3 fortnights", r":5:3: .*connect.timeout"),
    "wrong word": ("earliest-offset", "erliest-offset", r":7:3: .*scan.startup.mode.*earliest-offset"),
    "missing key": ("  username: u\n", "", r"username"),
    "missing host": ("  hostname: db.example.org\n", "", r"hostname is missing"),
    "missing tables": ("  tables: app.\\.*\n", "", r"tables"),
    "missing type": ("  type: mysql\n", "", r'the block "source:" has no "type:"'),
    "another type": ("type: mysql", "type: oracle", r'no source of type "oracle"'),
    "no sink": ("sink:\n  type: 'null'\n", "", r"sink"),
    "refused key": ("  username: u", "  username: u\n  metadata.list: op_ts", r":5:3: .*metadata.list.*transforms"),
    "refused value": ("  username: u", "  username: u\n  treat-tinyint1-as-boolean.enabled: true",
                      r"treat-tinyint1-as-boolean.enabled is true"),
    "refused debezium": ("  username: u", "  username: u\n  debezium.snapshot.mode: never", r"debezium.snapshot.mode"),
    "refused jdbc": ("  username: u", "  username: u\n  jdbc.properties.autoReconnect2: 1", r"autoReconnect2"),
    "bad pattern": ("app.\\.*", "app.[a", r"app\.\[a"),
    "pattern without a dot": ("app.\\.*", "app", r"app"),
    "transform": ("sink:\n", "transform:\n  - source-table: app.t\n    projection: a\nsink:\n", r":8:1: .*transform"),
    "route without a target": ("sink:\n", "route:\n  - source-table: app.t\nsink:\n", r":9:.*sink-table"),
    "route with an unknown key": ("sink:\n", "route:\n  - source-table: app.t\n    sink-table: b.t\n"
                                  "    sink-tabel: c.t\nsink:\n",
                                  r":11:5: .*sink-tabel"),
    "bad route": ("sink:\n", "route:\n  - source-table: app.(\n    sink-table: b.t\nsink:\n", r"app\.\("),
    "key twice": ("  username: u", "  username: u\n  username: v", r":5:3: .*username"),
    "not yaml": ("source:", "source: [", r":\d+:\d+: "),
    "an unset variable": ("db.example.org", "${H_NOT_SET}", r":3:.*H_NOT_SET"),
    "server-id": ("  username: u", "  username: u\n  server-id: 0", r"server-id is \"0\""),
    "tls without ca": ("  username: u", "  username: u\n  tls.mode: verify-ca", r"tls\.ca"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_file_is_one_clear_line(name, pipeline_file):
    find, replace, words = MISTAKES[name]
    text = GOOD.replace(find, replace, 1)
    assert text != GOOD
    environment = {key: "" for key in ("H_NOT_SET",) if key in os.environ}
    for command in ("config print", "check", "run"):
        done = millrace(*command.split(), pipeline_file(text), environment=environment)
        told = errors(done)
        assert done.returncode == USAGE, told
        assert told.startswith("millrace: ") and told.count("\n") == 1, told
        assert re.search(words, told), told
        assert "very-secret-91" not in told
        assert done.stdout == b""


def test_data_is_not_a_pipeline_file():
    done = millrace("decode", "/dev/null")
    assert done.returncode == DATA
