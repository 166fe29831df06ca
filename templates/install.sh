#!/bin/sh
# Installs dbaudit on a machine of continuous integration, from its sources, unless DIRECTORY has it already (a cache kept it).
#
#   install.sh SOURCE DIRECTORY       SOURCE: a checkout of dbaudit; the program is DIRECTORY/bin/dbaudit
set -eu
[ $# -eq 2 ] || { echo "usage: install.sh SOURCE DIRECTORY" >&2; exit 2; }
if [ -x "$2/bin/dbaudit" ] && "$2/bin/dbaudit" --version; then
  exit 0
fi
"$1/scripts/deps" build
cmake -S "$1" -B "$1/build/install" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DDBAUDIT_TESTS=OFF
cmake --build "$1/build/install" --parallel "$(nproc)"
cmake --install "$1/build/install" --prefix "$2"
"$2/bin/dbaudit" --version
