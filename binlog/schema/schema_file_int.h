/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of SQL text with the definitions of tables, as `mysqldump --no-data` and `mariadb-dump
 * --no-data` write it: CREATE TABLE, and what stands around it (USE, CREATE DATABASE, DROP TABLE IF
 * EXISTS, SET in versioned comments). Views, triggers, routines and rows are passed over.
 *
 * Deliberately not handled: DELIMITER, which stands only around what is passed over anyway; the
 * semicolons inside make pieces that are nothing, and are passed over too.
 */
#ifndef MILLRACE_BINLOG_SCHEMA_SCHEMA_FILE_INT_H
#define MILLRACE_BINLOG_SCHEMA_SCHEMA_FILE_INT_H

#include "history_int.h"

/* Reads the file into the history. Errors: RC_IO, RC_LIMIT, RC_CONFIG with file and line for a
 * definition that cannot be read. */
enum rc schema_file_read(const char *path, struct history *history, struct error *err) MUST_CHECK;

/* The same of text in memory; `path` is for messages. */
enum rc schema_text_read(const char *path, struct slice text, struct history *history,
                         struct error *err) MUST_CHECK;

#endif
