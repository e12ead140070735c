package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.BundleSource
import dev.ondevice.demo.bundle.Fixture
import dev.ondevice.demo.bundle.Item
import dev.ondevice.demo.bundle.Values
import dev.ondevice.demo.recommend.Answer
import dev.ondevice.demo.recommend.FakeRecommender
import dev.ondevice.demo.recommend.RecommenderException
import dev.ondevice.demo.recommend.answerOf
import dev.ondevice.demo.recommend.callOf
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit

@Timeout(20)
class DemoModelTest {
    private val states = LinkedBlockingQueue<DemoState>()
    private val listener = DemoModel.Listener(states::add)
    private val rock = Item(5, "rock-17")
    private val blue = Item(2, "Blue Monday")

    /** Answers the first vector of the fixture to everything but the extreme ids. */
    private fun ranking(inputs: Values): Answer =
        if (inputs.getValue("ids")[0] < 0) answerOf(7 to 1.0, 6 to 0.75, 5 to 0.5) else answerOf(5 to 2.0, 6 to 1.0, 4 to 0.5)

    /** A model that is ready only after its listener came, so that the listener is told of that once and not twice. */
    private fun model(fixture: Fixture, recommender: FakeRecommender): DemoModel {
        val hold = CountDownLatch(1)
        val model = DemoModel(fixture, Executor(Runnable::run)) { hold.await().let { recommender } }
        model.setListener(listener)
        hold.countDown()
        return model
    }

    private fun awaitReady(wanted: (DemoState.Ready) -> Boolean = { true }): DemoState.Ready {
        while (true) {
            val state = states.take()
            assertFalse(state is DemoState.Failed) { "$state" }
            if (state is DemoState.Ready && wanted(state)) return state
        }
    }

    private fun awaitFailure(): String {
        while (true) return (states.take() as? DemoState.Failed ?: continue).reason
    }

    private fun DemoState.Ready.picked() = input as Input.Picked

    private fun awaitClosed(recommender: FakeRecommender) {
        while (!recommender.closed) Thread.sleep(1)
    }

    @Test
    fun `an answer that can't be shown is told in a sentence`() {
        val wrong = mapOf(
            answerOf(5 to 2.0, 8 to 1.0, 4 to 0.5) to "8 is none of the model's items",
            answerOf(5 to 2.0, 1 to 1.0, 4 to 0.5) to "1 is none of the model's items",
            answerOf(5 to 2.0, 6 to Double.NaN, 4 to 0.5) to "not every number of scores is finite",
        )
        for ((answer, problem) in wrong) {
            val model = model(Fixture.ranking(), FakeRecommender { answer })
            awaitReady()
            model.add(rock)
            assertEquals("The model's answer can't be shown: $problem.", awaitFailure())
            model.close()
            states.clear()
        }
    }

    @Test
    fun `loading comes first, then what can be done`() {
        val hold = CountDownLatch(1)
        val model = DemoModel(Fixture.ranking(), Runnable::run) { hold.await().let { FakeRecommender(::ranking) } }
        model.setListener(listener)
        assertSame(DemoState.Loading, states.take())
        hold.countDown()

        val ready = awaitReady()
        assertEquals("memcom", ready.manifest.name)
        assertEquals(listOf("user 1"), ready.examples.map { it.name })
        assertEquals(6, ready.picked().matches.size)
        assertEquals(emptyList<Scored>(), ready.answers)
        assertEquals(null, ready.latency)
        assertSame(SelfCheckState.NotRun, ready.selfCheck)
        model.close()
    }

    @Test
    fun `picked items are answered`() {
        val recommender = FakeRecommender(::ranking)
        model(Fixture.ranking(), recommender).use { model ->
            model.add(blue)
            model.add(blue)
            model.add(rock)
            val ready = awaitReady { it.picked().picked.size == 2 }
            assertEquals(listOf(blue, rock), ready.picked().picked)
            val expected = listOf(Scored("rock-17", 2.0), Scored("rock-18", 1.0), Scored("party Monday", 0.5))
            assertEquals(expected, ready.answers)
            assertEquals(2, ready.latency?.answers)
            assertFalse(rock in ready.picked().matches)

            model.remove(blue)
            assertEquals(listOf(rock), awaitReady { it.picked().picked.size == 1 }.picked().picked)
            model.clear()
            assertEquals(emptyList<Scored>(), awaitReady { it.picked().picked.isEmpty() }.answers)
        }
        assertEquals(listOf(callOf(2, 0, 0, 0), callOf(2, 5, 0, 0), callOf(5, 0, 0, 0)), recommender.calls)
    }

    @Test
    fun `searching asks the model nothing`() {
        val recommender = FakeRecommender(::ranking)
        model(Fixture.ranking(), recommender).use { model ->
            model.search("ROCK")
            val found = awaitReady { it.picked().query == "ROCK" }.picked()
            assertEquals(listOf("rock-17", "rock-18"), found.matches.map { it.key })
            model.add(rock)
            val after = awaitReady { it.picked().picked.size == 1 }.picked()
            assertEquals(listOf("rock-18"), after.matches.map { it.key })
        }
        assertEquals(1, recommender.calls.size)
    }

    @Test
    fun `an example replaces what was picked`() {
        model(Fixture.ranking(), FakeRecommender(::ranking)).use { model ->
            val example = awaitReady().examples.single()
            model.add(rock)
            model.tryExample(example)
            val ready = awaitReady { it.picked().picked == example.items }
            assertEquals(listOf("monday morning", "Blue Monday"), ready.picked().picked.map { it.key })
            assertNotEquals(emptyList<Scored>(), ready.answers)
        }
    }

    @Test
    fun `a text is answered with labels`() {
        val recommender = FakeRecommender { answerOf(1 to 0.9, 0 to 0.1) }
        model(Fixture.text(), recommender).use { model ->
            val examples = awaitReady().examples
            assertEquals(listOf("A great FILM!", "It's bad, bad, bad, bad, unseen"), examples.map { it.name })
            assertEquals("It's  bad,\n bad, bad, bad, unseen", examples.last().text)
            model.setText("A great new film")
            val ready = awaitReady { (it.input as Input.Typed).text.isNotEmpty() }
            assertEquals(Input.Typed("A great new film", words = 4, unknown = 1), ready.input)
            assertEquals(listOf(Scored("positive", 0.9), Scored("negative", 0.1)), ready.answers)
            model.setText("...")
            assertEquals(emptyList<Scored>(), awaitReady { (it.input as Input.Typed).words == 0 }.answers)
        }
        assertEquals(listOf(callOf(2, 3, 1, 4, 0)), recommender.calls)
    }

    @Test
    fun `a line is answered with the probability of a click`() {
        val recommender = FakeRecommender { answerOf(0 to 0.25) }
        model(Fixture.clicks(), recommender).use { model ->
            val ready = awaitReady()
            assertEquals(listOf("user=u1 ad=a1 site=s1", "site=s1"), ready.examples.map { it.name })
            assertEquals(Input.Typed("", words = 0, unknown = 0), ready.input)
            model.setText("site=s1\nuser=nobody")
            val answered = awaitReady { (it.input as Input.Typed).text.isNotEmpty() }
            assertEquals(Input.Typed("site=s1\nuser=nobody", words = 3, unknown = 2), answered.input)
            assertEquals(listOf(Scored("click", 0.25)), answered.answers)
            model.clear()
            assertEquals(emptyList<Scored>(), awaitReady { (it.input as Input.Typed).words == 0 }.answers)
        }
        assertEquals(listOf(callOf(1, 1, 4)), recommender.calls)
    }

    @Test
    fun `a model of one's own is asked what is in its fields`() {
        val reply = mapOf(
            "rating" to doubleArrayOf(4.5), "parts" to doubleArrayOf(3.0, 2.0, 1.0), "liked" to doubleArrayOf(1.0),
        )
        val recommender = FakeRecommender { Answer(reply, 1_000) }
        model(Fixture.own(), recommender).use { model ->
            fun texts(ready: DemoState.Ready) = (ready.input as Input.Fields).fields.map { it.text }
            val ready = awaitReady()
            assertEquals(listOf("rock-17\nBlue Monday", "3", "2.5, -1.25", "1"), texts(ready))
            assertEquals(listOf("rating", "parts 1", "parts 2", "parts 3", "liked"), ready.answers.map { it.name })
            assertEquals(listOf(4.5, 3.0, 2.0, 1.0, 1.0), ready.answers.map { it.score })
            assertEquals(listOf("monday morning", "Blue Monday"), model.suggestions("songs", "monday").take(2))

            model.setField("country", "five")
            val wrong = awaitReady { texts(it)[1] == "five" }
            assertEquals(listOf("", "“five” is no whole number", "", ""), (wrong.input as Input.Fields).fields.map { it.problem })
            assertEquals(emptyList<Scored>(), wrong.answers)
            model.tryExample(ready.examples[1])
            assertEquals(listOf("Id 1\nÜber uns\nÜber uns\nId 9", "0", "0, 0.1", "0"), texts(awaitReady { texts(it)[1] == "0" }))
        }
        assertEquals(2, recommender.calls.size)
        assertEquals(listOf(5.0, 2.0, 0.0, 0.0), recommender.calls[0]["songs"])
        assertEquals(listOf(1.0, 7.0, 7.0, 9.0), recommender.calls[1]["songs"])
        assertEquals(listOf(0.0), recommender.calls[1]["member"])
    }

    @Test
    fun `what belongs to the other task does nothing`() {
        val recommender = FakeRecommender { answerOf(1 to 0.9, 0 to 0.1) }
        model(Fixture.text(), recommender).use { model ->
            model.add(rock)
            model.search("rock")
            model.setText("film")
            awaitReady { (it.input as Input.Typed).text == "film" }
        }
        assertEquals(1, recommender.calls.size)
    }

    @Test
    fun `the self-check passes or says the first difference`() {
        for ((first, difference) in mapOf(
            2.0 to "",
            2.5 to "Test vector 'user 1': scores differ by 50.00 steps; 4.00 are allowed.",
        )) {
            val fake = FakeRecommender { if (it.getValue("ids")[0] < 0) ranking(it) else answerOf(5 to first, 6 to 1.0, 4 to 0.5) }
            model(Fixture.ranking(), fake).use { model ->
                model.checkSelf()
                awaitReady { it.selfCheck == SelfCheckState.Running }
                val ready = awaitReady { it.selfCheck is SelfCheckState.Done }
                assertEquals(difference, (ready.selfCheck as SelfCheckState.Done).result.difference)
                assertEquals(null, ready.latency)
            }
        }
    }

    @Test
    fun `a broken bundle says what is wrong, and nothing more happens`() {
        val broken = Fixture.ranking().also { it.files.remove(Bundle.MODEL_FILE) }
        val recommender = FakeRecommender(::ranking)
        model(broken, recommender).use { model ->
            model.add(rock)
            model.checkSelf()
            assertEquals("The bundle has no file model.tflite.", awaitFailure())
        }
        assertEquals(0, recommender.calls.size)
    }

    @Test
    fun `a runtime that refuses or fails says why`() {
        val refusing = DemoModel(Fixture.ranking(), Runnable::run) { throw RecommenderException("It is refused.") }
        refusing.setListener(listener)
        assertEquals("It is refused.", awaitFailure())
        refusing.close()
        states.clear()
        model(Fixture.ranking(), FakeRecommender { throw RecommenderException("It failed.") }).use { model ->
            model.add(rock)
            assertEquals("It failed.", awaitFailure())
        }
    }

    @Test
    fun `a listener that comes later is told the latest state at once`() {
        val model = model(Fixture.ranking(), FakeRecommender(::ranking))
        awaitReady()
        model.setListener(null)
        model.add(rock)
        model.checkSelf()
        val second = LinkedBlockingQueue<DemoState>()
        while ((second.lastOrNull() as? DemoState.Ready)?.selfCheck !is SelfCheckState.Done) {
            model.setListener(second::add)
            assertNotNull(second.peek())
            Thread.sleep(1)
        }
        assertEquals(listOf(rock), (second.last() as DemoState.Ready).picked().picked)
        assertTrue(states.isEmpty())
        model.close()
    }

    @Test
    fun `states are delivered on the screen's thread, never an old one after a new one`() {
        val posted = LinkedBlockingQueue<Runnable>()
        val hold = CountDownLatch(1)
        val model = DemoModel(Fixture.ranking(), posted::add) { hold.await().let { FakeRecommender(::ranking) } }
        model.setListener(listener)
        assertSame(DemoState.Loading, states.take())
        hold.countDown()
        for (id in 2..6) model.add(Item(id, "$id"))
        val waiting = List(6) { posted.take() }
        assertTrue(states.isEmpty())
        for (task in waiting) task.run()
        val sizes = states.map { (it as DemoState.Ready).picked().picked.size }
        assertEquals(List(6) { 5 }, sizes)
        model.close()
    }

    @Test
    fun `one thread creates, calls and closes, and it is not the caller's`() {
        val recommender = FakeRecommender(::ranking)
        var creator: Thread? = null
        val model = DemoModel(Fixture.ranking(), Runnable::run) {
            creator = Thread.currentThread()
            recommender
        }
        model.setListener(listener)
        awaitReady()
        model.add(rock)
        awaitReady { it.answers.isNotEmpty() }
        model.close()
        awaitClosed(recommender)
        assertEquals(setOf(creator), recommender.threads)
        assertNotEquals(Thread.currentThread(), creator)
    }

    @Test
    fun `closing while the model runs waits for it elsewhere and delivers nothing more`() {
        val running = CountDownLatch(1)
        val hold = CountDownLatch(1)
        val recommender = FakeRecommender { inputs ->
            running.countDown()
            assertTrue(hold.await(10, TimeUnit.SECONDS))
            ranking(inputs)
        }
        val model = model(Fixture.ranking(), recommender)
        awaitReady()
        model.add(rock)
        running.await()
        model.add(blue)
        model.close()
        model.close()
        model.add(blue)
        assertFalse(recommender.closed)
        hold.countDown()
        awaitClosed(recommender)
        assertEquals(1, recommender.calls.size)
        assertTrue(states.isEmpty())
    }

    @Test
    fun `closing while the recommender is made closes it`() {
        val making = CountDownLatch(1)
        val hold = CountDownLatch(1)
        val recommender = FakeRecommender(::ranking)
        val model = DemoModel(Fixture.ranking(), Runnable::run) {
            making.countDown()
            hold.await()
            recommender
        }
        model.setListener(listener)
        making.await()
        model.close()
        hold.countDown()
        awaitClosed(recommender)
        assertEquals(listOf(DemoState.Loading), states.toList())
    }

    @Test
    fun `closing while the bundle is read makes no recommender`() {
        val fixture = Fixture.ranking()
        val hold = CountDownLatch(1)
        val held = object : BundleSource by fixture {
            override fun map(name: String) = hold.await().let { fixture.map(name) }
        }
        val made = CountDownLatch(1)
        val thread = LinkedBlockingQueue<Thread>()
        val slow = object : BundleSource by held {
            override fun open(name: String) = held.open(name).also { thread.add(Thread.currentThread()) }
        }
        val model = DemoModel(slow, Runnable::run) { FakeRecommender(::ranking).also { made.countDown() } }
        val worker = thread.take()
        model.close()
        hold.countDown()
        worker.join()
        assertEquals(1, made.count)
    }
}
