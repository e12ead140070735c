#!/bin/sh
# Put what the app uses of all classes into shrunk.jar.
# Environment: OUT folder to write to, which holds classes/; SCRIPTS folder of this file; TFLITE folder of the unpacked
# AARs; FRAMEWORK, KOTLIN, JSON archives of classes; TOOLS class path of ProGuard; JAVA_HOME the JDK.
set -eu
cd "$OUT"
rm -f shrunk.jar

# Short runs: the second compiler of the virtual machine costs more than it gains.
"$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$TOOLS" proguard.ProGuard \
    -include "$SCRIPTS/shrink.pro" -include named-in-resources.pro \
    -include "$TFLITE/tensorflow-lite/proguard.txt" -include "$TFLITE/tensorflow-lite-api/proguard.txt" \
    -injars "classes:$TFLITE/tensorflow-lite/classes.jar:$TFLITE/tensorflow-lite-api/classes.jar" \
    -injars "$KOTLIN(!META-INF/**,!**.kotlin_*):$JSON(!META-INF/**,!module-info.class)" -outjars shrunk.jar \
    -libraryjars "$FRAMEWORK(android/**.class)" -libraryjars "$JAVA_HOME/jmods/java.base.jmod(!**.jar;!module-info.class)" \
    -libraryjars "$JAVA_HOME/jmods/java.logging.jmod(!**.jar;!module-info.class)"
