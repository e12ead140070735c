package dev.ondevice.demo.bundle

import dev.ondevice.demo.bundle.Bundle.Companion.MANIFEST_FILE
import dev.ondevice.demo.bundle.Bundle.Companion.MODEL_FILE
import dev.ondevice.demo.bundle.Bundle.Companion.TEST_VECTORS_FILE
import dev.ondevice.demo.bundle.Bundle.Companion.VOCABULARY_FILE

/** Reads a bundle and refuses one that this app can't serve. */
class BundleReader(source: BundleSource) {
    private val files = CheckedFiles(source)

    /**
     * Reads every file of the bundle and checks it against the manifest.
     *
     * @throws BundleException what is wrong, in one sentence.
     */
    fun read(): Bundle {
        val manifest = Manifest.of(JsonRecord.parse(MANIFEST_FILE, files.text(MANIFEST_FILE)))
        checkServed(manifest)
        val digests = manifest.sha256
        for (name in NEEDED) if (name !in digests) throw BundleException("$MANIFEST_FILE has no SHA-256 of $name.")
        for (name in digests.keys - NEEDED) files.checked(name, digests[name])
        val model = files.mapped(MODEL_FILE, digests[MODEL_FILE], manifest.fileBytes + manifest.appendedBytes)
        val vocabulary = vocabulary(manifest)
        val record = JsonRecord.parse(TEST_VECTORS_FILE, files.text(TEST_VECTORS_FILE, digests[TEST_VECTORS_FILE]))
        return Bundle(manifest, vocabulary, TestVectors.of(record, manifest, vocabulary), model)
    }

    private fun vocabulary(manifest: Manifest): Vocabulary {
        val lines = files.text(VOCABULARY_FILE, manifest.sha256[VOCABULARY_FILE]).split("\n")
        if (lines.last() != "") throw BundleException("$VOCABULARY_FILE is cut off: its last line has no end.")
        val (found, known) = lines.size - 1 to manifest.vocabularySize
        if (found != known) throw BundleException("$VOCABULARY_FILE has $found lines and the model knows $known ids.")
        return Vocabulary(lines.dropLast(1))
    }

    private companion object {
        val NEEDED = setOf(MODEL_FILE, VOCABULARY_FILE, TEST_VECTORS_FILE)
    }
}
