package dev.ondevice.demo.bundle

/** Numbers by the name of the input or output that they are of, flat, row by row. */
typealias Values = Map<String, DoubleArray>

/** What the numbers of an input are. */
enum class Kind(val key: String) { IDS("ids"), NUMBER("number"), BOOL("bool") }

/** One input or output of the signature. */
data class Tensor(val name: String, val shape: List<Int>, val dtype: String) {
    /** Numbers per call. */
    val length get() = shape.fold(1, Int::times)

    /** Whether its numbers are fractions and not whole. */
    val isFloat get() = dtype.startsWith("float")

    override fun toString() = "$name: $dtype$shape"
}

/**
 * One input of the signature, and what becomes of what a person gives.
 *
 * @property size ids are below this number; 0 where no bound is known, and for other kinds.
 * @property outside what a key counts as that is not in the vocabulary.
 * @property padding fills places that nobody gives; null where each place must be given.
 * @property reserved ids below this one are no keys that a person could pick.
 * @property vocabulary file with one key per line; empty where there are no keys.
 * @property titles file with what each id is called, a line per id; empty where nothing has a title.
 * @property tokenizer how what is typed becomes keys; null where keys are picked.
 */
data class Feature(
    val tensor: Tensor,
    val kind: Kind,
    val size: Int,
    val outside: Int,
    val padding: Int?,
    val reserved: Int,
    val vocabulary: String,
    val titles: String,
    val tokenizer: Tokenizer?,
) {
    val name get() = tensor.name

    /** Numbers per call. */
    val length get() = tensor.length

    /** Returns the last numbers, as many as the input takes, filled with its padding behind. */
    fun filled(numbers: List<Double>): DoubleArray {
        val last = numbers.takeLast(length)
        return DoubleArray(length) { last.getOrElse(it) { (padding ?: 0).toDouble() } }
    }

    /** Returns numbers without the padding behind them. */
    fun trimmed(numbers: DoubleArray): List<Double> =
        if (padding == null) numbers.toList() else numbers.dropLastWhile { it == padding.toDouble() }
}
