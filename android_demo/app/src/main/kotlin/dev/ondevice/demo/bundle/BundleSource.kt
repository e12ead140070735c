package dev.ondevice.demo.bundle

import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer

/** Where the files of a bundle come from: the assets of the app on the phone, a folder on the JVM. */
interface BundleSource {
    /**
     * Opens a file for reading; the caller closes it.
     *
     * @throws FileNotFoundException the bundle has no such file.
     */
    @Throws(IOException::class)
    fun open(name: String): InputStream

    /**
     * Maps a file into memory, so that nothing is copied and the runtime reads the pages it needs.
     *
     * @return a direct buffer that stays valid as long as it is referenced.
     * @throws FileNotFoundException the bundle has no such file.
     */
    @Throws(IOException::class)
    fun map(name: String): ByteBuffer
}

/** A bundle that this app can't serve; the message is one sentence for the person who looks at the screen. */
class BundleException(override val message: String, cause: Throwable? = null) : Exception(message, cause)
