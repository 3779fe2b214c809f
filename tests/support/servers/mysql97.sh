#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches MySQL 9.7 for the tests: mysql97.sh [DIR]
#
# Debian's stable releases carry no MySQL server, its unstable suite does. This unpacks the packages
# and everything they depend on into DIR, beside the system and without touching it, and leaves
# wrappers in DIR/bin (mysqld, mysql, mysqlbinlog, mysqladmin, mysqldump) that run the programs through the loader and
# the libraries of DIR. The last line printed is DIR. DIR defaults to
# ${MILLRACE_CACHE:-$HOME/.cache/millrace}/mysql-9.7; when it is there already, this is quick.
#
# The archive is the one that this machine's own apt uses; MILLRACE_DEBIAN_ARCHIVE names another.
#
# Exit codes: 0 there and working; 3 the archive cannot be reached or has no such package (tests then
# skip and say so); 1 anything else.
set -euo pipefail
umask 022

dir=${1:-${MILLRACE_CACHE:-$HOME/.cache/millrace}/mysql-9.7}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
stamp=$dir/.complete
series=9.7

say() { printf '%s\n' "$*" >&2; }
unreachable() {
    say "MySQL $series could not be fetched: $*"
    say "Tests that need it are skipped. Set MILLRACE_DEBIAN_ARCHIVE to a Debian archive that this machine reaches."
    exit 3
}

if [ -f "$stamp" ]; then
    printf '%s\n' "$dir"
    exit 0
fi
for tool in apt-get dpkg-deb flock; do
    command -v "$tool" >/dev/null || unreachable "the program $tool is missing; this needs a Debian system."
done

mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock"
if ! flock -n 9; then
    say "Waiting for another process that is fetching MySQL $series into $dir."
    flock -w 900 9 || { say "The lock $dir.lock was not released within 15 minutes."; exit 1; }
fi
if [ -f "$stamp" ]; then
    printf '%s\n' "$dir"
    exit 0
fi

work=$(mktemp -d "$dir.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The archive in use here, first one with a component `main` that is not a security or updates site.
archive() {
    if [ -n "${MILLRACE_DEBIAN_ARCHIVE:-}" ]; then
        printf '%s\n' "$MILLRACE_DEBIAN_ARCHIVE"
        return
    fi
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's placeholder, not the shell's.
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1 || true
}
uri=$(archive)
[ -n "$uri" ] || unreachable "this machine's apt knows no Debian archive."

# A root of apt's own: nothing is installed in it, so every dependency is downloaded.
root=$work/apt
mkdir -p "$root"/{etc/sources.list.d,etc/preferences.d,state/lists/partial,cache/archives/partial}
: >"$root/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || unreachable "$keyring is missing (package debian-archive-keyring)."
printf 'deb [signed-by=%s] %s unstable main\n' "$keyring" "$uri" >"$root/etc/sources.list"
apt=(apt-get -q -y
    -o Dir::Etc="$root/etc" -o Dir::Etc::SourceList="$root/etc/sources.list"
    -o Dir::Etc::SourceParts="$root/etc/sources.list.d"
    -o Dir::Etc::Preferences="$root/etc/preferences" -o Dir::Etc::PreferencesParts="$root/etc/preferences.d"
    -o Dir::State="$root/state" -o Dir::State::Status="$root/status"
    -o Dir::Cache="$root/cache" -o APT::Default-Release= -o APT::Install-Recommends=false
    -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3
    -o Acquire::http::Timeout=30 -o Debug::NoLocking=1
    # A mirror that is behind will do: what is fetched is signed all the same.
    -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false)

say "Fetching MySQL $series from Debian unstable; this is done once."
"${apt[@]}" -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; unreachable "the package lists of unstable cannot be read."; }
"${apt[@]}" --download-only install mysql-server-core mysql-client-core >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" >&2; unreachable "the packages mysql-server-core and mysql-client-core cannot be downloaded."; }

tree=$work/tree
mkdir "$tree"
for package in "$root"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$tree"
done

# Each program runs under the loader and the C library that came with it, found from the wrapper's
# own place so that the tree may be moved or linked to.
mkdir -p "$tree/bin"
if [ -L "$tree/bin" ]; then say "The unpacked tree has a link where bin/ is expected."; exit 1; fi
cat >"$tree/bin/.run" <<'WRAPPER'
#!/bin/sh
# Runs the program that this is called as, inside the unpacked tree.
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
name=$(basename -- "$0")
for loader in "$here"/usr/lib64/ld-linux-*.so.* "$here"/usr/lib/ld-linux-*.so.*; do
    [ -e "$loader" ] && break
done
libraries=
for folder in "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/mysql/private; do
    [ -d "$folder" ] && libraries=${libraries:+$libraries:}$folder
done
for program in "$here/usr/sbin/$name" "$here/usr/bin/$name"; do
    [ -x "$program" ] && exec "$loader" --library-path "$libraries" "$program" "$@"
done
echo "$name is not part of $here" >&2
exit 127
WRAPPER
chmod 755 "$tree/bin/.run"
for name in mysqld mysql mysqlbinlog mysqladmin mysqldump; do
    sed "s|^name=.*|name=$name|" "$tree/bin/.run" >"$tree/bin/$name"
    chmod 755 "$tree/bin/$name"
done
rm "$tree/bin/.run"

version=$("$tree/bin/mysqld" --no-defaults --version 2>&1) ||
    { say "The unpacked server does not run: $version"; exit 1; }
case $version in
    *" $series."*) ;;
    *) unreachable "unstable now has another series: $version" ;;
esac
printf '%s\n' "$version" >"$tree/.complete"
rm -rf "$dir"
mv "$tree" "$dir"
say "$version"
printf '%s\n' "$dir"
