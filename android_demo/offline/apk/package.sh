#!/bin/sh
# Turn the classes into Android's, and pack, align and sign the APK.
# Environment: APP app folder; OUT folder to write to, which holds shrunk.jar and resources.apk; TFLITE folder of the
# unpacked AARs; TOOLS class path of dx; JAVA_HOME the JDK.
set -eu
cd "$OUT"
rm -rf classes.dex lib unaligned.apk aligned.apk ondevice-demo.apk

# dx refuses what the oldest Android that the app is for can't run, as long as it is told which that is.
oldest=$(sed -n 's/^ *minSdk = //p' "$APP/build.gradle.kts")
"$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$TOOLS" com.android.dx.command.Main \
    --dex --min-sdk-version="$oldest" --output=classes.dex shrunk.jar

cp resources.apk unaligned.apk
"$JAVA_HOME/bin/jar" --update --no-manifest --file unaligned.apk classes.dex
# The processor families that the Gradle build packs, too; stored, so that they are loaded from where they are.
for family in $(sed -n 's/^ *ndk { abiFilters += listOf(\(.*\)) }$/\1/p' "$APP/build.gradle.kts" | tr -d '",'); do
    mkdir -p "lib/$family"
    cp "$TFLITE/tensorflow-lite/jni/$family"/*.so "lib/$family/"
done
"$JAVA_HOME/bin/jar" --update --no-manifest --no-compress --file unaligned.apk lib

# Aligning comes before signing, since the signature covers the whole file.
zipalign -f -p 4 unaligned.apk aligned.apk
# Good for trying the app; made here and never published. Kept, so that a newer build installs over an older one.
[ -f throw-away.keystore ] || "$JAVA_HOME/bin/keytool" -genkeypair -keystore throw-away.keystore -storepass throw-away \
    -alias demo -keyalg RSA -keysize 2048 -validity 10000 -dname "CN=Demo" >/dev/null 2>&1
apksigner sign --ks throw-away.keystore --ks-pass pass:throw-away --min-sdk-version "$oldest" \
    --out ondevice-demo.apk aligned.apk
rm unaligned.apk aligned.apk
