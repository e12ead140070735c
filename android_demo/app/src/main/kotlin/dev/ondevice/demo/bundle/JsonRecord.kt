package dev.ondevice.demo.bundle

import com.grack.nanojson.JsonArray
import com.grack.nanojson.JsonObject
import com.grack.nanojson.JsonParser
import com.grack.nanojson.JsonParserException

/**
 * A JSON object read strictly: a field that is missing or of another type is an error that names it.
 *
 * Fields that nobody asks for are left alone, so that a newer exporter may add some.
 *
 * @param file file the object stands in, for messages.
 * @param path where it stands in that file, empty at the top.
 */
class JsonRecord private constructor(
    private val file: String,
    private val path: String,
    private val fields: JsonObject,
) {
    fun text(name: String): String = required(name, "a string")

    fun text(name: String, default: String): String = if (has(name)) text(name) else default

    fun truth(name: String): Boolean = required(name, "true or false")

    fun truth(name: String, default: Boolean): Boolean = if (has(name)) truth(name) else default

    /** Reads a whole number of up to 32 bits. */
    fun whole(name: String): Int = narrow(required(name, WHOLE)) ?: throw misfit(name, WHOLE)

    fun whole(name: String, default: Int): Int = if (has(name)) whole(name) else default

    /** Reads a whole number that may be absent or null. */
    fun wholeOrNull(name: String): Int? = if (fields[name] == null) null else whole(name)

    /** Reads a whole number of up to 64 bits. */
    fun count(name: String): Long = widen(required(name, WHOLE)) ?: throw misfit(name, WHOLE)

    fun count(name: String, default: Long): Long = if (has(name)) count(name) else default

    fun number(name: String): Double = required<Number>(name, "a number").toDouble()

    fun texts(name: String): List<String> = list(name, "a list of strings")

    fun texts(name: String, default: List<String>): List<String> = if (has(name)) texts(name) else default

    fun wholes(name: String): List<Int> {
        val kind = "a list of whole numbers"
        return list<Number>(name, kind).map { narrow(it) ?: throw misfit(name, kind) }
    }

    fun record(name: String): JsonRecord = JsonRecord(file, "$path$name.", required(name, "an object"))

    /** Reads an object that may be absent or null. */
    fun recordOrNull(name: String): JsonRecord? = if (fields[name] == null) null else record(name)

    fun records(name: String): List<JsonRecord> =
        list<JsonObject>(name, "a list of objects").mapIndexed { place, fields ->
            JsonRecord(file, "$path$name[$place].", fields)
        }

    fun records(name: String, default: List<JsonRecord>): List<JsonRecord> = if (has(name)) records(name) else default

    /** Reads an object whose values are numbers. */
    fun numberByName(name: String): Map<String, Double> = record(name).let { it.fields.keys.associateWith(it::number) }

    /** Reads an object whose values are lists of numbers; true and false are 1 and 0. */
    fun numbersByName(name: String): Map<String, DoubleArray> =
        record(name).let { inside -> inside.fields.keys.associateWith { inside.numbers(it) } }

    /** Reads an object whose values are strings. */
    fun textsByName(name: String): Map<String, String> = record(name).let { it.fields.keys.associateWith(it::text) }

    private fun numbers(name: String): DoubleArray {
        val kind = "a list of numbers"
        val values = list<Any>(name, kind).map { if (it is Boolean) (if (it) 1 else 0) else it }
        return values.map { (it as? Number ?: throw misfit(name, kind)).toDouble() }.toDoubleArray()
    }

    // The parser makes a number Int, Long or BigInteger by its number of digits, not by its value.
    private fun widen(number: Number): Long? = if (number is Int || number is Long) number.toLong() else null

    private fun narrow(number: Number): Int? =
        widen(number)?.let { if (it in Int.MIN_VALUE..Int.MAX_VALUE) it.toInt() else null }

    private fun has(name: String) = fields.containsKey(name)

    private inline fun <reified T> required(name: String, kind: String): T {
        if (!has(name)) throw unfit("$path$name is missing")
        return fields[name] as? T ?: throw misfit(name, kind)
    }

    private inline fun <reified T> list(name: String, kind: String): List<T> =
        required<JsonArray>(name, kind).map { it as? T ?: throw misfit(name, kind) }

    private fun misfit(name: String, kind: String) = unfit("$path$name is not $kind")

    private fun unfit(what: String) = BundleException("$file does not fit this app: field $what.")

    companion object {
        private const val WHOLE = "a whole number"

        /**
         * Reads the object that a file consists of.
         *
         * @throws BundleException the text is not one JSON object.
         */
        fun parse(file: String, text: String): JsonRecord =
            try {
                JsonRecord(file, "", JsonParser.`object`().from(text))
            } catch (error: JsonParserException) {
                val place = "at line ${error.linePosition}, character ${error.charPosition}"
                throw BundleException("$file can't be read: it is no JSON object, $place.", error)
            }
    }
}
