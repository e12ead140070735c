package dev.ondevice.demo.bundle

import com.grack.nanojson.JsonObject
import com.grack.nanojson.JsonParser
import com.grack.nanojson.JsonWriter
import java.io.ByteArrayInputStream
import java.io.FileNotFoundException
import java.io.InputStream
import java.nio.ByteBuffer
import java.security.MessageDigest

/** A small hand-written bundle in memory, to be broken by tests; its model is no model. */
class Fixture(name: String) : BundleSource {
    val files = mutableMapOf(
        Bundle.MANIFEST_FILE to resource("$name/${Bundle.MANIFEST_FILE}"),
        vocabularyOf(name).let { it to resource("$name/$it") },
        Bundle.TEST_VECTORS_FILE to resource("$name/${Bundle.TEST_VECTORS_FILE}"),
        Bundle.MODEL_FILE to "TFL3 no model".toByteArray().copyOf(12),
    )

    init {
        seal()
    }

    override fun open(name: String): InputStream = ByteArrayInputStream(bytes(name))

    override fun map(name: String): ByteBuffer = ByteBuffer.wrap(bytes(name)).asReadOnlyBuffer()

    private fun bytes(name: String) = files[name] ?: throw FileNotFoundException(name)

    /** Lets the manifest have the digests of the files as they are now. */
    fun seal() = manifest { manifest ->
        val digests = JsonObject()
        for ((name, bytes) in files) if (name != Bundle.MANIFEST_FILE) digests[name] = sha256(bytes)
        manifest["sha256"] = digests
    }

    /** Changes the manifest. */
    fun manifest(change: (JsonObject) -> Unit): Fixture = json(Bundle.MANIFEST_FILE, change)

    /** Changes a file and lets the manifest have its digest. */
    fun file(name: String, change: (String) -> String): Fixture {
        files[name] = change(String(files.getValue(name))).toByteArray()
        return seal()
    }

    /** Changes the first test vector and lets the manifest have the file's digest. */
    fun vector(change: (JsonObject) -> Unit): Fixture {
        json(Bundle.TEST_VECTORS_FILE) { change(it.getArray("vectors").getObject(0)) }
        return seal()
    }

    /** Changes the record of an input in the manifest. */
    fun input(place: Int = 0, change: (JsonObject) -> Unit): Fixture =
        manifest { change(it.getArray("inputs").getObject(place)) }

    /** Changes the record of the head in the manifest. */
    fun head(change: (JsonObject) -> Unit): Fixture = manifest { change(it.getObject("head")) }

    fun read(): Bundle = BundleReader(this).read()

    private fun json(name: String, change: (JsonObject) -> Unit): Fixture {
        val content = JsonParser.`object`().from(String(files.getValue(name)))
        change(content)
        files[name] = JsonWriter.string(content).toByteArray()
        return this
    }

    companion object {
        fun ranking() = Fixture("ranking")

        fun text() = Fixture("text")

        fun clicks() = Fixture("clicks")

        fun own() = Fixture("own")

        private fun vocabularyOf(name: String) = if (name == "own") "vocab-songs.txt" else "vocab.txt"

        fun resource(path: String): ByteArray =
            checkNotNull(Fixture::class.java.getResourceAsStream("/$path")) { path }.use { it.readBytes() }

        private fun sha256(bytes: ByteArray) =
            MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
    }
}
