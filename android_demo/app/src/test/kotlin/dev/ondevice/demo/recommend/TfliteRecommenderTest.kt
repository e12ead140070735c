package dev.ondevice.demo.recommend

import com.grack.nanojson.JsonObject
import com.grack.nanojson.JsonParser
import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.BundleReader
import dev.ondevice.demo.bundle.FolderBundleSource
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.bundle.Tensor
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.tensorflow.lite.TensorFlowLite
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Locale
import kotlin.concurrent.thread

/** The runtime that the app ships, its library for x86_64 phones included, with bundles that were exported as ever. */
@RealRuntime
class TfliteRecommenderTest {
    private fun read(folder: File): Bundle = BundleReader(FolderBundleSource(folder)).read()

    private fun said(folder: File, result: SelfCheckResult): String {
        val compared = "${result.vectors} vectors and ${result.texts} texts compared"
        val largest = "%.2g".format(Locale.ROOT, result.largestError)
        val error = "scores differ by at most $largest steps, ${result.allowedError} are allowed"
        val (p50, p95) = checkNotNull(result.latency).let { it.p50 / 1_000 to it.p95 / 1_000 }
        return "${folder.name} on ${TensorFlowLite.runtimeVersion()}: $compared, $error, p50 $p50 us, p95 $p95 us"
    }

    private fun anyBundle() = read(bundles("answered").first())

    private fun Bundle.with(
        manifest: Manifest = this.manifest,
        model: ByteBuffer = this.model,
    ) = Bundle(manifest, vocabularies, vectors, model)

    @Test
    fun `every bundle that the runtime can load passes the self-check`() {
        for (folder in bundles("answered")) {
            val bundle = read(folder)
            TfliteRecommender(bundle).use { recommender ->
                val result = SelfCheck(bundle, recommender).run()
                println(said(folder, result))
                assertEquals("", result.difference)
                assertTrue(result.vectors > 0)
            }
        }
    }

    @Test
    fun `a bundle that needs a newer runtime is refused with a sentence`() {
        for (folder in bundles("refused")) {
            val bundle = read(folder)
            val message = assertThrows<RecommenderException> { TfliteRecommender(bundle) }.message
            println("${folder.name} on ${TensorFlowLite.runtimeVersion()}: $message")
            val needed = "TensorFlow Lite ${bundle.manifest.minimumRuntime} or newer"
            val start = "The runtime of this app refuses the model, which needs $needed: "
            assertTrue(message.startsWith(start) && "Didn't find op for builtin opcode" in message) { message }
            assertEquals(1, message.lines().size)
        }
    }

    @Test
    fun `a wrong model is noticed by the self-check`() {
        val bundle = anyBundle()
        TfliteRecommender(bundle).use { recommender ->
            val shifted = FakeRecommender { inputs ->
                recommender.answer(inputs.mapValues { (_, ids) -> DoubleArray(ids.size) { if (ids[it] > 2) ids[it] - 1 else ids[it] } })
            }
            assertNotEquals("", SelfCheck(bundle, shifted).run().difference)
        }
    }

    @Test
    fun `answers do not depend on earlier ones`() {
        val bundle = anyBundle()
        TfliteRecommender(bundle).use { recommender ->
            val (one, other) = bundle.vectors.vectors.map { it.inputs }
            val first = recommender.answer(one)
            recommender.answer(other)
            val again = recommender.answer(one)
            for (output in bundle.manifest.outputs) {
                assertArrayEquals(first.outputs[output.name], again.outputs[output.name])
            }
            assertTrue(again.nanoseconds > 0)
        }
    }

    @Test
    fun `a model of another signature is refused`() {
        val bundle = anyBundle()
        val outputs = bundle.manifest.outputs.map { Tensor(it.name, listOf(1, 99), it.dtype) }
        val promised = bundle.with(manifest = bundle.manifest.copy(outputs = outputs))
        val message = assertThrows<RecommenderException> { TfliteRecommender(promised) }.message
        assertTrue(message.startsWith("The model's outputs are ") && "[1, 99]" in message) { message }
        val renamed = bundle.with(manifest = bundle.manifest.copy(signature = "unheard"))
        val other = assertThrows<RecommenderException> { TfliteRecommender(renamed) }.message
        assertEquals("The model has no signature 'unheard'; it has ${bundle.manifest.signature}.", other)
    }

    @Test
    fun `a model that is cut off is refused`() {
        val bundle = anyBundle()
        val half = ByteArray(bundle.model.remaining() / 2).also { bundle.model.duplicate().get(it) }
        val direct = ByteBuffer.allocateDirect(half.size).order(ByteOrder.nativeOrder()).put(half)
        direct.rewind()
        val message = assertThrows<RecommenderException> { TfliteRecommender(bundle.with(model = direct)) }.message
        assertTrue(message.startsWith("The runtime of this app refuses the model")) { message }
    }

    @Test
    fun `another thread is turned away`() {
        val bundle = anyBundle()
        TfliteRecommender(bundle).use { recommender ->
            var refused: IllegalStateException? = null
            thread { refused = assertThrows { recommender.answer(bundle.vectors.vectors.first().inputs) } }.join()
            assertTrue("belongs to" in refused?.message.orEmpty())
        }
    }

    @Test
    fun `answers are compared by the reference's rule`() {
        val cases = JsonParser.`object`().from(givenFile("comparisons.json").readText())
        val bundle = read(givenFile(cases.getString("bundle")))
        for (case in cases.getArray("cases").map { it as JsonObject }) {
            val vector = bundle.vectors.vectors[case.getInt("vector")]
            val outputs = listOf("items", "scores").associateWith { name ->
                case.getArray(name).map { (it as Number).toDouble() }.toDoubleArray()
            }
            val problem = Comparison.answerProblem(bundle.manifest, vector.inputs, outputs)
            assertEquals(case.getBoolean("problem"), problem.isNotEmpty()) { "$case: $problem" }
            val expected = case.getDouble("error")
            val found = Comparison.error(bundle.manifest, vector, outputs)
            assertEquals(expected, found, 1e-9 * (1 + expected)) { "$case" }
        }
    }
}
