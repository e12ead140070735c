package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Values

/** Answers what it is told to, and remembers what it was asked and by which thread. */
class FakeRecommender(private val reply: (Values) -> Answer) : Recommender {
    val calls = mutableListOf<Map<String, List<Double>>>()
    val threads = mutableSetOf<Thread>()

    @Volatile var closed = false

    override fun answer(inputs: Values): Answer {
        check(!closed) { "called after it was closed" }
        calls += inputs.mapValues { it.value.toList() }
        threads += Thread.currentThread()
        return reply(inputs)
    }

    override fun close() {
        check(!closed) { "closed twice" }
        threads += Thread.currentThread()
        closed = true
    }
}

/** Makes an answer of pairs of id and score, of items as of labels. */
fun answerOf(vararg best: Pair<Int, Double>, nanoseconds: Long = 1_000): Answer {
    val ids = best.map { it.first.toDouble() }.toDoubleArray()
    val scores = best.map { it.second }.toDoubleArray()
    return Answer(mapOf("items" to ids, "labels" to ids, "scores" to scores), nanoseconds)
}

/** Makes a call of a task, whose one input has this name. */
fun callOf(vararg ids: Int) = mapOf("ids" to ids.map(Int::toDouble))
