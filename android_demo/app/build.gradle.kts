import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

// The offline build reads `defaultConfig` from here.
android {
    namespace = "dev.ondevice.demo"
    compileSdk = 36

    defaultConfig {
        applicationId = "dev.ondevice.demo"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    // A compressed asset can't be mapped into memory.
    androidResources { noCompress += "tflite" }

    testOptions { unitTests.all { it.useJUnitPlatform() } }
}

kotlin { compilerOptions { jvmTarget = JvmTarget.JVM_1_8 } }

dependencies {
    implementation(libs.litert)
    implementation(libs.nanojson)
    testImplementation(libs.junit)
    testRuntimeOnly(libs.junit.launcher)
}

val checkBundle = tasks.register("checkBundle") {
    val manifest = layout.projectDirectory.file("src/main/assets/bundle/manifest.json").asFile
    doLast {
        if (!manifest.isFile) {
            throw GradleException("The app has no model: put one in with `ondevice android BUNDLE`, then build again.")
        }
    }
}

tasks.named("preBuild") { dependsOn(checkBundle) }
