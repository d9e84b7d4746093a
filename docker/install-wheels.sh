#!/bin/sh
# Installs the locked wheels for TARGET (Debian's name) into FOLDER, on whatever processor this is.
# Byte code is compiled here and never checked against its source: the file system is read-only.
#
# usage: install-wheels.sh TARGET LOCK FOLDER
set -eu

target=$1 lock=$2 folder=$3
case $target in
arm64) machine=aarch64 ;;
*) machine=x86_64 ;;
esac
platforms="--platform manylinux2014_$machine"
minor=36 # Debian 12's glibc is 2.36, and manylinux names begin at 2.17
while [ "$minor" -ge 17 ]; do
    platforms="$platforms --platform manylinux_2_${minor}_$machine"
    minor=$((minor - 1))
done
# shellcheck disable=SC2086 # a list of words
pip install --quiet --require-hashes --no-deps --no-compile --only-binary :all: \
    --python-version 3.11 --implementation cp $platforms --target "$folder" --requirement "$lock"
rm -rf "${folder:?}/bin"
find "$folder" -name tests -type d -prune -exec rm -rf {} +
PYTHONPATH=/build python3 -m zeroidle_image.botocore_data "$folder/botocore/data"
python3 -m compileall -q --invalidation-mode unchecked-hash "$folder"
