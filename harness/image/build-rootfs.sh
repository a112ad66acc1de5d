#!/bin/sh
# build-rootfs.sh FOLDER ARCHITECTURE: makes a root filesystem with Python 3.11 from Debian bookworm's
# packages, as FOLDER/root.tar. It needs apt and dpkg, and neither root nor anything installed: apt works
# on a state of its own below FOLDER, and packages are unpacked, never installed, so no script of theirs
# runs. What it does goes to stderr, one line a step; the last line of a failure says the mend.
set -eu
umask 022
export LC_ALL=C

folder=$1
architecture=$2
root=$folder/root
log=$folder/log
# What every Debian system has, Python with all of its standard library, and what it reads: names of time zones,
# services and media types.
packages='?essential usr-is-merged python3 python3-distutils python3-lib2to3 media-types netbase tzdata'

say() { printf '%s\n' "$*" >&2; }
give_up() {
    [ ! -s "$log" ] || tail -n 3 "$log" >&2
    say "$*"
    exit 1
}

for program in apt-get dpkg-deb tar; do
    command -v "$program" >/dev/null ||
        give_up "'$program' is missing, which Debian and Ubuntu have; on another system, pull python:3.11-slim by hand"
done

# apt is told of everything by files below FOLDER; the host's own settings are read before, for its proxy.
configure() {
    mkdir -p "$folder/$1/lists/partial" "$folder/$1/archives/partial"
    : >"$folder/$1/status"
    cat >"$folder/$1/apt.conf" <<END
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
Dir::State "$folder/$1";
Dir::State::Lists "$folder/$1/lists";
Dir::State::status "$folder/$1/status";
Dir::State::extended_states "$folder/$1/extended_states";
Dir::Cache "$folder/$1";
Dir::Cache::Archives "$folder/$1/archives";
Dir::Log "$folder/$1";
END
}
apt() { # NAME ARGUMENTS...
    configuration=$folder/$1/apt.conf
    shift
    (cd "$folder" && apt-get --quiet --config-file "$configuration" "$@" </dev/null >"$log" 2>&1)
}

# Debian's signatures are checked against Debian's keys: those of this machine, or, on a relative such as
# Ubuntu, those in the package of the keys, which that system's own archive signs.
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -e "$keys" ]; then
    say "getting the keys of Debian's archive from this system's own"
    configure host "$(dpkg --print-architecture)"
    if ! { apt host update && apt host download debian-archive-keyring; }; then
        give_up "the keys of Debian's archive cannot be had; 'apt-get install debian-archive-keyring' brings them"
    fi
    dpkg-deb -x "$folder"/debian-archive-keyring_*.deb "$folder/keys"
    keys=$folder/keys$keys
fi

# Mirrors of Debian that this machine uses for the same release, with their updates; else Debian's own.
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

say "getting Debian bookworm's python3, with all that it needs"
configure image "$architecture"
cat >>"$folder/image/apt.conf" <<END
Dir::Etc::sourcelist "$folder/image/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
END
mirrors | sort -u >"$folder/image/sources.list"
if ! { grep -q ' bookworm main$' "$folder/image/sources.list" && apt image update; }; then
    debian >"$folder/image/sources.list"
    apt image update ||
        give_up "Debian's lists of packages could not be had and verified; check that http://deb.debian.org can be reached"
fi
# shellcheck disable=SC2086 # these are several words
apt image install --yes --download-only $packages || give_up "the packages of the image could not be downloaded"

say "unpacking"
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
for package in "$folder"/image/archives/*.deb; do
    # What no agent needs stays out.
    dpkg-deb --fsys-tarfile "$package" 2>>"$log" | tar -x -p -C "$root" --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
        --exclude='./usr/share/info/*' 2>>"$log" || give_up "${package##*/} could not be unpacked"
done
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +

# What the packages' scripts would have made.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
cp "$root/usr/share/libc-bin/nsswitch.conf" "$root/etc/nsswitch.conf"
mkdir -p "$root/usr/local/bin"
ln -s mawk "$root/usr/bin/awk"
ln -s which.debianutils "$root/usr/bin/which"
ln -s /usr/bin/python3 "$root/usr/local/bin/python"

# A read-only root keeps no caches, so what Python would compile at every start is compiled now, by the
# Python that was just unpacked. One of another architecture cannot run here.
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
    say "the standard library could not be compiled ahead, so agents start more slowly"
fi

say "packing"
tar -C "$root" --owner=0 --group=0 --numeric-owner --sort=name -c -f "$folder/root.tar" .
