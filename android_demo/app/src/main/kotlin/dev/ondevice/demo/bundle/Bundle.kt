package dev.ondevice.demo.bundle

import java.nio.ByteBuffer

/**
 * A bundle whose files are those its manifest describes.
 *
 * @property model the `.tflite` file, mapped.
 */
class Bundle(val manifest: Manifest, val vocabulary: Vocabulary, val vectors: TestVectors, val model: ByteBuffer) {
    private val mapping = IdMapping(manifest)

    /** Returns the ids of the call for these items, oldest first. */
    fun callOf(items: List<Item>): IntArray = mapping.call(items.map { it.id })

    /**
     * Returns the ids of the call for a text.
     *
     * @throws IllegalStateException the bundle takes nothing that is typed.
     */
    fun callOf(text: String): IntArray = mapping.call(wordIds(text))

    /** Returns one id per word of the text, or per field of the line, [UNKNOWN_ID] for what the vocabulary lacks. */
    fun wordIds(text: String): List<Int> = checkNotNull(manifest.tokenizer).words(text).map(vocabulary::id)

    /** Returns what an id of the answer is called. */
    fun nameOf(answer: Int): String =
        when (manifest.task) {
            Task.RANKING -> vocabulary.item(answer).key
            Task.TEXT, Task.CLICKS -> manifest.labels[answer]
        }

    companion object {
        const val MANIFEST_FILE = "manifest.json"
        const val MODEL_FILE = "model.tflite"
        const val VOCABULARY_FILE = "vocab.txt"
        const val TEST_VECTORS_FILE = "test_vectors.json"
    }
}
