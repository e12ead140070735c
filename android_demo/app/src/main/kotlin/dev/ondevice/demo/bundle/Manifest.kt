package dev.ondevice.demo.bundle

/**
 * What a model is for.
 *
 * @property head what its outputs are; null for a model of one's own, which may have any.
 * @property tokenizer how what is typed becomes keys of the vocabulary; null where items are picked from it.
 */
enum class Task(val key: String, val head: HeadKind?, val tokenizer: String?) {
    RANKING("ranking", HeadKind.TOP_K, null),
    TEXT("text", HeadKind.PROBABILITIES, WordTokenizer.NAME),
    CLICKS("clicks", HeadKind.PROBABILITIES, FieldTokenizer.NAME),
    OWN("", null, null),
}

/**
 * The fields of `manifest.json` that the app needs; what they mean is written in `ondevice/manifest.py`.
 *
 * @property dataset what it was trained on, empty for a model of one's own.
 * @property methods how its embeddings are stored.
 */
data class Manifest(
    val task: Task,
    val name: String,
    val dataset: String,
    val signature: String,
    val inputs: List<Feature>,
    val outputs: List<Tensor>,
    val head: Head,
    val methods: List<String>,
    val recipe: String,
    val fileBytes: Long,
    val appendedBytes: Long,
    val minimumRuntime: String,
    val scoreToleranceSteps: Double,
    val sha256: Map<String, String>,
) {
    /** The one input that the tasks have. */
    val input get() = inputs.first()

    /** The input whose ids are answered; null where nobody says so. */
    val answered: Feature?
        get() {
            val name = if (task == Task.OWN) head.exclude else input.name
            return inputs.find { head.kind == HeadKind.TOP_K && it.name == name }
        }

    companion object {
        const val SCHEMA_VERSION = 3

        /**
         * Reads a manifest of this schema version.
         *
         * @throws BundleException a field is missing or of another type, or says what this app does not know.
         */
        fun of(record: JsonRecord): Manifest {
            val version = record.whole("schema_version")
            if (version != SCHEMA_VERSION) throw BundleException(otherVersion(version))
            return Manifest(
                task = known("task", record.text("task"), Task.values()) { it.key },
                name = record.text("name"),
                dataset = record.recordOrNull("training")?.let(::datasetOf).orEmpty(),
                signature = record.text("signature"),
                inputs = record.records("inputs").map(::featureOf),
                outputs = record.records("outputs").map(::tensorOf),
                head = headOf(record.record("head")),
                methods = record.records("embeddings").map(::methodOf).distinct(),
                recipe = record.text("recipe"),
                fileBytes = record.count("file_bytes"),
                appendedBytes = record.count("appended_bytes", 0),
                minimumRuntime = record.text("minimum_runtime"),
                scoreToleranceSteps = record.number("score_tolerance_steps"),
                sha256 = record.textsByName("sha256"),
            )
        }

        private fun otherVersion(version: Int): String {
            val what = "This bundle has schema version $version and this app reads version $SCHEMA_VERSION"
            return if (version > SCHEMA_VERSION) "$what; update the app." else "$what; export the model again."
        }

        private fun <T> known(what: String, key: String, all: Array<T>, keyOf: (T) -> String): T =
            all.find { keyOf(it) == key } ?: throw BundleException(
                "This app knows the ${what}s ${all.map(keyOf).filter(String::isNotEmpty).joinToString()}; " +
                    "this bundle has '$key'.",
            )

        private fun datasetOf(record: JsonRecord) = record.text("dataset", "")

        private fun methodOf(record: JsonRecord) = record.text("method")

        private fun tensorOf(record: JsonRecord) =
            Tensor(record.text("name"), record.wholes("shape"), record.text("dtype"))

        private fun featureOf(record: JsonRecord) = Feature(
            tensor = Tensor(record.text("name"), record.wholes("shape"), record.text("dtype")),
            kind = known("kind", record.text("kind"), Kind.values()) { it.key },
            size = record.whole("size", default = 0),
            outside = record.whole("outside", default = 0),
            padding = record.wholeOrNull("padding"),
            reserved = record.whole("reserved", default = 0),
            vocabulary = record.text("vocabulary", ""),
            titles = record.text("titles", ""),
            tokenizer = record.recordOrNull("tokenizer")?.let(::tokenizerOf),
        )

        private fun headOf(record: JsonRecord) = Head(
            kind = known("head", record.text("kind"), HeadKind.values()) { it.key },
            k = record.whole("k", default = 0),
            exclude = record.text("exclude", ""),
            never = record.whole("never", default = 0),
            labels = record.texts("labels", emptyList()),
        )

        private fun tokenizerOf(record: JsonRecord) =
            Tokenizer.of(
                record.text("name", WordTokenizer.NAME),
                record.truth("lowercase", true),
                record.texts("fields", emptyList()),
            )
    }
}
