package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Head
import dev.ondevice.demo.bundle.HeadKind
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.bundle.Ranked
import dev.ondevice.demo.bundle.TestVector
import dev.ondevice.demo.bundle.Values
import kotlin.math.abs
import kotlin.math.max

/** The rule by which `ondevice/validation/contract.py` compares an answer with the reference's. */
object Comparison {
    private const val STEPS_PER_RANGE = 255

    /** Returns why the outputs of one call can't be shown at all, empty if they can. */
    fun unshowable(manifest: Manifest, outputs: Values): String {
        val odd = manifest.outputs.find { output -> output.isFloat && !outputs.getValue(output.name).all(Double::isFinite) }
        if (odd != null) return "not every number of ${odd.name} is finite"
        val head = manifest.head
        val ranked = head.ranked(outputs) ?: return ""
        val beyond = if (head.kind == HeadKind.PROBABILITIES) head.labels.size else manifest.answered?.size ?: 0
        val foreign = ranked.ids.find { it < head.never || (beyond > 0 && it >= beyond) } ?: return ""
        return "$foreign is none of the model's ${head.kind.answers}"
    }

    /** Returns what is wrong with one answer in itself, empty if nothing is. */
    fun answerProblem(manifest: Manifest, inputs: Values, outputs: Values): String {
        val unshowable = unshowable(manifest, outputs)
        if (unshowable.isNotEmpty()) return unshowable
        val head = manifest.head
        val ranked = head.ranked(outputs) ?: return ""
        val given = (inputs[head.exclude] ?: DoubleArray(0)).mapTo(HashSet()) { it.toInt() }
        return when {
            (1 until ranked.scores.size).any { ranked.scores[it] > ranked.scores[it - 1] } -> "scores do not fall"
            ranked.ids.toSet().size != ranked.ids.size -> "one of the ${head.kind.answers} is returned twice"
            ranked.ids.any { it in given } -> "an id of ${head.exclude} is returned"
            else -> ""
        }
    }

    /** Returns the largest difference of an answer to the reference's in steps; infinite where whole numbers differ. */
    fun error(manifest: Manifest, vector: TestVector, outputs: Values): Double {
        val head = manifest.head
        val ranked = head.ranked(outputs)
        val best = head.ranked(vector.outputs)
        if (ranked != null && best != null) return scoreError(ranked, best, vector.ranges.getValue(Head.SCORES))
        return manifest.outputs.maxOf { output ->
            val found = outputs.getValue(output.name)
            val expected = vector.outputs.getValue(output.name)
            when {
                output.isFloat -> valueError(found, expected, vector.ranges.getValue(output.name))
                mostlyFound(found, expected, output.dtype) -> 0.0
                else -> Double.POSITIVE_INFINITY
            }
        }
    }

    /**
     * Returns the largest score difference to the reference that one answer shows, in steps.
     *
     * What the reference does not list scores at most as much as the last it lists, and what is listed but not
     * answered scored at most as much as the last one answered, so both bound the difference from below. Swaps of
     * near ties therefore cost no more than the ties are apart.
     */
    fun scoreError(answer: Ranked, best: Ranked, range: Double): Double {
        val reference = best.ids.indices.associate { best.ids[it] to best.scores[it] }
        val lastListed = best.scores.last()
        val lastAnswered = answer.scores.last()
        val answered = answer.ids.toSet()
        var largest = 0.0
        answer.ids.forEachIndexed { place, id ->
            val score = answer.scores[place]
            val expected = reference[id]
            largest = max(largest, if (expected != null) abs(score - expected) else score - lastListed)
        }
        for (id in best.ids.take(answer.ids.size)) {
            if (id !in answered) largest = max(largest, reference.getValue(id) - lastAnswered)
        }
        return inSteps(largest, range)
    }

    private fun valueError(found: DoubleArray, expected: DoubleArray, range: Double): Double =
        inSteps(found.indices.maxOf { abs(found[it] - expected[it]) }, range)

    // At least half of the reference's whole numbers must be there, wherever they stand: near ties swap.
    private fun mostlyFound(found: DoubleArray, expected: DoubleArray, dtype: String): Boolean {
        val all = found.toSet()
        val there = expected.indices.count { if (dtype == "bool") expected[it] == found[it] else expected[it] in all }
        return 2 * there >= expected.size
    }

    private fun inSteps(difference: Double, range: Double): Double =
        if (range > 0) difference * STEPS_PER_RANGE / range else if (difference == 0.0) 0.0 else Double.POSITIVE_INFINITY
}
