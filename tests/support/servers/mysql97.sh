#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches MySQL 9.7 for the tests: mysql97.sh [DIR]
#
# Debian's stable releases carry no MySQL server, its unstable suite does. fetch.sh says where it goes, what is printed
# and what the exit codes mean.
# shellcheck source=tests/support/servers/fetch.sh
. "$(dirname "$(readlink -f "$0")")/fetch.sh"

fetch_begin MySQL 9.7 mysql-9.7 "${1:-}"
unpack_debian unstable mysql-server-core mysql-client-core
wrap mysqld mysql mysqlbinlog mysqladmin mysqldump
fetch_end mysqld
