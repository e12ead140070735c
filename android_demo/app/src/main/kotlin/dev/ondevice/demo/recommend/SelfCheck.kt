package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.HeadKind
import dev.ondevice.demo.bundle.TestVector
import dev.ondevice.demo.bundle.TextVector
import java.util.Locale
import kotlin.math.max

/**
 * What the self-check found.
 *
 * @property difference the first difference to the reference as a sentence, empty if there is none.
 * @property vectors number of calls compared.
 * @property texts number of texts whose ids were compared.
 * @property largestError largest difference to the reference, in steps of 1/255 of the range of its numbers.
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
            val answer = recommender.answer(vector.inputs)
            latency.add(answer.nanoseconds)
            val problem = Comparison.answerProblem(manifest, vector.inputs, answer.outputs)
            if (problem.isNotEmpty()) {
                differences += "Test vector '${vector.name}': $problem."
                continue
            }
            val error = Comparison.error(manifest, vector, answer.outputs)
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
        val feature = manifest.inputs.first { it.name == vector.feature }
        val found = feature.filled(bundle.wordIds(vector.text, feature).map(Int::toDouble)).map { it.toInt() }
        val place = found.indices.find { found[it] != vector.ids[it] } ?: return null
        return "Text '${vector.title}': word ${place + 1} has id ${found[place]}, expected is ${vector.ids[place]}."
    }

    private fun tooFar(vector: TestVector, error: Double): String {
        val (found, allowed) = listOf(error, manifest.scoreToleranceSteps).map { "%.2f".format(Locale.ROOT, it) }
        val what = if (manifest.head.kind == HeadKind.VALUES) "numbers" else "scores"
        return "Test vector '${vector.name}': $what differ by $found steps; $allowed are allowed."
    }
}
