package dev.ondevice.demo.bundle

/**
 * One call and what the reference model answers, as `test_vectors.json` has it.
 *
 * @property edge whether it holds unusual ids and not a real history.
 * @property ids the ids of the call.
 * @property items the reference's best items or labels, perhaps more than the file returns.
 * @property keys names of the first of them, as many as the file returns.
 * @property scores their scores, falling.
 * @property scoreRange largest minus smallest score of the reference.
 */
class TestVector(
    val name: String,
    val edge: Boolean,
    val ids: IntArray,
    val items: IntArray,
    val keys: List<String>,
    val scores: DoubleArray,
    val scoreRange: Double,
)

/** A text and the ids it must become, so that the tokenizer can be checked. */
class TextVector(val text: String, val ids: IntArray) {
    /** The beginning of the text in one line. */
    val title get() = text.trim().replace(BLANKS, " ").take(TITLE_LENGTH)

    private companion object {
        val BLANKS = Regex("\\s+")
        const val TITLE_LENGTH = 40
    }
}

/** The content of `test_vectors.json`. */
class TestVectors(val vectors: List<TestVector>, val texts: List<TextVector>) {
    companion object {
        /**
         * Reads the file and checks that it is about this model.
         *
         * @throws BundleException a field is missing or of another type, or a vector is about another model.
         */
        fun of(record: JsonRecord, manifest: Manifest, vocabulary: Vocabulary): TestVectors {
            val vectors = record.records("vectors").map(::vectorOf)
            val texts = record.records("texts", emptyList()).map(::textOf)
            if (vectors.isEmpty()) throw misfit("it has no vectors")
            vectors.forEach { check(it, manifest) { id -> nameOf(id, manifest, vocabulary) } }
            for (text in texts) {
                if (text.ids.size != manifest.historyLength) {
                    throw misfit("text '${text.title}': ${lengths(text.ids, manifest)}")
                }
            }
            return TestVectors(vectors, texts)
        }

        private fun vectorOf(record: JsonRecord) = TestVector(
            name = record.text("name"),
            edge = record.truth("edge"),
            ids = record.wholes("ids").toIntArray(),
            items = record.wholes("items").toIntArray(),
            keys = record.texts("keys"),
            scores = record.numbers("scores").toDoubleArray(),
            scoreRange = record.number("score_range"),
        )

        private fun textOf(record: JsonRecord) = TextVector(record.text("text"), record.wholes("ids").toIntArray())

        private fun check(vector: TestVector, manifest: Manifest, nameOf: (Int) -> String?) {
            val who = "vector '${vector.name}'"
            if (vector.ids.size != manifest.historyLength) throw misfit("$who: ${lengths(vector.ids, manifest)}")
            if (vector.scores.size != vector.items.size || vector.items.size < manifest.topK) {
                throw misfit("$who: it has ${vector.items.size} items and ${vector.scores.size} scores")
            }
            if (vector.keys.size != manifest.topK) {
                throw misfit("$who: it has ${vector.keys.size} keys instead of ${manifest.topK}")
            }
            vector.keys.forEachIndexed { place, key ->
                val id = vector.items[place]
                val found = nameOf(id) ?: throw misfit("$who: the model has no id $id")
                if (found != key) throw BundleException(otherNames(manifest.task, id, found, key))
            }
        }

        private fun nameOf(id: Int, manifest: Manifest, vocabulary: Vocabulary): String? =
            when (manifest.task) {
                Task.RANKING -> if (id in 0 until vocabulary.size) vocabulary.item(id).key else null
                Task.TEXT, Task.CLICKS -> manifest.labels.getOrNull(id)
            }

        // With another vocabulary, each right answer would name a wrong item.
        private fun otherNames(task: Task, id: Int, found: String, expected: String): String =
            when (task) {
                Task.RANKING -> "vocab.txt is not this model's: it calls id $id '$found', expected is '$expected'."
                Task.TEXT, Task.CLICKS ->
                    "The labels are not this model's: label $id is '$found', expected is '$expected'."
            }

        private fun lengths(ids: IntArray, manifest: Manifest) =
            "it has ${ids.size} ids instead of ${manifest.historyLength}"

        private fun misfit(what: String) = BundleException("test_vectors.json does not fit the model: $what.")
    }
}
