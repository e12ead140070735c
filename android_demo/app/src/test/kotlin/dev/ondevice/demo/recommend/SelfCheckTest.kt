package dev.ondevice.demo.recommend

import com.grack.nanojson.JsonArray
import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Fixture
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The first test vector's step is 0.01, and 4 steps are allowed. */
class SelfCheckTest {
    private val right = arrayOf(5 to 2.0, 6 to 1.0, 4 to 0.5)
    private val edge = answerOf(7 to 1.0, 6 to 0.75, 5 to 0.5)

    private fun check(vararg best: Pair<Int, Double>, bundle: Bundle = Fixture.ranking().read()): SelfCheckResult =
        SelfCheck(bundle, FakeRecommender { inputs ->
            if (inputs.getValue("ids")[0] < 0) edge else answerOf(*best)
        }).run()

    @Test
    fun `the reference's own answers pass`() {
        val result = check(*right)

        assertEquals("", result.difference)
        assertTrue(result.passed)
        assertEquals(2, result.vectors)
        assertEquals(0.0, result.largestError)
        assertEquals(2, result.latency?.answers)
    }

    @Test
    fun `scores may differ by what the manifest allows`() {
        val near = check(5 to 2.0, 6 to 0.97, 4 to 0.5)
        assertTrue(near.passed)
        assertEquals(3.0, near.largestError, 1e-4)
        val far = check(5 to 2.0, 6 to 0.95, 4 to 0.5)
        assertEquals("Test vector 'user 1': scores differ by 5.00 steps; 4.00 are allowed.", far.difference)
    }

    @Test
    fun `near ties may swap, others may not`() {
        val tied = Fixture.ranking().vector { it.getObject("outputs")["scores"] = JsonArray.from(2.0, 1.0, 0.97, -0.55) }.read()
        val result = check(5 to 2.0, 4 to 0.99, 6 to 0.98, bundle = tied)
        assertTrue(result.passed) { result.difference }
        assertEquals(2.0, result.largestError, 1e-4)
        val swapped = check(5 to 2.0, 4 to 1.0, 6 to 0.5)
        assertEquals("Test vector 'user 1': scores differ by 50.00 steps; 4.00 are allowed.", swapped.difference)
    }

    @Test
    fun `an item that the reference does not list is bounded by those it lists`() {
        val listed = Fixture.ranking().vector {
            it.getObject("outputs")["items"] = JsonArray.from(5, 6, 4)
            it.getObject("outputs")["scores"] = JsonArray.from(2.0, 1.0, 0.5)
        }.read()
        assertTrue(check(5 to 2.0, 6 to 1.0, 7 to 0.53, bundle = listed).passed)
        val late = check(5 to 2.0, 6 to 1.0, 7 to 0.44, bundle = listed)
        assertEquals(6.0, late.largestError, 1e-4)
        val high = check(7 to 2.0, 5 to 2.0, 6 to 1.0, bundle = listed)
        assertEquals(150.0, high.largestError, 1e-4)
    }

    @Test
    fun `equal scores everywhere must stay equal`() {
        val flat = Fixture.ranking().vector {
            it.getObject("outputs")["scores"] = JsonArray.from(0, 0, 0, 0)
            it.getObject("ranges")["scores"] = 0
        }.read()
        assertTrue(check(6 to 0.0, 7 to 0.0, 4 to 0.0, bundle = flat).passed)
        assertEquals(Double.POSITIVE_INFINITY, check(6 to 0.1, 7 to 0.0, 4 to 0.0, bundle = flat).largestError)
    }

    @Test
    fun `an answer that is wrong in itself is said to be`() {
        fun problem(vararg best: Pair<Int, Double>) = check(*best).difference.removePrefix("Test vector 'user 1': ")
        assertEquals("not every number of scores is finite.", problem(5 to 2.0, 6 to Double.NaN, 4 to 0.5))
        assertEquals("not every number of scores is finite.", problem(5 to Double.POSITIVE_INFINITY, 6 to 1.0, 4 to 0.5))
        assertEquals("scores do not fall.", problem(5 to 1.0, 6 to 2.0, 4 to 0.5))
        assertEquals("1 is none of the model's items.", problem(5 to 2.0, 6 to 1.0, 1 to 0.5))
        assertEquals("8 is none of the model's items.", problem(5 to 2.0, 6 to 1.0, 8 to 0.5))
        assertEquals("one of the items is returned twice.", problem(5 to 2.0, 6 to 1.0, 6 to 1.0))
        assertEquals("an id of ids is returned.", problem(5 to 2.0, 6 to 1.0, 3 to 0.5))
    }

    @Test
    fun `the history may come back where the manifest does not exclude it`() {
        val bundle = Fixture.ranking().head { it["exclude"] = "" }.vector {
            it.getObject("outputs")["items"] = JsonArray.from(3, 6, 4)
            it["keys"] = JsonArray.from("monday morning", "rock-18", "party Monday")
            it.getObject("outputs")["scores"] = JsonArray.from(2.0, 1.0, 0.5)
        }.read()
        assertTrue(check(3 to 2.0, 6 to 1.0, 4 to 0.5, bundle = bundle).passed)
    }

    private fun checkText(fixture: Fixture, vararg best: Pair<Int, Double>) =
        SelfCheck(fixture.read(), FakeRecommender { answerOf(*best) }).run()

    @Test
    fun `labels are compared, and how texts are cut`() {
        val result = checkText(Fixture.text(), 1 to 0.9, 0 to 0.1)
        assertEquals("", result.difference)
        assertEquals(3, result.texts)
        val foreign = checkText(Fixture.text(), 1 to 0.9, 2 to 0.1)
        assertEquals("Test vector 'review 1': 2 is none of the model's labels.", foreign.difference)
        val other = Fixture.text().input { it.getObject("tokenizer")["lowercase"] = false }
        val cut = checkText(other, 1 to 0.9, 0 to 0.1)
        assertEquals("Text 'A great FILM!': word 1 has id 1, expected is 2.", cut.difference)
    }

    @Test
    fun `the probability of a click is compared, and how lines are cut`() {
        val result = checkText(Fixture.clicks(), 0 to 0.25)
        assertEquals("", result.difference)
        assertEquals(3, result.texts)
        val other = checkText(Fixture.clicks(), 0 to 0.27)
        assertEquals("Test vector 'line 1': scores differ by 5.10 steps; 0.50 are allowed.", other.difference)
        val swapped = Fixture.clicks().input { it.getObject("tokenizer").getArray("fields").reverse() }
        val cut = checkText(swapped, 0 to 0.25)
        assertEquals("Text 'user=u1 ad=a1 site=s1': word 1 has id 4, expected is 2.", cut.difference)
    }

    @Test
    fun `numbers of any output are compared, whole ones by their greater part`() {
        fun difference(rating: Double, vararg parts: Double): String {
            val bundle = Fixture.own().read()
            val second = bundle.vectors.vectors[1].outputs
            val first = mapOf("rating" to doubleArrayOf(rating), "parts" to parts, "liked" to doubleArrayOf(1.0))
            val fake = FakeRecommender { Answer(if (it.getValue("member")[0] == 1.0) first else second, 1_000) }
            return SelfCheck(bundle, fake).run().difference
        }
        assertEquals("", difference(4.53, 1.0, 3.0, 2.0))
        assertEquals("", difference(4.5, 3.0, 7.0, 1.0))
        assertEquals("Test vector 'row 1': numbers differ by 5.00 steps; 4.00 are allowed.", difference(4.45, 3.0, 2.0, 1.0))
        val other = "Test vector 'row 1': numbers differ by Infinity steps; 4.00 are allowed."
        assertEquals(other, difference(4.5, 3.0, 7.0, 8.0))
        val odd = "Test vector 'row 1': not every number of rating is finite."
        assertEquals(odd, difference(Double.NaN, 3.0, 2.0, 1.0))
    }
}
