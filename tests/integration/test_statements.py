# SPDX-License-Identifier: Apache-2.0
"""Every kind of statement that a server counts (Com_...) is on one of the engine's lists, on the right one.

A statement is passed over because it is known to be of no matter, never because it is not known: what is on no list is
taken for a change of every table that it names (binlog/sql_int.h). A kind that a server has and the lists have not is
found here.
"""

from __future__ import annotations

import pytest

import ddl_compare
import servers

# Commands of the protocol, which are no statements.
NOT_STATEMENTS = ("admin_commands", "stmt_", "empty_query")
# Kinds whose names are not the words that they begin with.
WORDS = {"alter_db": "ALTER DATABASE", "alter_db_upgrade": "ALTER DATABASE `#mysql50#a` UPGRADE DATA DIRECTORY NAME",
         "assign_to_keycache": "CACHE INDEX", "call_procedure": "CALL", "change_db": "USE",
         "change_repl_filter": "CHANGE REPLICATION FILTER", "compound_sql": "BEGIN NOT ATOMIC", "create_db": "CREATE DATABASE",
         "create_udf": "CREATE FUNCTION", "dealloc_sql": "DEALLOCATE PREPARE", "delete_multi": "DELETE", "drop_db": "DROP DATABASE",
         "execute_sql": "EXECUTE", "explain_other": "EXPLAIN FOR CONNECTION", "group_replication_start": "START GROUP_REPLICATION",
         "group_replication_stop": "STOP GROUP_REPLICATION", "ha_close": "HANDLER", "ha_open": "HANDLER", "ha_read": "HANDLER",
         "insert_select": "INSERT INTO", "load": "LOAD DATA", "preload_keys": "LOAD INDEX", "prepare_sql": "PREPARE",
         "purge_before_date": "PURGE BINARY LOGS", "replace_select": "REPLACE INTO", "replica_start": "START REPLICA",
         "replica_stop": "STOP REPLICA", "set_option": "SET", "update_multi": "UPDATE", "xa_recover": "XA RECOVER"}
CHANGE_TABLES = {"alter_db", "alter_db_upgrade", "alter_table", "create_db", "create_index", "create_table", "drop_db",
                 "drop_index", "drop_table", "rename_table", "truncate"}


@pytest.fixture
def model():
    program = ddl_compare.model_program()
    if program is None:
        pytest.fail("The program ddl_model is not built; it is a target of the tests' build.")
    opened = ddl_compare.Model(program)
    yield opened
    opened.close()


def expect_all_listed(model, server) -> None:
    text = server.value("SELECT VERSION()")
    major, minor = (int(part) for part in text.split(".")[:2])
    told: dict[str, set[str]] = {}
    for line in server.query("SHOW GLOBAL STATUS LIKE 'Com\\_%'").splitlines():
        name = line.split("\t")[0].removeprefix("Com_")
        if name.startswith(NOT_STATEMENTS):
            continue
        words = WORDS.get(name, name.replace("_", " ").upper())
        answer = model.tell({"classify": f"/* a */ {words} `a`.`b`", "mariadb": "MariaDB" in text,
                             "version": major * 10000 + minor * 100})
        told.setdefault(answer["kind"], set()).add(name)
    assert "unknown" not in told, f"on no list: {sorted(told['unknown'])}"
    assert told["changes tables"] <= CHANGE_TABLES
    assert told["changes tables"] >= CHANGE_TABLES - {"alter_db_upgrade"}  # MySQL has dropped that one
    assert len(told["irrelevant"]) > 80


@pytest.mark.parametrize("family", list(servers.FAMILIES))
def test_every_kind_of_statement_is_listed(started, model, family):
    expect_all_listed(model, started(family))


@pytest.mark.long
@pytest.mark.parametrize("family", list(servers.MORE_FAMILIES))
def test_every_kind_of_other_versions_is_listed(started, model, family):
    expect_all_listed(model, started(family))
