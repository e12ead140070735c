package dev.ondevice.demo.bundle

import java.nio.ByteBuffer

/**
 * A bundle whose files are those its manifest describes.
 *
 * @property vocabularies keys by the name of their input.
 * @property model the `.tflite` file, mapped.
 */
class Bundle(
    val manifest: Manifest,
    val vocabularies: Map<String, Vocabulary>,
    val vectors: TestVectors,
    val model: ByteBuffer,
) {
    /** The keys of the one input that the tasks have. */
    val vocabulary get() = vocabularies.getValue(manifest.input.name)

    /** Returns the call of a task for these ids, oldest first. */
    fun callOf(ids: List<Int>): Values =
        mapOf(manifest.input.name to manifest.input.filled(ids.map(Int::toDouble)))

    /**
     * Returns one id per word of a text, or per field of a line, [UNKNOWN_ID] for what the vocabulary lacks.
     *
     * Without a tokenizer the text is one key.
     */
    fun wordIds(text: String, feature: Feature = manifest.input): List<Int> {
        val vocabulary = vocabularies.getValue(feature.name)
        val tokenizer = feature.tokenizer ?: return listOf(vocabulary.id(text) ?: feature.outside)
        return tokenizer.words(text).map { vocabulary.id(it) ?: UNKNOWN_ID }
    }

    /** Returns what people are shown of an id of the answer. */
    fun nameOf(answer: Int): String {
        val key = nameOf(answer, manifest, vocabularies) ?: return "Id $answer"
        val titled = manifest.answered.takeIf { manifest.head.kind != HeadKind.PROBABILITIES }
        return titled?.let { vocabularies[it.name] }?.item(answer)?.name ?: key
    }

    companion object {
        const val MANIFEST_FILE = "manifest.json"
        const val MODEL_FILE = "model.tflite"
        const val TEST_VECTORS_FILE = "test_vectors.json"

        /** Stands for any word that a vocabulary does not know. */
        const val UNKNOWN_ID = 1

        /** Returns what an id of the answer is called, null if it has no name. */
        internal fun nameOf(answer: Int, manifest: Manifest, vocabularies: Map<String, Vocabulary>): String? =
            if (manifest.head.kind == HeadKind.PROBABILITIES) {
                manifest.head.labels.getOrNull(answer)
            } else {
                manifest.answered?.let { vocabularies[it.name] }?.keyOrNull(answer)
            }
    }
}
