package dev.ondevice.demo.bundle

/**
 * One call and what the reference model answers, as `test_vectors.json` has it.
 *
 * @property edge whether it holds unusual ids and not real ones.
 * @property inputs the numbers of every input.
 * @property outputs the reference's; of a head that ranks its best answers, perhaps more than the file returns.
 * @property ranges largest minus smallest number of each output of fractions.
 * @property keys names of the first answers, as many as the file returns; none where answers have no names.
 */
class TestVector(
    val name: String,
    val edge: Boolean,
    val inputs: Values,
    val outputs: Values,
    val ranges: Map<String, Double>,
    val keys: List<String>,
)

/** A text and the ids that it must become for an input, so that the tokenizer can be checked. */
class TextVector(val feature: String, val text: String, val ids: IntArray) {
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
         * @param nameOf what an id of the answer is called, null if it has no name.
         * @throws BundleException a field is missing or of another type, or a vector is about another model.
         */
        fun of(record: JsonRecord, manifest: Manifest, nameOf: (Int) -> String?): TestVectors {
            val vectors = record.records("vectors").map(::vectorOf)
            val texts = record.records("texts", emptyList()).map(::textOf)
            if (vectors.isEmpty()) throw misfit("it has no vectors")
            for (vector in vectors) {
                check(vector, manifest)
                checkNames(vector, manifest, nameOf)
            }
            for (text in texts) {
                val feature = manifest.inputs.find { it.name == text.feature && it.vocabulary.isNotEmpty() }
                    ?: throw misfit("text '${text.title}': '${text.feature}' has no vocabulary")
                checkSize("text '${text.title}'", feature.tensor, text.ids.size)
            }
            return TestVectors(vectors, texts)
        }

        private fun vectorOf(record: JsonRecord) = TestVector(
            name = record.text("name"),
            edge = record.truth("edge"),
            inputs = record.numbersByName("inputs"),
            outputs = record.numbersByName("outputs"),
            ranges = record.numberByName("ranges"),
            keys = record.texts("keys", emptyList()),
        )

        private fun textOf(record: JsonRecord) =
            TextVector(record.text("feature"), record.text("text"), record.wholes("ids").toIntArray())

        private fun check(vector: TestVector, manifest: Manifest) {
            val who = "vector '${vector.name}'"
            for (feature in manifest.inputs) checkSize(who, feature.tensor, vector.inputs[feature.name]?.size)
            for (output in manifest.outputs) {
                val (name, size) = output.name to vector.outputs[output.name]?.size
                if (manifest.head.kind == HeadKind.VALUES) checkSize(who, output, size)
                if (output.isFloat && name !in vector.ranges) throw misfit("$who: it has no range of $name")
            }
            val best = manifest.head.kind.answers ?: return
            val (items, scores) = listOf(best, Head.SCORES).map { vector.outputs[it]?.size ?: 0 }
            if (items != scores || items < manifest.head.k) throw misfit("$who: it has $items $best and $scores scores")
        }

        private fun checkNames(vector: TestVector, manifest: Manifest, nameOf: (Int) -> String?) {
            val ids = manifest.head.ranked(vector.outputs)?.ids ?: return
            val wanted = if (nameOf(ids.first()) == null && vector.keys.isEmpty()) 0 else manifest.head.k
            val who = "vector '${vector.name}'"
            if (vector.keys.size != wanted) throw misfit("$who: it has ${vector.keys.size} keys instead of $wanted")
            vector.keys.forEachIndexed { place, key ->
                val found = nameOf(ids[place]) ?: throw misfit("$who: the model has no name for id ${ids[place]}")
                if (found != key) throw BundleException(otherNames(manifest, ids[place], found, key))
            }
        }

        // With another vocabulary, each right answer would name a wrong item.
        private fun otherNames(manifest: Manifest, id: Int, found: String, expected: String): String {
            val file = manifest.answered?.vocabulary
                ?: return "The labels are not this model's: label $id is '$found', expected is '$expected'."
            return "$file is not this model's: it calls id $id '$found', expected is '$expected'."
        }

        private fun checkSize(who: String, tensor: Tensor, found: Int?) {
            if (found != tensor.length) {
                throw misfit("$who: it has ${found ?: 0} numbers of ${tensor.name} instead of ${tensor.length}")
            }
        }

        private fun misfit(what: String) = BundleException("test_vectors.json does not fit the model: $what.")
    }
}
