package dev.ondevice.demo.bundle

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Test

class IdMappingTest {
    private val mapping = IdMapping(vocabularySize = 10, historyLength = 4, OutOfRange.UNKNOWN)

    @Test
    fun `a short history is filled up behind`() {
        assertArrayEquals(intArrayOf(7, 3, 0, 0), mapping.call(listOf(7, 3)))
        assertArrayEquals(intArrayOf(0, 0, 0, 0), mapping.call(emptyList()))
    }

    @Test
    fun `the last of a long history count`() {
        assertArrayEquals(intArrayOf(4, 5, 6, 7), mapping.call((2..7).toList()))
    }

    @Test
    fun `ids outside the vocabulary count as the manifest says`() {
        val foreign = listOf(9, 10, -1, Int.MIN_VALUE)
        assertArrayEquals(intArrayOf(9, 1, 1, 1), mapping.call(foreign))
        assertArrayEquals(intArrayOf(9, 0, 0, 0), IdMapping(10, 4, OutOfRange.PADDING).call(foreign))
    }
}
