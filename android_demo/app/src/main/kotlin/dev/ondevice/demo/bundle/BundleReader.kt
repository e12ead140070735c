package dev.ondevice.demo.bundle

import java.io.FileNotFoundException
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest
import java.util.Locale

/** Reads a bundle and refuses one that this app can't serve. */
class BundleReader(private val source: BundleSource) {
    /**
     * Reads every file of the bundle and checks it against the manifest.
     *
     * @throws BundleException what is wrong, in one sentence.
     */
    fun read(): Bundle {
        val manifest = Manifest.of(JsonRecord.parse(Bundle.MANIFEST_FILE, text(Bundle.MANIFEST_FILE, bytes(Bundle.MANIFEST_FILE))))
        checkSignature(manifest)
        checkLabels(manifest)
        for (name in listOf(Bundle.MODEL_FILE, Bundle.VOCABULARY_FILE, Bundle.TEST_VECTORS_FILE)) {
            if (name !in manifest.sha256) throw BundleException("${Bundle.MANIFEST_FILE} has no SHA-256 of $name.")
        }
        for (name in manifest.sha256.keys.filter { it !in READ_WHOLE && it != Bundle.MODEL_FILE }) checked(manifest, name)
        val model = model(manifest)
        val vocabulary = vocabulary(manifest)
        val vectors = text(Bundle.TEST_VECTORS_FILE, checked(manifest, Bundle.TEST_VECTORS_FILE))
        return Bundle(
            manifest,
            vocabulary,
            TestVectors.of(JsonRecord.parse(Bundle.TEST_VECTORS_FILE, vectors), manifest, vocabulary),
            model,
        )
    }

    private fun checkSignature(manifest: Manifest) {
        val task = manifest.task
        val answers = listOf(1, manifest.topK)
        val inputs = listOf(Tensor("ids", listOf(1, manifest.historyLength), "int32"))
        val outputs = listOf(Tensor(task.answers, answers, "int32"), Tensor("scores", answers, "float32"))
        val same = manifest.signature == task.signature && manifest.inputs == inputs && manifest.outputs.toSet() == outputs.toSet()
        if (!same) {
            val found = written(manifest.signature, manifest.inputs, manifest.outputs)
            val served = written(task.signature, inputs, outputs)
            throw BundleException("This app can't serve the signature $found; for the task ${task.key} it serves $served.")
        }
    }

    private fun written(signature: String, inputs: List<Tensor>, outputs: List<Tensor>) =
        "$signature(${inputs.joinToString()}) -> ${outputs.joinToString()}"

    private fun checkLabels(manifest: Manifest) {
        if (manifest.task != Task.TEXT) return
        if (manifest.labels.size != manifest.topK) {
            throw BundleException("The model answers ${manifest.topK} labels and the manifest names ${manifest.labels.size}.")
        }
        if (manifest.tokenizer == null) throw BundleException("The manifest does not say which tokenizer the model needs.")
    }

    private fun model(manifest: Manifest): ByteBuffer {
        val model = found(Bundle.MODEL_FILE) { source.map(Bundle.MODEL_FILE) }
        val promised = manifest.fileBytes + manifest.appendedBytes
        val digest = MessageDigest.getInstance(DIGEST).apply { update(model.duplicate()) }.digest()
        if (hex(digest) != manifest.sha256[Bundle.MODEL_FILE]) {
            if (model.remaining() < promised) {
                throw BundleException("${Bundle.MODEL_FILE} is cut off: it has ${model.remaining()} of $promised bytes.")
            }
            throw changed(Bundle.MODEL_FILE)
        }
        return model
    }

    private fun vocabulary(manifest: Manifest): Vocabulary {
        val lines = text(Bundle.VOCABULARY_FILE, checked(manifest, Bundle.VOCABULARY_FILE)).split("\n")
        if (lines.last().isNotEmpty()) throw BundleException("${Bundle.VOCABULARY_FILE} is cut off: its last line has no end.")
        val keys = lines.dropLast(1)
        if (keys.size != manifest.vocabularySize) {
            throw BundleException(
                "${Bundle.VOCABULARY_FILE} has ${keys.size} lines and the model knows ${manifest.vocabularySize} ids.",
            )
        }
        return Vocabulary(keys)
    }

    private fun checked(manifest: Manifest, name: String): ByteArray {
        val bytes = bytes(name)
        if (hex(MessageDigest.getInstance(DIGEST).digest(bytes)) != manifest.sha256[name]) throw changed(name)
        return bytes
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

    private fun text(name: String, bytes: ByteArray): String =
        try {
            // Unlike String(bytes), a decoder refuses what is not UTF-8.
            Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
        } catch (error: CharacterCodingException) {
            throw BundleException("$name can't be read: it is not UTF-8 text.", error)
        }

    private fun changed(name: String) = BundleException("$name was changed since export: its SHA-256 is not the manifest's.")

    private fun hex(digest: ByteArray) = digest.joinToString("") { "%02x".format(Locale.ROOT, it) }

    private companion object {
        const val DIGEST = "SHA-256"
        val READ_WHOLE = setOf(Bundle.VOCABULARY_FILE, Bundle.TEST_VECTORS_FILE)
    }
}
