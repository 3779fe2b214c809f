/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an error number means here. Numbers from 2000 on are the client library's own
 * (mariadb/errmsg.h), all others the server's; those of MySQL and MariaDB differ only above 1800.
 * The numbers are written out because the library's headers name only a part of the servers' ones.
 *
 * Everything that is not listed is RC_PROTOCOL: an answer that nobody foresaw, which must not be
 * retried for ever.
 */
#include "myconn_int.h"

#include "../base/clock.h"
#include "../base/endian.h"
#include "../base/text.h"

struct code_rule {
    int mysql_code;
    enum rc rc;
};

/* Sorted by number: the list is searched by halving. */
static const struct code_rule rules[] = {
    {1037, RC_BUSY},        /* server out of memory */
    {1038, RC_BUSY},        /* out of sort memory */
    {1040, RC_CONNECT},     /* too many connections */
    {1041, RC_BUSY},        /* out of resources */
    {1042, RC_CONNECT},     /* cannot get host name of this address */
    {1043, RC_CONNECT},     /* bad handshake */
    {1044, RC_DENIED},      /* access denied to a database */
    {1045, RC_AUTH},        /* access denied: user or password */
    {1046, RC_NOT_FOUND},   /* no database selected */
    {1049, RC_NOT_FOUND},   /* unknown database */
    {1051, RC_NOT_FOUND},   /* unknown table (DROP) */
    {1053, RC_CONNECT},     /* server shutdown in progress */
    {1077, RC_CONNECT},     /* normal shutdown */
    {1079, RC_CONNECT},     /* shutdown complete */
    {1080, RC_CONNECT},     /* forcing close of a thread */
    {1109, RC_NOT_FOUND},   /* unknown table in a clause */
    {1129, RC_AUTH},        /* host is blocked because of many connection errors */
    {1130, RC_AUTH},        /* host is not allowed to connect */
    {1135, RC_BUSY},        /* cannot create a thread */
    {1142, RC_DENIED},      /* command denied on a table */
    {1143, RC_DENIED},      /* command denied on a column */
    {1146, RC_NOT_FOUND},   /* no such table */
    {1152, RC_CONNECT},     /* aborted connection */
    {1153, RC_LIMIT},       /* packet larger than max_allowed_packet */
    {1154, RC_CONNECT},     /* read error from a connection pipe */
    {1155, RC_CONNECT},     /* fcntl error */
    {1156, RC_CONNECT},     /* packets out of order */
    {1157, RC_CONNECT},     /* cannot uncompress a packet */
    {1158, RC_CONNECT},     /* error reading packets */
    {1159, RC_CONNECT},     /* timeout reading packets */
    {1160, RC_CONNECT},     /* error writing packets */
    {1161, RC_CONNECT},     /* timeout writing packets */
    {1184, RC_CONNECT},     /* new connection aborted */
    {1189, RC_CONNECT},     /* network error reading from the source server */
    {1190, RC_CONNECT},     /* network error writing to the source server */
    {1203, RC_CONNECT},     /* user has max_user_connections already */
    {1205, RC_BUSY},        /* lock wait timeout */
    {1213, RC_BUSY},        /* deadlock */
    {1226, RC_CONNECT},     /* user is over a resource limit per hour */
    {1227, RC_DENIED},      /* a global privilege is missing */
    {1251, RC_AUTH},        /* authentication protocol not supported by this client */
    {1290, RC_DENIED},      /* a server option forbids the statement (read_only) */
    {1317, RC_CONNECT},     /* query interrupted: KILL */
    {1370, RC_DENIED},      /* routine denied */
    {1524, RC_AUTH},        /* authentication plugin not loaded at the server */
    {1698, RC_AUTH},        /* access denied without password */
    {1820, RC_AUTH},        /* the password must be changed first */
    {1836, RC_DENIED},      /* running in read-only mode */
    {1862, RC_AUTH},        /* the password has expired */
    {1927, RC_CONNECT},     /* MariaDB: connection was killed */
    {1969, RC_BUSY},        /* MariaDB: max_statement_time exceeded */
    {2000, RC_CONNECT},     /* unknown client error: the library lost track */
    {2001, RC_CONNECT},     /* cannot create a unix socket */
    {2002, RC_CONNECT},     /* cannot connect through the unix socket, or TCP refused */
    {2003, RC_CONNECT},     /* cannot connect to the host */
    {2004, RC_CONNECT},     /* cannot create a TCP socket */
    {2005, RC_CONNECT},     /* unknown host: name service may come back */
    {2006, RC_CONNECT},     /* server has gone away */
    {2007, RC_UNSUPPORTED}, /* protocol version mismatch */
    {2008, RC_MEMORY},      /* client out of memory */
    {2009, RC_CONNECT},     /* wrong host info */
    {2012, RC_CONNECT},     /* error in the handshake */
    {2013, RC_CONNECT},     /* connection lost */
    {2014, RC_PROTOCOL},    /* commands out of sync: a defect of ours */
    {2018, RC_CONFIG},      /* name of a pipe cannot be used */
    {2019, RC_CONFIG},      /* character set not known to the library */
    {2020, RC_LIMIT},       /* packet larger than the client allows */
    {2026, RC_AUTH},        /* TLS: certificates, keys, versions */
    {2027, RC_CONNECT},     /* malformed packet */
    {2055, RC_CONNECT},     /* connection lost, with the place */
    {2058, RC_AUTH},        /* authentication plugin already loaded */
    {2059, RC_AUTH},        /* authentication plugin of the client cannot be loaded */
    {2060, RC_AUTH},        /* duplicate connection attribute */
    {2061, RC_AUTH},        /* authentication plugin reported an error */
    {3024, RC_BUSY},        /* MySQL: max_execution_time exceeded */
    {3118, RC_AUTH},        /* MySQL: account locked */
    {3159, RC_CONFIG},      /* MySQL: require_secure_transport is on */
    {3169, RC_CONNECT},     /* MySQL: session was killed */
    {3955, RC_AUTH},        /* MySQL: account blocked after failed logins */
    {4031, RC_CONNECT},     /* MySQL: disconnected because of inactivity */
    {4151, RC_AUTH},        /* MariaDB: account locked */
};

enum rc myconn_error_code(int mysql_code)
{
    size_t low = 0;
    size_t high = COUNT_OF(rules);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules[middle].mysql_code == mysql_code)
            return rules[middle].rc;
        if (rules[middle].mysql_code < mysql_code)
            low = middle + 1;
        else
            high = middle;
    }
    return RC_PROTOCOL;
}

/* A TLS handshake fails for two reasons under one number (2026): certificates and settings, which
 * only a human mends, and a network that broke in the middle, which a new try mends. The library
 * writes the reason of the second sort as an errno in brackets at the end of its text. */
static bool tls_broke_on_the_way(const char *text)
{
    static const char *const signs[] = {"(104)", "(32)",           "(110)",
                                        "(107)", "unexpected eof", "Connection reset"};
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (strstr(text, signs[i]) != NULL)
            return true;
    return false;
}

enum rc myconn_failed(struct myconn *conn, const char *what, uint64_t started_us, struct error *err)
{
    int code = (int)mysql_errno(conn->mysql);
    const char *text = mysql_error(conn->mysql);
    enum rc rc = code == 0 ? RC_CONNECT : myconn_error_code(code);
    if (code == 2026 && tls_broke_on_the_way(text))
        rc = RC_CONNECT;
    if (rc == RC_CONNECT && started_us != 0 && conn->read_timeout_ms != 0 &&
        clock_monotonic_us() - started_us >= conn->read_timeout_ms * 1000)
        rc = RC_TIMEOUT;
    if (rc == RC_TIMEOUT)
        error_set(err, rc, "%s: %s did not answer within %llu ms", what, conn->label,
                  (unsigned long long)conn->read_timeout_ms);
    else if (text[0] == '\0')
        error_set(err, rc, "%s: the connection to %s was lost", what, conn->label);
    else
        error_set(err, rc, "%s: %s says: %s (error %d)", what, conn->label, text, code);
    if (err != NULL)
        err->mysql_code = code;
    return rc;
}

enum rc myconn_packet_error(struct slice payload, struct error *err)
{
    if (payload.len < 2)
        return error_set(err, RC_PROTOCOL,
                         "The server sent an error packet of %zu bytes, which "
                         "is too short to hold an error number.",
                         payload.len);
    int code = load_u16le(payload.ptr);
    struct slice text = slice_of(payload.ptr + 2, payload.len - 2);
    /* '#' and five characters of SQLSTATE, which servers leave out before the handshake is over. */
    if (text.len >= 6 && text.ptr[0] == '#')
        text = slice_of(text.ptr + 6, text.len - 6);
    enum rc rc = myconn_error_code(code);
    error_set(err, rc, "The server says: %.*s (error %d)", SLICE_ARG(text), code);
    if (err != NULL)
        err->mysql_code = code;
    return rc;
}
