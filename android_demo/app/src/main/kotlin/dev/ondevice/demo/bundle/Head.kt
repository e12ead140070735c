package dev.ondevice.demo.bundle

/**
 * What the outputs of a model are.
 *
 * @property answers name of the output with what is ranked, beside its scores; null where the outputs are any.
 */
enum class HeadKind(val key: String, val answers: String?) {
    TOP_K("top_k", "items"),
    PROBABILITIES("probabilities", "labels"),
    VALUES("values", null),
}

/** Ids of items or indexes of labels, best first, and their scores. */
class Ranked(val ids: IntArray, val scores: DoubleArray)

/**
 * What the model answers.
 *
 * @property k answers per call; 0 for values.
 * @property exclude input whose ids are left out of the answer, empty for none.
 * @property never ids below this one are never answered.
 * @property labels names of the labels by index.
 */
data class Head(val kind: HeadKind, val k: Int, val exclude: String, val never: Int, val labels: List<String>) {
    /** Returns the answer in the outputs of a model, null where it does not rank. */
    fun ranked(outputs: Values): Ranked? {
        val ids = outputs.getValue(kind.answers ?: return null)
        return Ranked(IntArray(ids.size) { ids[it].toInt() }, outputs.getValue(SCORES))
    }

    companion object {
        const val SCORES = "scores"
    }
}
