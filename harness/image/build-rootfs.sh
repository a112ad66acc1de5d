#!/bin/sh
# Makes a root filesystem with Python 3.11 from Debian bookworm's packages and writes it to stdout as a
# tar archive. What it does goes to stderr, one line a step; the last line of a failure says the mend.
set -eu

say() { printf '%s\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
    say "it needs root for a moment; run 'sudo harness image' (or 'sudo cargo xtask image') once"
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    say "debootstrap is missing; install it with 'apt-get install debootstrap', or use --setup"
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/arena-image.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
root=$folder/root
log=$folder/log

# The mirror that this machine uses for the same release, if it does; else debootstrap's own choice.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' \
    'Component: main' 2>/dev/null | head -n 1 || true)

say "installing Debian bookworm's python3 into an empty folder (about a minute)"
if ! debootstrap --variant=minbase --include=python3 bookworm "$root" $mirror >"$log" 2>&1; then
    tail -n 3 "$log" >&2
    say "debootstrap failed; check that Debian's package mirror can be reached"
    exit 1
fi

say "removing what no agent needs"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/debootstrap
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
ln -s /usr/bin/python3 "$root"/usr/local/bin/python
# A read-only root keeps no caches, so what Python would compile at every start is compiled now.
chroot "$root" /usr/bin/python3 -m compileall -q /usr/lib/python3.11 >"$log" 2>&1 || true

say "handing it to Docker"
tar -C "$root" --numeric-owner --sort=name --one-file-system -c .
