#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches the test suite of a server, for its DDL statements: suites.sh mariadb|mysql [DIR]
#
# fetch.sh says where it goes, what is printed and what the exit codes mean; there is no server in it that could run.
# shellcheck source=tests/support/servers/fetch.sh
. "$(dirname "$(readlink -f "$0")")/fetch.sh"

case ${1:-} in
    mariadb)
        fetch_begin "The test suite of MariaDB" 10.11 suite-mariadb "${2:-}"
        unpack_debian bookworm -- mariadb-test-data
        ;;
    mysql)
        fetch_begin "The test suite of MySQL" 9.7 suite-mysql "${2:-}"
        unpack_debian unstable -- mysql-testsuite
        ;;
    *)
        say "Usage: suites.sh mariadb|mysql [DIR]"
        exit 1
        ;;
esac
# The statements alone: the rest is a hundred times as large.
mkdir "$work/kept"
(cd "$tree" && find . -name '*.test' -print0 | tar --null --files-from=- -cf - | tar -C "$work/kept" -xf -)
[ -n "$(find "$work/kept" -name 'alter_table.test' -print -quit)" ] || unreachable "the package has no alter_table.test."
touch "$work/kept/.complete"
rm -rf "$dir"
mv "$work/kept" "$dir"
printf '%s\n' "$dir"
