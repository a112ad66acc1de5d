#!/bin/sh
# build-rootfs.sh DIRECTORY ARCHITECTURE: builds a root file system with Python 3.11 from Debian bookworm's packages, as
# DIRECTORY/root.tar. It needs apt and dpkg, but neither root nor installed packages: apt works on a state of its own
# below DIRECTORY, and packages are unpacked, never installed, so none of their scripts runs. Progress goes to stderr,
# one line per step; the last line of a failure says how to fix it.
set -eu
umask 022
export LC_ALL=C

directory=$1
architecture=$2
root=$directory/root
log=$directory/log
# What every Debian system has, Python with its whole standard library, and the data that it reads: time zones,
# service names and media types.
packages='?essential usr-is-merged python3 python3-distutils python3-lib2to3 media-types netbase tzdata'

say() { printf '%s\n' "$*" >&2; }
give_up() {
    [ ! -s "$log" ] || tail -n 3 "$log" >&2
    say "$*"
    exit 1
}

for program in apt-get dpkg-deb tar; do
    command -v "$program" >/dev/null ||
        give_up "'$program' not found; on a system other than Debian or Ubuntu run 'docker pull python:3.11-slim'"
done

# apt is configured by files below DIRECTORY. The host's own settings are read first, for its proxy.
configure() {
    mkdir -p "$directory/$1/lists/partial" "$directory/$1/archives/partial"
    : >"$directory/$1/status"
    cat >"$directory/$1/apt.conf" <<END
#clear APT::Architectures;
#clear APT::Default-Release;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
APT::Architecture "$2";
APT::Architectures { "$2"; };
APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::Languages "none";
pkgCacheGen::ForceEssential "/";
Acquire::Retries "3";
Dir::State "$directory/$1";
Dir::State::Lists "$directory/$1/lists";
Dir::State::status "$directory/$1/status";
Dir::State::extended_states "$directory/$1/extended_states";
Dir::Cache "$directory/$1";
Dir::Cache::Archives "$directory/$1/archives";
Dir::Log "$directory/$1";
END
}
apt() { # NAME ARGUMENTS...
    configuration=$directory/$1/apt.conf
    shift
    (cd "$directory" && apt-get --quiet --config-file "$configuration" "$@" </dev/null >"$log" 2>&1)
}

# Debian's signatures are checked against Debian's keys: those of this machine, or, on a derivative such as Ubuntu,
# those in its package of these keys, which its own archive signs.
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -e "$keys" ]; then
    say "downloading the Debian archive keys from this system's package archive"
    configure host "$(dpkg --print-architecture)"
    if ! { apt host update && apt host download debian-archive-keyring; }; then
        give_up "cannot download the Debian archive keys; run 'apt-get install debian-archive-keyring' and try again"
    fi
    dpkg-deb -x "$directory"/debian-archive-keyring_*.deb "$directory/keys"
    keys=$directory/keys$keys
fi

# The Debian mirrors that this machine uses for the same release and its updates; without any, Debian's own servers.
sources() { # MIRROR RELEASE
    printf 'deb [signed-by=%s arch=%s target=Packages] %s %s main\n' "$keys" "$architecture" "$1" "$2"
}
debian() {
    sources http://deb.debian.org/debian bookworm
    sources http://deb.debian.org/debian bookworm-updates
    sources http://deb.debian.org/debian-security bookworm-security
}
mirrors() {
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' \
        'Component: main' 2>/dev/null | while read -r mirror release; do
        case $release in
            bookworm | bookworm-updates | bookworm-security) sources "$mirror" "$release" ;;
        esac
    done
}

say "downloading Debian bookworm's python3 and its dependencies"
configure image "$architecture"
cat >>"$directory/image/apt.conf" <<END
Dir::Etc::sourcelist "$directory/image/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
END
mirrors | sort -u >"$directory/image/sources.list"
if ! { grep -q ' bookworm main$' "$directory/image/sources.list" && apt image update; }; then
    debian >"$directory/image/sources.list"
    apt image update ||
        give_up "cannot download and verify Debian's package lists; check that http://deb.debian.org can be reached"
fi
# shellcheck disable=SC2086 # split into words on purpose
apt image install --yes --download-only $packages || give_up "cannot download the packages of the image; try again"

say "unpacking"
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
for package in "$directory"/image/archives/*.deb; do
    # Documentation and translations are left out.
    dpkg-deb --fsys-tarfile "$package" 2>>"$log" | tar -x -p -C "$root" --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
        --exclude='./usr/share/info/*' 2>>"$log" ||
        give_up "cannot unpack ${package##*/}; check that there is enough disk space for $directory"
done
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +

# What the packages' scripts would have created.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"
mkdir -p "$root/usr/local/bin"
ln -s mawk "$root/usr/bin/awk"
ln -s which.debianutils "$root/usr/bin/which"
ln -s /usr/bin/python3 "$root/usr/local/bin/python"

# A read-only root file system keeps no cache, so the standard library is compiled now, by the Python that was just
# unpacked. One of another architecture cannot run here.
PATH=$PATH:/usr/sbin:/sbin
python() {
    for loader in "$root"/lib64/ld-linux-x86-64.so.* "$root"/lib/ld-linux-aarch64.so.*; do
        if [ -e "$loader" ]; then
            PYTHONHOME=$root/usr "$loader" --library-path "$(echo "$root"/usr/lib/*-linux-gnu)" \
                "$root/usr/bin/python3.11" -s -S "$@"
            return
        fi
    done
    return 1
}
if ! { ldconfig -X -r "$root" && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    -s "$root" "$root/usr/lib/python3.11"; } >"$log" 2>&1; then
    say "cannot compile the standard library ahead of time, so agents will start more slowly"
fi

say "packing"
tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name -c -f "$directory/root.tar" .
