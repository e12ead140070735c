package dev.ondevice.demo.bundle

/** Cuts what is typed into the words that the vocabulary of a model lists. */
interface Tokenizer {
    /** What the manifest calls it. */
    val name: String

    /** Returns the words of the text in their order. */
    fun words(text: String): List<String>

    companion object {
        /**
         * Returns the tokenizer of this name.
         *
         * @throws BundleException this app has none of this name.
         */
        fun of(name: String, lowercase: Boolean, fields: List<String>): Tokenizer =
            when (name) {
                WordTokenizer.NAME -> WordTokenizer(lowercase)
                FieldTokenizer.NAME -> FieldTokenizer(fields)
                else -> throw BundleException(
                    "This app has the tokenizers ${WordTokenizer.NAME} and ${FieldTokenizer.NAME}; " +
                        "this bundle needs '$name'.",
                )
            }
    }
}

/**
 * Cuts where a character is neither ASCII letter nor digit nor apostrophe nor beyond ASCII.
 *
 * The rule knows no Unicode tables, so that every language and every version of it cuts alike.
 *
 * @param lowercase whether A to Z become a to z first; nothing else changes.
 */
data class WordTokenizer(private val lowercase: Boolean) : Tokenizer {
    override val name get() = NAME

    override fun words(text: String): List<String> {
        val words = mutableListOf<String>()
        var start = -1
        for (place in 0..text.length) {
            val inside = place < text.length && isPartOfWord(text[place])
            if (inside && start < 0) start = place
            if (!inside && start >= 0) {
                words += cased(text.substring(start, place))
                start = -1
            }
        }
        return words
    }

    // Not lowercase(): it follows Unicode, and with it the release of Android.
    private fun cased(word: String): String =
        if (lowercase) String(CharArray(word.length) { lower(word[it]) }) else word

    private fun lower(character: Char): Char = if (character in 'A'..'Z') character + ('a' - 'A') else character

    private fun isPartOfWord(character: Char): Boolean =
        when (character) {
            in 'a'..'z', in 'A'..'Z', in '0'..'9', '\'' -> true
            else -> character.code >= 0x80
        }

    companion object {
        const val NAME = "words"
    }
}

/**
 * Gives one word for each field: the last line that begins with the field's name and "=", or these alone.
 *
 * Blanks, tabs and carriage returns at the ends of a line do not count, and other lines are ignored.
 *
 * @param fields names of the fields, in the order of their words.
 */
data class FieldTokenizer(private val fields: List<String>) : Tokenizer {
    override val name get() = NAME

    override fun words(text: String): List<String> {
        val found = fields.associateTo(LinkedHashMap()) { "$it=" to "$it=" }
        for (line in text.split('\n')) {
            val word = line.trim { it in BLANKS }
            val name = word.substring(0, word.indexOf('=') + 1)
            if (name in found) found[name] = word
        }
        return found.values.toList()
    }

    companion object {
        const val NAME = "fields"
        private const val BLANKS = " \t\r"
    }
}
