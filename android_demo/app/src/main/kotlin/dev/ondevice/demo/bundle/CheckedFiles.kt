package dev.ondevice.demo.bundle

import java.io.FileNotFoundException
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest
import java.util.Locale

/** Reads files of a bundle; each problem is a [BundleException] that names the file. */
internal class CheckedFiles(private val source: BundleSource) {
    /** Reads a file whose digest nobody knows. */
    fun text(name: String): String = decoded(name, bytes(name))

    /** Reads a text file of this SHA-256. */
    fun text(name: String, sha256: String?): String = decoded(name, checked(name, sha256))

    /** Reads a file of this SHA-256. */
    fun checked(name: String, sha256: String?): ByteArray =
        bytes(name).also { if (digest(ByteBuffer.wrap(it)) != sha256) throw changed(name) }

    /**
     * Maps a file of this SHA-256.
     *
     * @param size bytes that the file should have, so that one that was cut off can be called so.
     */
    fun mapped(name: String, sha256: String?, size: Long): ByteBuffer {
        val content = found(name) { source.map(name) }
        if (digest(content.duplicate()) == sha256) return content
        val cutOff = "$name is cut off: it has ${content.remaining()} of $size bytes."
        throw if (content.remaining() < size) BundleException(cutOff) else changed(name)
    }

    private fun bytes(name: String): ByteArray = found(name) { source.open(name).use { it.readBytes() } }

    private fun <T> found(name: String, read: () -> T): T =
        try {
            read()
        } catch (error: FileNotFoundException) {
            throw BundleException("The bundle has no file $name.", error)
        } catch (error: IOException) {
            throw BundleException("The bundle's file $name can't be read: ${error.message}.", error)
        }

    private fun decoded(name: String, bytes: ByteArray): String =
        try {
            // Unlike String(bytes), a decoder refuses what is not UTF-8.
            Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
        } catch (error: CharacterCodingException) {
            throw BundleException("$name can't be read: it is not UTF-8 text.", error)
        }

    private fun digest(content: ByteBuffer): String {
        val digest = MessageDigest.getInstance("SHA-256").apply { update(content) }.digest()
        return digest.joinToString("") { "%02x".format(Locale.ROOT, it) }
    }

    private fun changed(name: String) =
        BundleException("$name was changed since export: its SHA-256 is not the manifest's.")
}
