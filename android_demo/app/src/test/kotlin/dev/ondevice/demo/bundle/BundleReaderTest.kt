package dev.ondevice.demo.bundle

import com.grack.nanojson.JsonArray
import com.grack.nanojson.JsonObject
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.MethodSource

class BundleReaderTest {
    @Test
    fun `a ranking bundle is read`() {
        val bundle = Fixture.ranking().read()

        assertEquals(Task.RANKING, bundle.manifest.task)
        assertEquals(8, bundle.vocabulary.size)
        assertEquals("rock-17", bundle.nameOf(5))
        assertEquals(12, bundle.model.remaining())
        val extreme = doubleArrayOf(Int.MIN_VALUE.toDouble(), Int.MAX_VALUE.toDouble(), 8.0, -1.0)
        assertArrayEquals(extreme, bundle.vectors.vectors[1].inputs["ids"])
        assertArrayEquals(doubleArrayOf(3.0, 2.0, 0.0, 0.0), bundle.callOf(listOf(3, 2))["ids"])
        assertArrayEquals(doubleArrayOf(4.0, 5.0, 6.0, 7.0), bundle.callOf((2..7).toList())["ids"])
    }

    @Test
    fun `a text bundle is read`() {
        val bundle = Fixture.text().read()

        assertEquals(listOf("negative", "positive"), bundle.manifest.head.labels)
        assertEquals("positive", bundle.nameOf(1))
        assertEquals(listOf(2, 3, 1), bundle.wordIds("A GREAT thing"))
    }

    @Test
    fun `a bundle of a model of one's own is read`() {
        val bundle = Fixture.own().read()

        assertEquals(Task.OWN, bundle.manifest.task)
        assertEquals(setOf("songs"), bundle.vocabularies.keys)
        assertEquals("Id 5", bundle.nameOf(5))
        assertArrayEquals(doubleArrayOf(1.0), bundle.vectors.vectors[0].inputs["member"])
        assertArrayEquals(doubleArrayOf(0.0), bundle.vectors.vectors[1].outputs["liked"])
    }

    @Test
    fun `what a newer exporter adds does not matter`() {
        assertEquals(3, Fixture.ranking().manifest { it["something_new"] = JsonArray() }.read().manifest.head.k)
    }

    class Broken(val sentence: String, val fixture: Fixture) {
        override fun toString() = sentence
    }

    @ParameterizedTest
    @MethodSource("broken")
    fun `a broken bundle is refused with its own sentence`(broken: Broken) {
        assertEquals(broken.sentence, assertThrows<BundleException> { broken.fixture.read() }.message)
    }

    @Test
    fun `no two sentences are the same`() {
        val sentences = broken().map { it.sentence }
        assertEquals(sentences.size, sentences.toSet().size)
    }

    companion object {
        private fun without(name: String) = Fixture.ranking().also { it.files.remove(name) }

        private fun unsealed(name: String, change: (ByteArray) -> ByteArray) =
            Fixture.ranking().also { it.files[name] = change(it.files.getValue(name)) }

        private fun JsonObject.tensor(kind: String, place: Int) = getArray(kind).getObject(place)

        private const val RANKING = "for the head top_k it serves items: int32[1, 3], scores: float32[1, 3]."

        @JvmStatic
        fun broken(): List<Broken> = listOf(
            Broken("The bundle has no file manifest.json.", without("manifest.json")),
            Broken("The bundle has no file model.tflite.", without("model.tflite")),
            Broken("The bundle has no file vocab.txt.", without("vocab.txt")),
            Broken("The bundle has no file test_vectors.json.", without("test_vectors.json")),
            Broken(
                "model.tflite was changed since export: its SHA-256 is not the manifest's.",
                unsealed("model.tflite") { it.reversedArray() },
            ),
            Broken(
                "vocab.txt was changed since export: its SHA-256 is not the manifest's.",
                unsealed("vocab.txt") { it + '\n'.code.toByte() },
            ),
            Broken(
                "test_vectors.json was changed since export: its SHA-256 is not the manifest's.",
                unsealed("test_vectors.json") { it + ' '.code.toByte() },
            ),
            Broken(
                "licence.txt was changed since export: its SHA-256 is not the manifest's.",
                Fixture.ranking().also { it.files["licence.txt"] = "free".toByteArray() }.also { it.seal() }
                    .also { it.files["licence.txt"] = "none".toByteArray() },
            ),
            Broken(
                "manifest.json has no SHA-256 of vocab.txt.",
                Fixture.ranking().manifest { it.getObject("sha256").remove("vocab.txt") },
            ),
            Broken(
                "model.tflite is cut off: it has 9 of 12 bytes.",
                unsealed("model.tflite") { it.copyOf(9) },
            ),
            Broken(
                "model.tflite is cut off: it has 12 of 20 bytes.",
                unsealed("model.tflite") { it.reversedArray() }.manifest { it["appended_bytes"] = 8 },
            ),
            Broken(
                "This bundle has schema version 4 and this app reads version 3; update the app.",
                Fixture.ranking().manifest { it.clear() }.manifest { it["schema_version"] = 4 },
            ),
            Broken(
                "This bundle has schema version 2 and this app reads version 3; export the model again.",
                Fixture.ranking().manifest { it.clear() }.manifest { it["schema_version"] = 2 },
            ),
            Broken(
                "manifest.json does not fit this app: field schema_version is missing.",
                Fixture.ranking().manifest { it.remove("schema_version") },
            ),
            Broken(
                "manifest.json can't be read: it is not UTF-8 text.",
                unsealed("manifest.json") { it + 0xFF.toByte() },
            ),
            Broken(
                "manifest.json can't be read: it is no JSON object, at line 1, character 0.",
                unsealed("manifest.json") { ByteArray(0) },
            ),
            Broken(
                "This app knows the tasks ranking, text, clicks; this bundle has 'vision'.",
                Fixture.ranking().manifest { it["task"] = "vision" },
            ),
            Broken(
                "This app knows the kinds ids, number, bool; this bundle has 'image'.",
                Fixture.own().input(2) { it["kind"] = "image" },
            ),
            Broken(
                "This app knows the heads top_k, probabilities, values; this bundle has 'boxes'.",
                Fixture.own().head { it["kind"] = "boxes" },
            ),
            Broken(
                "The manifest's head is values; the task ranking needs top_k.",
                Fixture.ranking().head { it["kind"] = "values" },
            ),
            Broken(
                "The task ranking needs one input, with a vocabulary; the model has ids, ids.",
                Fixture.ranking().manifest { it.getArray("inputs").run { add(getObject(0)) } },
            ),
            Broken(
                "The manifest leaves ids of 'history' out, which is no input of the model.",
                Fixture.ranking().head { it["exclude"] = "history" },
            ),
            Broken(
                "This app serves tensors of float32, int32, bool; the model has ids: int64[1, 4].",
                Fixture.ranking().input { it["dtype"] = "int64" },
            ),
            Broken(
                "This app can't serve the outputs best: int32[1, 3], scores: float32[1, 3]; $RANKING",
                Fixture.ranking().manifest { it.tensor("outputs", 0)["name"] = "best" },
            ),
            Broken(
                "This app can't serve the outputs items: int32[1, 3], scores: float32[8, 3]; $RANKING",
                Fixture.ranking().manifest { it.tensor("outputs", 1).getArray("shape")[0] = 8 },
            ),
            Broken(
                "vocab.txt has 7 lines and the model knows 8 ids.",
                Fixture.ranking().file("vocab.txt") { it.replace("rock-18\n", "") },
            ),
            Broken(
                "vocab.txt is cut off: its last line has no end.",
                Fixture.ranking().file("vocab.txt") { it.trimEnd('\n') },
            ),
            Broken(
                "vocab.txt is not this model's: it calls id 5 'rock-19', expected is 'rock-17'.",
                Fixture.ranking().file("vocab.txt") { it.replace("rock-17", "rock-19") },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'user 1': it has 3 numbers of ids instead of 4.",
                Fixture.ranking().vector { it.getObject("inputs").getArray("ids").removeAt(0) },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'row 1': it has 0 numbers of country instead of 1.",
                Fixture.own().vector { it.getObject("inputs").remove("country") },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'row 1': it has 2 numbers of parts instead of 3.",
                Fixture.own().vector { it.getObject("outputs").getArray("parts").removeAt(0) },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'row 1': it has no range of rating.",
                Fixture.own().vector { it.getObject("ranges").remove("rating") },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'user 1': it has 4 items and 3 scores.",
                Fixture.ranking().vector { it.getObject("outputs").getArray("scores").removeAt(3) },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'user 1': it has 2 keys instead of 3.",
                Fixture.ranking().vector { it.getArray("keys").removeAt(2) },
            ),
            Broken(
                "test_vectors.json does not fit the model: vector 'user 1': the model has no name for id 8.",
                Fixture.ranking().vector { it.getObject("outputs").getArray("items")[0] = 8 },
            ),
            Broken(
                "test_vectors.json does not fit the model: text 'site=s1': 'words' has no vocabulary.",
                Fixture.clicks().file("test_vectors.json") { it.replace("\"ids\", \"text\": \"site", "\"words\", \"text\": \"site") },
            ),
            Broken(
                "test_vectors.json does not fit the model: it has no vectors.",
                Fixture.ranking().file("test_vectors.json") { """{"schema_version": 3, "vectors": []}""" },
            ),
            Broken(
                "test_vectors.json does not fit this app: field vectors[0].outputs.scores is not a list of numbers.",
                Fixture.ranking().vector { it.getObject("outputs").getArray("scores")[0] = "2.0" },
            ),
            Broken(
                "The model answers 2 labels and the manifest names 1.",
                Fixture.text().head { it.getArray("labels").removeAt(0) },
            ),
            Broken(
                "The manifest does not say which tokenizer the model needs.",
                Fixture.text().input { it["tokenizer"] = null },
            ),
            Broken(
                "This app has the tokenizers words and fields; this bundle needs 'pieces'.",
                Fixture.text().input { it.getObject("tokenizer")["name"] = "pieces" },
            ),
            Broken(
                "The manifest's tokenizer is fields; the task text needs words.",
                Fixture.text().input { it.getObject("tokenizer")["name"] = "fields" },
            ),
            Broken(
                "The manifest's tokenizer is words; the task clicks needs fields.",
                Fixture.clicks().input { it.getObject("tokenizer")["name"] = "words" },
            ),
            Broken(
                "The model answers 1 labels and the manifest names 2.",
                Fixture.clicks().head { it.getArray("labels").add("no click") },
            ),
            Broken(
                "test_vectors.json does not fit the model: text 'site=s1': it has 2 numbers of ids instead of 3.",
                Fixture.clicks().file("test_vectors.json") { it.replace("[1, 1, 4]", "[1, 4]") },
            ),
            Broken(
                "The labels are not this model's: label 1 is 'negative', expected is 'positive'.",
                Fixture.text().head { it.getArray("labels").reverse() },
            ),
            Broken(
                "test_vectors.json does not fit the model: text 'A great FILM!': it has 6 numbers of ids instead of 5.",
                Fixture.text().file("test_vectors.json") { it.replace("FILM!\", \"ids\": [", "FILM!\", \"ids\": [0, ") },
            ),
        )
    }
}
