package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Fixture
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class FieldTextTest {
    private val bundle = Fixture.own().read()

    private fun field(name: String, bundle: Bundle = this.bundle) =
        FieldText(bundle, bundle.manifest.inputs.first { it.name == name })

    private fun problem(name: String, text: String) = assertThrows<FieldException> { field(name).read(text) }.message

    @Test
    fun `what is written is read again`() {
        for (vector in bundle.vectors.vectors) {
            for ((name, numbers) in vector.inputs) {
                val written = field(name).written(numbers)
                val read = field(name).read(written)
                assertArrayEquals(numbers, read, 1e-6, "$name: $written")
            }
        }
    }

    @Test
    fun `of more keys than the input takes the last count, and padding fills`() {
        assertArrayEquals(doubleArrayOf(4.0, 5.0, 6.0, 7.0), field("songs").read("Blue Monday\nparty Monday\nrock-17\nrock-18\nÜber uns"))
        assertArrayEquals(doubleArrayOf(2.0, 0.0, 0.0, 0.0), field("songs").read(" Blue Monday \n\n"))
        assertArrayEquals(DoubleArray(4), field("songs").read(""))
    }

    @Test
    fun `numbers may have commas or blanks between`() {
        assertArrayEquals(doubleArrayOf(1.5, -2.0), field("prices").read(" 1.5 ,-2"))
        assertArrayEquals(doubleArrayOf(1.5, 1e30), field("prices").read("1.5\n1e30"))
    }

    @Test
    fun `what is no input is said`() {
        assertEquals("“rock” is none of the keys", problem("songs", "rock-17\nrock"))
        assertEquals("“<padding>” is none of the keys", problem("songs", "<padding>"))
        assertEquals("5 is not one of 0 to 4", problem("country", "5"))
        assertEquals("“1.5” is no whole number", problem("country", "1.5"))
        assertEquals("“9999999999” is no whole number", problem("country", "9999999999"))
        assertEquals("1 needed, 0 given", problem("country", ""))
        assertEquals("2 needed, 3 given", problem("prices", "1, 2, 3"))
        assertEquals("“two” is no number", problem("prices", "1, two"))
        assertEquals("“1e99” is no number", problem("prices", "1e99, 0"))
        assertEquals("2 is not one of 0 to 1", problem("member", "2"))
    }

    @Test
    fun `a text is cut into words`() {
        val text = Fixture.text().manifest { it["task"] = "" }.read()
        assertArrayEquals(doubleArrayOf(2.0, 3.0, 1.0, 4.0, 0.0), field("ids", text).read("A great new film!"))
        assertEquals("a great film", field("ids", text).written(doubleArrayOf(2.0, 3.0, 4.0, 0.0, 0.0)))
    }
}
