package dev.ondevice.demo.recommend

import org.junit.jupiter.api.condition.EnabledIfSystemProperty
import org.junit.jupiter.api.extension.BeforeAllCallback
import org.junit.jupiter.api.extension.ExtendWith
import org.junit.jupiter.api.extension.ExtensionContext
import java.io.File

/** Marks tests that need bundles and the app's own runtime, which needs what Android's C library has. */
@Target(AnnotationTarget.CLASS)
@EnabledIfSystemProperty(named = "bundles", matches = ".+", disabledReason = "no bundles were given")
@ExtendWith(LoadBionic::class)
annotation class RealRuntime

class LoadBionic : BeforeAllCallback {
    override fun beforeAll(context: ExtensionContext) {
        for (name in listOf("c", "m", "dl", "log")) System.load("${System.getProperty("bionic")}/lib$name.so")
    }
}

/** Returns a file of the folder that the tests were given. */
fun givenFile(path: String) = File(System.getProperty("bundles"), path)

/** Returns the bundles that the tests were given under a name. */
fun bundles(name: String): List<File> = checkNotNull(givenFile(name).listFiles()).sorted()
