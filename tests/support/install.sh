#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages of a group (build, run, test or all; see packages.txt) that are missing:
#   tests/support/install.sh test
# Asks nothing. Does nothing when all are there. As root, or with a sudo that asks for no password; otherwise it
# says the one command to type and ends with 1. No service that a package brings is started.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

case ${1:-} in
    build) groups='build' ;;
    run) groups='build|run' ;;
    test) groups='build|run|test' ;;
    all) groups='build|run|test|all' ;;
    *)
        echo "usage: $0 build|run|test|all" >&2
        exit 2
        ;;
esac
mapfile -t wanted < <(sed -nE "s/^($groups) ([a-z0-9.+-]+)\$/\\2/p" "$here/packages.txt")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is not a Debian system, so nothing is installed. Millrace needs what these packages hold:" >&2
    echo "  ${wanted[*]}" >&2
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    # shellcheck disable=SC2016 # dpkg-query's own placeholder
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Packages are missing, and this user may not install them. Type:" >&2
        echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo -n)
fi

echo "Installing: ${missing[*]}" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
clean_up() {
    rm -f "$log"
    if [ "${our_policy:-}" = yes ]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap clean_up EXIT
# Debian's way to say that a package's service is not to be started when it is installed.
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    our_policy=yes
    "${as_root[@]}" chmod 755 "$policy"
fi
run() {
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        echo "This failed: $*" >&2
        exit 1
    fi
}
run apt-get -q update
run apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
