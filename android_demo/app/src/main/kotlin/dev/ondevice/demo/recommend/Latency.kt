package dev.ondevice.demo.recommend

/** How long answers took on this device: half of them at most [p50], 95 % at most [p95], both in nanoseconds. */
data class LatencySummary(val p50: Long, val p95: Long, val answers: Int)

/** The times of the last answers. */
class Latency(private val kept: Int = 200) {
    private val times = ArrayDeque<Long>()

    fun add(nanoseconds: Long) {
        if (times.size == kept) times.removeFirst()
        times.addLast(nanoseconds)
    }

    /** Returns the percentiles, null before the first answer. */
    fun summary(): LatencySummary? {
        if (times.isEmpty()) return null
        val sorted = times.sorted()
        return LatencySummary(percentile(sorted, 50), percentile(sorted, 95), sorted.size)
    }

    // The smallest time that this share of the answers does not exceed.
    private fun percentile(sorted: List<Long>, percent: Int): Long = sorted[(sorted.size * percent + 99) / 100 - 1]
}
