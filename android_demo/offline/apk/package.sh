#!/bin/sh
# Shrink the classes, turn them into Android's, and pack, align and sign the APK.
# Environment: APP app folder; OUT folder to write to, which holds classes/ and resources.apk; SCRIPTS folder of this
# file; TFLITE folder of the unpacked AARs; FRAMEWORK, KOTLIN, JSON archives of classes; TOOLS class path of ProGuard and
# dx; JAVA_HOME the JDK.
set -eu
cd "$OUT"
rm -rf shrunk.jar classes.dex lib unaligned.apk aligned.apk

tool() {
    # Short runs: the second compiler of the virtual machine costs more than it gains.
    "$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$TOOLS" "$@"
}

tool proguard.ProGuard -include "$SCRIPTS/shrink.pro" -include named-in-resources.pro \
    -include "$TFLITE/tensorflow-lite/proguard.txt" -include "$TFLITE/tensorflow-lite-api/proguard.txt" \
    -injars "classes:$TFLITE/tensorflow-lite/classes.jar:$TFLITE/tensorflow-lite-api/classes.jar" \
    -injars "$KOTLIN(!META-INF/**,!**.kotlin_*):$JSON(!META-INF/**,!module-info.class)" -outjars shrunk.jar \
    -libraryjars "$FRAMEWORK(android/**.class)" -libraryjars "$JAVA_HOME/jmods/java.base.jmod(!**.jar;!module-info.class)" \
    -libraryjars "$JAVA_HOME/jmods/java.logging.jmod(!**.jar;!module-info.class)"

# dx refuses what the oldest Android that the app is for can't run, as long as it is told which that is.
oldest=$(sed -n 's/^ *minSdk = //p' "$APP/build.gradle.kts")
tool com.android.dx.command.Main --dex --min-sdk-version="$oldest" --output=classes.dex shrunk.jar

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
