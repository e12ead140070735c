package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Tensor
import dev.ondevice.demo.bundle.Values
import org.tensorflow.lite.Interpreter
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
    private val inputs = manifest.inputs.associate { it.name to TensorBuffer(it.tensor) }
    private val outputs = manifest.outputs.associate { it.name to TensorBuffer(it) }
    private val given: Map<String, Any> = inputs.mapValues { it.value.bytes }
    private val received: Map<String, Any> = outputs.mapValues { it.value.bytes }
    private val interpreter = open(bundle)

    init {
        try {
            checkSignature()
            answer(manifest.inputs.associate { it.name to it.filled(emptyList()) })
        } catch (error: RecommenderException) {
            interpreter.close()
            throw error
        }
    }

    override fun answer(inputs: Values): Answer {
        checkThread()
        val started = System.nanoTime()
        for ((name, buffer) in this.inputs) buffer.write(inputs.getValue(name))
        attempt("The model failed on this device") { interpreter.runSignature(given, received, manifest.signature) }
        val answered = outputs.mapValues { it.value.read() }
        return Answer(answered, System.nanoTime() - started)
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
        compare("inputs", inputs, manifest.inputs.map { it.tensor })
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
}
