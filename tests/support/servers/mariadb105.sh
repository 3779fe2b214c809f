#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches MariaDB 10.5 for the tests: mariadb105.sh [DIR]
#
# It is the MariaDB of Debian 11. fetch.sh says where it goes, what is printed and what the exit codes mean.
# shellcheck source=tests/support/servers/fetch.sh
. "$(dirname "$(readlink -f "$0")")/fetch.sh"

fetch_begin MariaDB 10.5 mariadb-10.5 "${1:-}"
unpack_debian bullseye mariadb-server-core-10.5 mariadb-client-core-10.5 -- mariadb-server-10.5 mariadb-client-10.5 # mariadb-binlog
wrap mariadbd mariadb mariadb-binlog
fetch_end mariadbd
