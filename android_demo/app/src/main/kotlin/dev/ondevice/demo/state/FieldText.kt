package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Feature
import dev.ondevice.demo.bundle.FieldTokenizer
import dev.ondevice.demo.bundle.Kind
import java.math.BigDecimal

/** What a field holds is no input; the message says why. */
class FieldException(override val message: String) : Exception(message)

/**
 * What a person writes for an input: keys of the vocabulary, each on a line of its own, or a text where there is a
 * tokenizer; else numbers with commas or blanks between, 1 and 0 for what is true or false.
 */
class FieldText(private val bundle: Bundle, private val feature: Feature) {
    private val vocabulary = bundle.vocabularies[feature.name]

    /** Returns what stands for these numbers. */
    fun written(numbers: DoubleArray): String {
        val trimmed = feature.trimmed(numbers)
        return when {
            vocabulary == null -> trimmed.joinToString(", ", transform = ::plain)
            feature.tokenizer != null -> trimmed.joinToString(between()) { vocabulary.keyOrNull(it.toInt()).orEmpty() }
            else -> trimmed.joinToString("\n") { id ->
                if (id.toInt() in vocabulary.picked) vocabulary.item(id.toInt()).key else "$ID${id.toInt()}"
            }
        }
    }

    /**
     * Returns as many numbers as the input takes.
     *
     * @throws FieldException the text is no input.
     */
    fun read(text: String): DoubleArray {
        val numbers = when {
            vocabulary == null -> text.split(BETWEEN_NUMBERS).filter(String::isNotEmpty).map(::number)
            feature.tokenizer != null -> bundle.wordIds(text, feature).map(Int::toDouble)
            else -> text.lines().map(String::trim).filter(String::isNotEmpty).map(::keyed)
        }
        if (feature.padding == null && numbers.size != feature.length) {
            throw FieldException("${feature.length} needed, ${numbers.size} given")
        }
        return feature.filled(numbers)
    }

    private fun keyed(key: String): Double {
        val id = vocabulary?.id(key) ?: key.removePrefix(ID).toIntOrNull().takeIf { key.startsWith(ID) }
        return id?.toDouble() ?: throw FieldException("“$key” is none of the keys")
    }

    private fun number(text: String): Double {
        val number = text.toDoubleOrNull()?.takeIf { it.toFloat().isFinite() }
        if (number == null || (!feature.tensor.isFloat && number.toInt().toDouble() != number)) {
            throw FieldException("“$text” is no ${if (feature.tensor.isFloat) "number" else "whole number"}")
        }
        val last = if (feature.kind == Kind.BOOL) 1 else feature.size - 1
        if (last >= 0 && number !in 0.0..last.toDouble()) throw FieldException("$text is not one of 0 to $last")
        return number
    }

    private fun between() = if (feature.tokenizer is FieldTokenizer) "\n" else " "

    // The shortest decimal of a float32, and no point behind whole numbers.
    private fun plain(number: Double): String =
        if (feature.tensor.isFloat) BigDecimal("${number.toFloat()}").stripTrailingZeros().toPlainString()
        else "${number.toInt()}"

    private companion object {
        const val ID = "Id "
        val BETWEEN_NUMBERS = Regex("[,\\s]+")
    }
}
