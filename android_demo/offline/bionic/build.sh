#!/bin/sh
# Builds what bionic.c describes into the folder $1.
set -eu
mkdir -p "$1"
cc -std=gnu11 -Wall -Wextra -Werror -O1 -fno-builtin -fPIC -shared -Wl,-soname,liblog.so \
    -o "$1/liblog.so" "$(dirname "$0")/bionic.c"
for name in c m dl; do
    cc -shared -nostdlib -Wl,-soname,"lib$name.so" -o "$1/lib$name.so" -x c /dev/null
done
