#!/bin/sh
# Build the APK without the Android SDK and without Gradle: apk/target/ondevice-demo.apk. The bundle must be in the app.
# With the argument `missing`, print the names of programs that this needs and that are not there.
set -eu
cd "$(dirname "$0")"

# The JDK is more than `java`: `jar` and `keytool` come with it.
missing=""
for program in mvn java jar keytool aapt2 zipalign apksigner; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ "${1:-}" = missing ]; then
    echo $missing
    exit
fi
if [ -n "$missing" ]; then
    echo "build.sh: not on this machine:$missing." >&2
    exit 1
fi
if [ ! -f ../app/src/main/assets/bundle/manifest.json ]; then
    echo "build.sh: the app has no model: put one in with \`ondevice android BUNDLE\`." >&2
    exit 1
fi
exec mvn --batch-mode --no-transfer-progress --strict-checksums --file pom.xml --activate-profiles apk --projects tflite,apk package
