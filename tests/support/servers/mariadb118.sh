#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches MariaDB 11.8 for the tests: mariadb118.sh [DIR]
#
# It is the MariaDB of Debian 13. fetch.sh says where it goes, what is printed and what the exit codes mean.
# shellcheck source=tests/support/servers/fetch.sh
. "$(dirname "$(readlink -f "$0")")/fetch.sh"

fetch_begin MariaDB 11.8 mariadb-11.8 "${1:-}"
unpack_debian trixie mariadb-server-core mariadb-client-core -- mariadb-server mariadb-client # mariadb-binlog
wrap mariadbd mariadb mariadb-binlog
fetch_end mariadbd
