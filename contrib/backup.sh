#!/bin/sh
# Copies a store that is in use into an archive: backup.sh STORE ARCHIVE.tar.gz
#
# What refers to other files comes before them: everything that a copied file names is then in the copy. Files are replaced
# as a whole, so each is copied as it was at one moment.
set -eu
umask 077
store=$1
archive=$2
set --
for name in agents trials model round.json rankings.json versions rounds results expected quarantine; do
    if [ -e "$store/$name" ]; then
        set -- "$@" "$name"
    fi
done
status=0
tar --create --gzip --file "$archive.unfinished" --directory "$store" --exclude='.unfinished-*' \
    --ignore-failed-read --warning=no-file-changed --warning=no-file-removed "$@" || status=$?
# 1 means that a directory changed meanwhile, which is what the order is for.
if [ "$status" -gt 1 ]; then
    exit "$status"
fi
mv "$archive.unfinished" "$archive"
