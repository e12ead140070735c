package dev.ondevice.demo.recommend

import java.io.Closeable

/**
 * What the model answers to one call, best first.
 *
 * @property ids ids of items, or indexes of labels.
 * @property scores their scores, falling.
 * @property nanoseconds from handing over the ids until the answer was read back.
 */
class Answer(val ids: IntArray, val scores: FloatArray, val nanoseconds: Long)

/** Answers histories; not thread-safe: one thread creates, calls and closes it. */
interface Recommender : Closeable {
    /**
     * Answers one history.
     *
     * @param ids as many as the model takes, see `IdMapping`.
     * @throws RecommenderException the runtime failed.
     */
    fun answer(ids: IntArray): Answer

    override fun close()
}

/** The runtime can't load the model or can't run it; the message is one sentence for the person who looks at it. */
class RecommenderException(override val message: String, cause: Throwable? = null) : Exception(message, cause)
