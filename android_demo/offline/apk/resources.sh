#!/bin/sh
# Compile the app's resources and put them, the assets and the manifest into an archive; the class R comes out beside it.
# Environment: APP app folder, OUT folder to write to, FRAMEWORK archive of the Android framework.
set -eu

# The values that the Gradle build has; they are written there only.
value() {
    found=$(sed -n "s/^ *$1 = \"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$APP/build.gradle.kts")
    [ -n "$found" ] || { echo "resources.sh: app/build.gradle.kts sets no $1." >&2; exit 1; }
    printf %s "$found"
}

# The compiler leaves classes of sources that are gone.
rm -rf "$OUT/gen" "$OUT/classes" "$OUT/resources.apk" "$OUT/resources.zip"
mkdir -p "$OUT/gen"

# What Gradle takes from its build file and wants not to be in the manifest: the package, and that libraries are loaded
# from where they are in the APK.
sed -e "s/<manifest /<manifest package=\"$(value applicationId)\" /" \
    -e 's/<application$/<application android:extractNativeLibs="false"/' \
    "$APP/src/main/AndroidManifest.xml" >"$OUT/AndroidManifest.xml"

aapt2 compile --dir "$APP/src/main/res" -o "$OUT/resources.zip"
# A compressed asset can't be mapped into memory. The point counts: without it aapt2 compresses and says nothing.
aapt2 link -I "$FRAMEWORK" --manifest "$OUT/AndroidManifest.xml" --auto-add-overlay -A "$APP/src/main/assets" -0 .tflite \
    --min-sdk-version "$(value minSdk)" --target-sdk-version "$(value targetSdk)" \
    --version-code "$(value versionCode)" --version-name "$(value versionName)" \
    --java "$OUT/gen" --proguard "$OUT/named-in-resources.pro" -o "$OUT/resources.apk" "$OUT/resources.zip"
