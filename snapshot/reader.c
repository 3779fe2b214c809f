/* SPDX-License-Identifier: Apache-2.0 */
/* What the snapshot's threads share: the lock, the failure that ends them, connections and what an error
 * there means. */
#include "reader_int.h"

void reader_lock(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
}

void reader_unlock(struct reader *reader)
{
    pthread_mutex_unlock(&reader->lock);
}

void reader_wake(struct reader *reader)
{
    pthread_cond_broadcast(&reader->changed);
}

void reader_fail(struct reader *reader, const struct error *err)
{
    if (reader->failure.rc == RC_OK)
        reader->failure = *err;
}

enum rc reader_check(struct reader *reader, struct error *err)
{
    if (atomic_load(&reader->stopping))
        return error_set(err, RC_CANCELLED, "The snapshot was stopped.");
    reader_lock(reader);
    enum rc rc = reader->failure.rc;
    if (rc != RC_OK && err != NULL)
        *err = reader->failure;
    reader_unlock(reader);
    return rc;
}

enum rc reader_connect(struct reader *reader, struct session *session, struct error *err)
{
    struct session fresh;
    if (session->conn != NULL)
        return RC_OK;
    enum rc rc = session_open(&fresh, reader->connection, err);
    if (rc != RC_OK)
        return rc;
    reader_lock(reader);
    *session = fresh;
    reader->grace_ms = fresh.sight == SESSION_SIGHT_GRACE ? fresh.grace_ms : 0;
    reader->expiry_s = fresh.expiry_s;
    bool stopping = atomic_load(&reader->stopping);
    reader_unlock(reader);
    if (stopping)
        return error_set(err, RC_CANCELLED, "The snapshot was stopped.");
    return RC_OK;
}

void reader_disconnect(struct reader *reader, struct session *session)
{
    reader_lock(reader);
    struct session old = *session;
    session->conn = NULL;
    reader_unlock(reader);
    session_close(&old);
}

enum rc reader_control(struct reader *reader, struct session **session_out, struct error *err)
{
    struct error lost = {0};
    if (reader->control.conn != NULL &&
        myconn_exec(reader->control.conn, SLICE("DO 0"), &lost) != RC_OK)
        reader_disconnect(reader, &reader->control);
    *session_out = &reader->control;
    return reader_connect(reader, &reader->control, err);
}

enum trouble reader_trouble(const struct error *err)
{
    switch (err->mysql_code) {
    case 1049: /* unknown database */
    case 1054: /* unknown column */
    case 1146: /* no such table */
    case 1176: /* no such key */
    case 1412: /* the table's definition has changed */
        return TROUBLE_SHAPE;
    case 1031: /* the engine cannot do this now (a tablespace is discarded) */
    case 1814: /* tablespace discarded */
        return TROUBLE_SHAPE;
    default:
        return err->class == ERROR_RETRY ? TROUBLE_PASSING : TROUBLE_FATAL;
    }
}

void reader_hint(const struct table *table, struct error *err)
{
    if (err->rc == RC_DENIED)
        error_hint(err,
                   "GRANT SELECT ON `%.*s`.* TO the user of the source, and REPLICATION CLIENT "
                   "(MariaDB: BINLOG MONITOR) ON *.*.",
                   SLICE_ARG(table->db));
}
