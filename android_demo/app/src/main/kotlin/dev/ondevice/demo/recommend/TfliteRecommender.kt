package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.bundle.PADDING_ID
import dev.ondevice.demo.bundle.Tensor
import org.tensorflow.lite.Interpreter
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Locale

/**
 * Answers with the TensorFlow Lite runtime.
 *
 * Inputs and outputs are found by the names of the signature, never by position: their order in the file is the
 * converter's affair. Buffers are allocated once; the first run, which prepares the model, is done here.
 *
 * @throws RecommenderException the runtime refuses the model, or the file is not what the manifest promises.
 */
class TfliteRecommender(bundle: Bundle) : Recommender {
    private val manifest = bundle.manifest
    private val owner = Thread.currentThread()
    private val ids = buffer(manifest.historyLength)
    private val answers = buffer(manifest.topK)
    private val scores = buffer(manifest.topK)
    private val inputs = mapOf<String, Any>("ids" to ids)
    private val outputs = mapOf<String, Any>(manifest.task.answers to answers, "scores" to scores)
    private val interpreter = open(bundle)

    init {
        try {
            checkSignature()
            answer(IntArray(manifest.historyLength) { PADDING_ID })
        } catch (error: RecommenderException) {
            interpreter.close()
            throw error
        }
    }

    override fun answer(ids: IntArray): Answer {
        checkThread()
        val started = System.nanoTime()
        this.ids.asIntBuffer().put(ids)
        attempt("The model failed on this device") { interpreter.runSignature(inputs, outputs, manifest.signature) }
        // The runtime leaves them at their end. As Buffer: ByteBuffer has a rewind() of its own on newer Androids only.
        for (buffer in arrayOf<Buffer>(answers, scores)) buffer.rewind()
        val best = IntArray(manifest.topK).also { answers.asIntBuffer().get(it) }
        val values = FloatArray(manifest.topK).also { scores.asFloatBuffer().get(it) }
        return Answer(best, values, System.nanoTime() - started)
    }

    override fun close() {
        checkThread()
        interpreter.close()
    }

    private fun open(bundle: Bundle): Interpreter =
        try {
            val needed = "which needs TensorFlow Lite ${manifest.minimumRuntime} or newer"
            attempt("The runtime of this app refuses the model, $needed") {
                Interpreter(bundle.model, Interpreter.Options().setNumThreads(1))
            }
        } catch (error: UnsatisfiedLinkError) {
            throw RecommenderException("This app holds no TensorFlow Lite library for this device's processor.", error)
        }

    private fun checkSignature() {
        val signature = manifest.signature
        val keys = interpreter.signatureKeys
        if (signature !in keys) {
            throw RecommenderException("The model has no signature '$signature'; it has ${keys.joinToString()}.")
        }
        val inputs = interpreter.getSignatureInputs(signature).map { name ->
            describe(name, interpreter.getInputTensorFromSignature(name, signature))
        }
        val outputs = interpreter.getSignatureOutputs(signature).map { name ->
            describe(name, interpreter.getOutputTensorFromSignature(name, signature))
        }
        compare("inputs", inputs, manifest.inputs)
        compare("outputs", outputs, manifest.outputs)
    }

    private fun describe(name: String, tensor: org.tensorflow.lite.Tensor) =
        Tensor(name, tensor.shape().toList(), tensor.dataType().name.lowercase(Locale.ROOT))

    private fun compare(kind: String, found: List<Tensor>, promised: List<Tensor>) {
        if (found.toSet() != promised.toSet()) {
            throw RecommenderException(
                "The model's $kind are ${found.joinToString()}; the manifest promises ${promised.joinToString()}.",
            )
        }
    }

    private fun checkThread() {
        val caller = Thread.currentThread()
        check(caller === owner) { "The interpreter belongs to the thread ${owner.name}, not to ${caller.name}." }
    }

    // What the runtime throws for a model it can't use.
    private fun <T> attempt(what: String, run: () -> T): T =
        try {
            run()
        } catch (error: IllegalArgumentException) {
            throw RecommenderException("$what: ${firstSentence(error)}", error)
        } catch (error: IllegalStateException) {
            throw RecommenderException("$what: ${firstSentence(error)}", error)
        }

    // Its messages have several lines.
    private fun firstSentence(error: RuntimeException) =
        error.message.orEmpty().lineSequence().first().substringBefore(". ").removeSuffix(".") + "."

    private companion object {
        fun buffer(numbers: Int): ByteBuffer = ByteBuffer.allocateDirect(4 * numbers).order(ByteOrder.nativeOrder())
    }
}
