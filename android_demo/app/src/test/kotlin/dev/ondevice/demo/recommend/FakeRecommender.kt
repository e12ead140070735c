package dev.ondevice.demo.recommend

/** Answers what it is told to, and remembers what it was asked and by which thread. */
class FakeRecommender(private val reply: (IntArray) -> Answer) : Recommender {
    val calls = mutableListOf<List<Int>>()
    val threads = mutableSetOf<Thread>()

    @Volatile var closed = false

    override fun answer(ids: IntArray): Answer {
        check(!closed) { "called after it was closed" }
        calls += ids.toList()
        threads += Thread.currentThread()
        return reply(ids)
    }

    override fun close() {
        check(!closed) { "closed twice" }
        threads += Thread.currentThread()
        closed = true
    }
}

/** Makes an answer of pairs of id and score. */
fun answerOf(vararg best: Pair<Int, Double>, nanoseconds: Long = 1_000) =
    Answer(best.map { it.first }.toIntArray(), best.map { it.second.toFloat() }.toFloatArray(), nanoseconds)
