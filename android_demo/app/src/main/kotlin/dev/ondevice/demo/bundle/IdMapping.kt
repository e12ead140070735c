package dev.ondevice.demo.bundle

/** Fills a history up to its fixed length. */
const val PADDING_ID = 0

/** Stands for anything that the vocabulary does not know. */
const val UNKNOWN_ID = 1

/** Ids below this one stand for no key; the first key has this id. */
const val RESERVED_IDS = 2

/** What an id outside the vocabulary counts as. */
enum class OutOfRange(val key: String, val id: Int) {
    UNKNOWN("unknown", UNKNOWN_ID),
    PADDING("padding", PADDING_ID),
}

/** Turns a history of any length into the ids of one call. */
class IdMapping(
    private val vocabularySize: Int,
    private val historyLength: Int,
    private val outOfRange: OutOfRange,
) {
    constructor(manifest: Manifest) : this(manifest.vocabularySize, manifest.historyLength, manifest.outOfRange)

    /**
     * Keeps the last ids, lets those outside the vocabulary count as the manifest says, and fills up with padding.
     *
     * @param history ids, oldest first.
     * @return as many ids as the model takes.
     */
    fun call(history: List<Int>): IntArray {
        val ids = IntArray(historyLength) { PADDING_ID }
        history.takeLast(historyLength).forEachIndexed { place, id ->
            ids[place] = if (id in 0 until vocabularySize) id else outOfRange.id
        }
        return ids
    }
}
