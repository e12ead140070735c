package dev.ondevice.demo.recommend

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class LatencyTest {
    @Test
    fun `nothing is known before the first answer`() {
        assertEquals(null, Latency().summary())
    }

    @Test
    fun `percentiles are times that occurred`() {
        val latency = Latency()
        latency.add(7)
        assertEquals(LatencySummary(p50 = 7, p95 = 7, answers = 1), latency.summary())
        for (time in 99L downTo 0) if (time != 7L) latency.add(time)
        assertEquals(LatencySummary(p50 = 49, p95 = 94, answers = 100), latency.summary())
    }

    @Test
    fun `old answers are forgotten`() {
        val latency = Latency(kept = 3)
        for (time in listOf(1_000L, 1, 2, 3)) latency.add(time)
        assertEquals(LatencySummary(p50 = 2, p95 = 3, answers = 3), latency.summary())
    }
}
