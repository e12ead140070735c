package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.bundle.RESERVED_IDS
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.bundle.TestVector
import dev.ondevice.demo.bundle.TextVector
import java.util.Locale
import kotlin.math.abs
import kotlin.math.max

/**
 * What the self-check found.
 *
 * @property difference the first difference to the reference as a sentence, empty if there is none.
 * @property vectors number of calls compared.
 * @property texts number of texts whose ids were compared.
 * @property largestError largest score difference to the reference, in steps of 1/255 of the range of its scores.
 * @property allowedError largest that counts as equal.
 * @property latency times of these calls; null if there were none.
 */
data class SelfCheckResult(
    val difference: String,
    val vectors: Int,
    val texts: Int,
    val largestError: Double,
    val allowedError: Double,
    val latency: LatencySummary?,
) {
    val passed get() = difference.isEmpty()
}

/** Compares this device's answers with the reference's, by the rule of `ondevice/validation/contract.py`. */
class SelfCheck(private val bundle: Bundle, private val recommender: Recommender) {
    private val manifest = bundle.manifest

    /**
     * Answers every test vector of the bundle, and cuts its texts.
     *
     * @throws RecommenderException the runtime failed.
     */
    fun run(): SelfCheckResult {
        val vectors = bundle.vectors.vectors
        val texts = bundle.vectors.texts
        val latency = Latency(kept = max(vectors.size, 1))
        val differences = texts.mapNotNull(::textDifference).toMutableList()
        var largest = 0.0
        for (vector in vectors) {
            val answer = recommender.answer(vector.ids)
            latency.add(answer.nanoseconds)
            val problem = answerProblem(manifest, vector.ids, answer)
            if (problem.isNotEmpty()) {
                differences += "Test vector '${vector.name}': $problem."
                continue
            }
            val error = scoreError(answer, vector)
            largest = max(largest, error)
            if (error > manifest.scoreToleranceSteps) differences += tooFar(vector, error)
        }
        return SelfCheckResult(
            differences.firstOrNull().orEmpty(),
            vectors.size,
            texts.size,
            largest,
            manifest.scoreToleranceSteps,
            latency.summary(),
        )
    }

    private fun textDifference(vector: TextVector): String? {
        val found = bundle.callOf(vector.text)
        val place = found.indices.find { found[it] != vector.ids[it] } ?: return null
        return "Text '${vector.title}': word ${place + 1} has id ${found[place]}, expected is ${vector.ids[place]}."
    }

    private fun tooFar(vector: TestVector, error: Double): String {
        val (found, allowed) = listOf(error, manifest.scoreToleranceSteps).map { "%.2f".format(Locale.ROOT, it) }
        return "Test vector '${vector.name}': scores differ by $found steps; $allowed are allowed."
    }

    companion object {
        private const val STEPS_PER_RANGE = 255

        /** Returns why one answer can't be shown at all, empty if it can. */
        fun unshowable(manifest: Manifest, answer: Answer): String {
            val first = if (manifest.task == Task.RANKING) RESERVED_IDS else 0
            val end = if (manifest.task == Task.RANKING) manifest.vocabularySize else manifest.labels.size
            val foreign = answer.ids.find { it !in first until end }
            return when {
                answer.scores.any { it.isNaN() || it.isInfinite() } -> "scores are not finite"
                foreign != null -> "$foreign is none of the model's ${manifest.task.answers}"
                else -> ""
            }
        }

        /** Returns what is wrong with one answer in itself, empty if nothing is. */
        fun answerProblem(manifest: Manifest, ids: IntArray, answer: Answer): String {
            val given = answer.ids.toSet()
            val unshowable = unshowable(manifest, answer)
            return when {
                unshowable.isNotEmpty() -> unshowable
                (1 until answer.scores.size).any { answer.scores[it] > answer.scores[it - 1] } -> "scores do not fall"
                given.size != answer.ids.size -> "one of the ${manifest.task.answers} is returned twice"
                manifest.excludesHistory && ids.any { it in given } -> "an item of the history is returned"
                else -> ""
            }
        }

        /**
         * Returns the largest score difference to the reference that one answer shows, in steps.
         *
         * What the reference does not list scores at most as much as the last it lists, and what is listed but not
         * answered scored at most as much as the last one answered, so both bound the difference from below. Swaps of
         * near ties therefore cost no more than the ties are apart.
         */
        fun scoreError(answer: Answer, vector: TestVector): Double {
            val reference = vector.items.indices.associate { vector.items[it] to vector.scores[it] }
            val lastListed = vector.scores.last()
            val lastAnswered = answer.scores.last().toDouble()
            val answered = answer.ids.toSet()
            var largest = 0.0
            answer.ids.forEachIndexed { place, id ->
                val score = answer.scores[place].toDouble()
                val expected = reference[id]
                largest = max(largest, if (expected != null) abs(score - expected) else score - lastListed)
            }
            for (id in vector.items.take(answer.ids.size)) {
                if (id !in answered) largest = max(largest, reference.getValue(id) - lastAnswered)
            }
            val step = vector.scoreRange / STEPS_PER_RANGE
            return if (step > 0) largest / step else if (largest == 0.0) 0.0 else Double.POSITIVE_INFINITY
        }
    }
}
