package dev.ondevice.demo.bundle

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.lang.management.ManagementFactory

class VocabularyTest {
    private val vocabulary = Fixture.ranking().read().vocabulary

    private fun found(query: String, limit: Int = 10, without: Set<Int> = emptySet()) =
        vocabulary.search(query, limit, without).map { it.key }

    @Test
    fun `keys and ids belong together`() {
        for (id in vocabulary.picked) assertEquals(id, vocabulary.id(vocabulary.item(id).key))
        assertEquals(null, vocabulary.id("never heard"))
    }

    @Test
    fun `reserved lines are no keys`() {
        assertEquals(null, vocabulary.id("<padding>"))
        assertEquals(emptyList<String>(), found("<"))
    }

    @Test
    fun `keys that begin with the query come first`() {
        assertEquals(listOf("monday morning", "Blue Monday", "party Monday"), found("Monday"))
    }

    @Test
    fun `the key itself comes before those that begin with it`() {
        val numbers = Vocabulary(List(2) { "<$it>" } + List(200) { "Song ${199 - it}" }, reserved = 2)
        assertEquals(listOf("Song 1", "Song 199", "Song 198"), numbers.search("song 1", 3).map { it.key })
    }

    @Test
    fun `items are found by title and by key and shown by their titles`() {
        val films = Vocabulary(listOf("<0>", "<1>", "tt17", "tt2"), 2, listOf("", "", "Toy Story (1995)", ""))
        val toys = Item(2, "tt17", "Toy Story (1995)")
        for (query in listOf("toy story (1995)", "story", "TT17")) assertEquals(listOf(toys), films.search(query, 5))
        assertEquals(listOf("Toy Story (1995)", "tt2"), films.picked.map { films.item(it).name })
        assertEquals(listOf("Toy Story (1995) · tt17", "tt2"), films.picked.map { films.item(it).label })
        assertEquals(2, films.id("tt17"))
    }

    @Test
    fun `case does not count, nor beyond ASCII`() {
        assertEquals(listOf("rock-17", "rock-18"), found("ROCK"))
        assertEquals(listOf("Über uns"), found("über"))
    }

    @Test
    fun `blanks around the query do not count`() {
        assertEquals(listOf("Über uns"), found("  uns "))
        assertEquals(6, found("  ").size)
    }

    @Test
    fun `no more than asked for, and none unwanted`() {
        assertEquals(listOf("monday morning", "Blue Monday"), found("monday", limit = 2))
        assertEquals(listOf("Blue Monday", "party Monday"), found("monday", limit = 2, without = setOf(3)))
        assertEquals(emptyList<String>(), found("nothing like it"))
    }

    @Test
    fun `a large vocabulary is searched while a person types`() {
        val large = Vocabulary(List(200_000) { "Catalogue item number $it" }, reserved = 2)
        // Of the processor, not the clock: other tests run meanwhile.
        val clock = ManagementFactory.getThreadMXBean()
        val times = List(10) {
            val started = clock.currentThreadCpuTime
            assertEquals(emptyList<Item>(), large.search("nothing like it", 50))
            clock.currentThreadCpuTime - started
        }
        println("search of 200,000 keys without a hit: ${times.min() / 1_000} us")
        assertTrue(times.min() < 200_000_000) { "a search took ${times.min()} ns" }
    }
}
