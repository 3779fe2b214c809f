# SPDX-License-Identifier: Apache-2.0
"""DDL statements out of a server's own test suite (mysqltest's language): what a grammar's authors thought of.

Only whole statements are taken: lines for the test program itself (--error, let, eval, if, ...) and statements with its
variables are left out. What the server refuses when they are run one after the other never reaches its binlog.
"""

from __future__ import annotations

import pathlib
import re

# By what they are about; every suite has most of them.
FILES = ["alter_table", "alter_table_online", "alter_table-big", "create", "create_table", "rename", "truncate", "drop",
         "key", "null_key", "type_decimal", "type_float", "type_enum", "type_set", "type_blob", "type_varchar", "type_year",
         "type_time", "type_date", "type_datetime", "type_timestamp", "type_bit", "type_newdecimal", "type_uint",
         "type_ranges", "default", "invisible_field", "column_compression", "gis", "ctype_utf8", "ctype_ucs",
         "ctype_utf8mb4", "ctype_latin1", "ctype_create", "partition", "comments", "keywords", "ansi", "sql_mode",
         "mysql_comments", "create_or_replace", "alter_table_errors", "auto_increment", "strict", "check_constraint",
         "foreign_key", "functional_index", "invisible_indexes", "instant_add_drop_column", "columns", "identifier",
         "gcol_keys_innodb", "temp_table", "bigint", "insert", "view", "ps"]
WORDS = re.compile(r"(CREATE|ALTER|DROP|RENAME|TRUNCATE|SET\s+(SESSION\s+|@@)?(session\.)?sql_mode|USE)\b", re.I)
# Statements that reach beyond the tables of a test, or depend on files; tables of MERGE, whose keys are none; and what
# is made of a query: lengths and precisions that come from its values are in no statement.
UNFIT = re.compile(r"\bSELECT\b|\bMERGE\b|\bMRG_MYISAM\b|\$|\bmysql\b|\bperformance_schema\b|\binformation_schema\b|\bSONAME\b|\bDIRECTORY\b|"
                   r"^(CREATE|ALTER|DROP|RENAME)\s+(OR\s+REPLACE\s+)?(USER|ROLE|SERVER|LOGFILE|TABLESPACE|UNDO|INSTANCE|"
                   r"RESOURCE|FUNCTION|PROCEDURE|EVENT|TRIGGER|DEFINER)|\bTEMPORARY\b|\bGLOBAL\b|~~", re.I)
COMMANDS = re.compile(r"\s*(--|#|let\b|eval\b|if\b|while\b|\}|source\b|connect|disconnect\b|echo\b|error\b|die\b|inc\b|dec\b|"
                      r"exec\b|write_file|append_file|remove_file|perl\b|sleep\b|skip\b|send\b|reap\b|query|replace_|"
                      r"disable_|enable_|sorted_result|vertical_results|horizontal_results|assert|save_master_pos|sync_)",
                      re.I)


def statements(path: pathlib.Path) -> list[str]:
    """The DDL of one file in its order."""
    delimiter, found, gathered = ";", [], ""
    for line in path.read_bytes().decode("utf-8", errors="ignore").splitlines():
        changed = re.match(r"\s*(?:--\s*)?delimiter\s+(\S+?);?\s*$", line, re.I)
        if changed and not gathered.strip():
            delimiter = changed.group(1)
            continue
        if not gathered.strip() and COMMANDS.match(line):
            continue
        gathered += line + "\n"
        while delimiter in gathered:
            statement, gathered = gathered.split(delimiter, 1)
            statement = statement.strip()
            if delimiter == ";" and statement.count("'") % 2:  # it was inside a text
                gathered = statement + "," + gathered
                break
            # The client waits for the end of what it takes for an open text or comment.
            is_whole = all(statement.count(quote) % 2 == 0 for quote in "'\"`") and \
                statement.count("/*") == statement.count("*/") and not re.search(r"(^|\s)(#|--\s)", statement)
            if is_whole and WORDS.match(statement) and not UNFIT.search(statement) and len(statement) < 20000:
                found.append(statement)
    return found


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    places = [folder / "usr" / "share" / "mysql" / "mysql-test" / "main", folder / "usr" / "lib" / "mysql-test" / "t",
              folder / "usr" / "lib" / "mysql-testsuite" / "t", folder / "usr" / "share" / "mysql-test" / "t"]
    place = next((one for one in places if one.is_dir()), None)
    if place is None:
        place = next((path.parent for path in sorted(folder.rglob("alter_table.test"))), folder)
    return [path for name in FILES for path in [place / f"{name}.test"] if path.exists()]
