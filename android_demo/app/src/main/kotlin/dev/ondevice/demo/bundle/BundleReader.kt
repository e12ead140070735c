package dev.ondevice.demo.bundle

import dev.ondevice.demo.bundle.Bundle.Companion.MANIFEST_FILE
import dev.ondevice.demo.bundle.Bundle.Companion.MODEL_FILE
import dev.ondevice.demo.bundle.Bundle.Companion.TEST_VECTORS_FILE

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
        val named = manifest.inputs.filter { it.vocabulary.isNotEmpty() }
        val titled = named.map { it.titles }.filter(String::isNotEmpty)
        val needed = setOf(MODEL_FILE, TEST_VECTORS_FILE) + named.map { it.vocabulary } + titled
        for (name in needed) if (name !in digests) throw BundleException("$MANIFEST_FILE has no SHA-256 of $name.")
        for (name in digests.keys - needed) files.checked(name, digests[name])
        val model = files.mapped(MODEL_FILE, digests[MODEL_FILE], manifest.fileBytes + manifest.appendedBytes)
        val vocabularies = named.associate { it.name to vocabulary(it, digests) }
        val record = JsonRecord.parse(TEST_VECTORS_FILE, files.text(TEST_VECTORS_FILE, digests[TEST_VECTORS_FILE]))
        val vectors = TestVectors.of(record, manifest) { Bundle.nameOf(it, manifest, vocabularies) }
        return Bundle(manifest, vocabularies, vectors, model)
    }

    private fun vocabulary(feature: Feature, digests: Map<String, String>): Vocabulary {
        val titles = if (feature.titles.isEmpty()) emptyList() else lines(feature.titles, feature, digests)
        return Vocabulary(lines(feature.vocabulary, feature, digests), feature.reserved, titles)
    }

    private fun lines(name: String, feature: Feature, digests: Map<String, String>): List<String> {
        val lines = files.text(name, digests[name]).split("\n")
        if (lines.last() != "") throw BundleException("$name is cut off: its last line has no end.")
        val (found, known) = lines.size - 1 to feature.size
        if (found != known) throw BundleException("$name has $found lines and the model knows $known ids.")
        return lines.dropLast(1)
    }
}
