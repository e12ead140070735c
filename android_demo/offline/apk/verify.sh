#!/bin/sh
# Compare what the APK is made of and with, as Maven has fetched it, with the digests in artifacts.sha256. Maven itself and
# its own plugins are not among them: which files those need depends on its version; Maven checks them against the
# checksums beside them.
# Environment: REPOSITORY folder that Maven keeps what it fetches in.
set -eu
list=$(cd "$(dirname "$0")" && pwd)/artifacts.sha256
cd "$REPOSITORY"
if ! wrong=$(sha256sum --check --quiet "$list" 2>&1); then
    echo "verify.sh: not the artefacts that are pinned: $wrong" >&2
    exit 1
fi
