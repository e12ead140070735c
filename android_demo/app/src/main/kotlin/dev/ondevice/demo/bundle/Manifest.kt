package dev.ondevice.demo.bundle

/**
 * What a model does with its ids, and by which names its file says so.
 *
 * @property tokenizer how what is typed becomes keys of the vocabulary; null where items are picked from it.
 */
enum class Task(val key: String, val signature: String, val answers: String, val tokenizer: String?) {
    RANKING("ranking", "recommend", "items", null),
    TEXT("text", "classify", "labels", WordTokenizer.NAME),
    CLICKS("clicks", "score", "labels", FieldTokenizer.NAME),
}

/** One input or output of the signature. */
data class Tensor(val name: String, val shape: List<Int>, val dtype: String) {
    override fun toString() = "$name: $dtype$shape"
}

/** How ids become vectors, as far as the app shows it. */
data class Embedding(val method: String, val order: String, val ratio: Double)

/**
 * The fields of `manifest.json` that the app needs; what they mean is written in `ondevice/manifest.py`.
 *
 * @property outOfRange what an id outside the vocabulary counts as.
 */
data class Manifest(
    val task: Task,
    val name: String,
    val dataset: String,
    val datasetSummary: String,
    val signature: String,
    val inputs: List<Tensor>,
    val outputs: List<Tensor>,
    val vocabularySize: Int,
    val historyLength: Int,
    val topK: Int,
    val outOfRange: OutOfRange,
    val excludesHistory: Boolean,
    val recipe: String,
    val embedding: Embedding,
    val parameters: Long,
    val fileBytes: Long,
    val appendedBytes: Long,
    val minimumRuntime: String,
    val scoreToleranceSteps: Double,
    val sha256: Map<String, String>,
    val labels: List<String>,
    val tokenizer: Tokenizer?,
) {
    companion object {
        const val SCHEMA_VERSION = 2

        /**
         * Reads a manifest of this schema version.
         *
         * @throws BundleException a field is missing or of another type, or says what this app does not know.
         */
        fun of(record: JsonRecord): Manifest {
            val version = record.whole("schema_version")
            if (version != SCHEMA_VERSION) throw BundleException(otherVersion(version))
            val task = taskOf(record.text("task", Task.RANKING.key))
            return Manifest(
                task = task,
                name = record.text("name"),
                dataset = record.text("dataset"),
                datasetSummary = record.text("dataset_summary"),
                signature = record.text("signature"),
                inputs = record.records("inputs").map(::tensorOf),
                outputs = record.records("outputs").map(::tensorOf),
                vocabularySize = record.whole("vocabulary_size", RESERVED_IDS + 1),
                historyLength = record.whole("history_length", 1),
                topK = record.whole("top_k", 1),
                outOfRange = outOfRangeOf(record.text("out_of_range")),
                excludesHistory = record.truth("excludes_history"),
                recipe = record.text("recipe"),
                embedding = embeddingOf(record.record("embedding")),
                parameters = record.count("parameters"),
                fileBytes = record.count("file_bytes"),
                appendedBytes = record.count("appended_bytes", 0),
                minimumRuntime = record.text("minimum_runtime"),
                scoreToleranceSteps = record.number("score_tolerance_steps"),
                sha256 = record.textsByName("sha256"),
                labels = record.texts("labels", emptyList()),
                tokenizer = record.recordOrNull("tokenizer")?.let(::tokenizerOf),
            )
        }

        private fun otherVersion(version: Int): String {
            val what = "This bundle has schema version $version and this app reads version $SCHEMA_VERSION"
            return if (version > SCHEMA_VERSION) "$what; update the app." else "$what; export the model again."
        }

        private fun taskOf(key: String): Task =
            Task.values().find { it.key == key } ?: throw BundleException(
                "This app serves the tasks ${Task.values().joinToString { it.key }}; this bundle's is '$key'.",
            )

        private fun outOfRangeOf(key: String): OutOfRange =
            OutOfRange.values().find { it.key == key } ?: throw BundleException(
                "manifest.json does not fit this app: field out_of_range is '$key', " +
                    "allowed is ${OutOfRange.values().joinToString(" or ") { it.key }}.",
            )

        private fun tensorOf(record: JsonRecord) =
            Tensor(record.text("name"), record.wholes("shape"), record.text("dtype"))

        private fun embeddingOf(record: JsonRecord) =
            Embedding(record.text("method"), record.text("order"), record.number("ratio"))

        private fun tokenizerOf(record: JsonRecord) =
            Tokenizer.of(
                record.text("name", WordTokenizer.NAME),
                record.truth("lowercase", true),
                record.texts("fields", emptyList()),
            )
    }
}
