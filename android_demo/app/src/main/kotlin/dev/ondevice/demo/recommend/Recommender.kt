package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Values
import java.io.Closeable

/**
 * What the model answers to one call.
 *
 * @property outputs the numbers of every output.
 * @property nanoseconds from handing over the inputs until the answer was read back.
 */
class Answer(val outputs: Values, val nanoseconds: Long)

/** Answers calls; not thread-safe: one thread creates, calls and closes it. */
interface Recommender : Closeable {
    /**
     * Answers one call.
     *
     * @param inputs as many numbers as every input takes, see `Feature.filled`.
     * @throws RecommenderException the runtime failed.
     */
    fun answer(inputs: Values): Answer

    override fun close()
}

/** The runtime can't load the model or can't run it; the message is one sentence for the person who looks at it. */
class RecommenderException(override val message: String, cause: Throwable? = null) : Exception(message, cause)
