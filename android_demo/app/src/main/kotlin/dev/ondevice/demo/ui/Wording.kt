package dev.ondevice.demo.ui

import android.content.res.Resources
import dev.ondevice.demo.R
import dev.ondevice.demo.recommend.LatencySummary
import java.text.NumberFormat
import java.util.Locale
import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.log10
import kotlin.math.max

/** Numbers as the person who looks at the screen writes them. */
class Wording(private val resources: Resources) {
    /** Returns a size in decimal units with three digits. */
    fun bytes(bytes: Long): String =
        when {
            bytes < 1_000 -> resources.getString(R.string.bytes_b, count(bytes))
            bytes < 999_500 -> resources.getString(R.string.bytes_kb, threeDigits(bytes / 1e3))
            else -> resources.getString(R.string.bytes_mb, threeDigits(bytes / 1e6))
        }

    /** Returns a whole number with its thousands apart. */
    fun count(number: Long): String = NumberFormat.getIntegerInstance().format(number)

    /** Returns a part of a whole. */
    fun percent(share: Double): String =
        NumberFormat.getPercentInstance().apply { maximumFractionDigits = 1 }.format(share)

    /** Returns a number with six digits that say something. */
    fun number(number: Double): String {
        val before = if (number == 0.0) 0 else floor(log10(abs(number))).toInt() + 1
        return NumberFormat.getNumberInstance().apply { maximumFractionDigits = max(0, 6 - before) }.format(number)
    }

    /** Returns a number with this many digits behind the point. */
    fun decimal(number: Double, digits: Int): String = "%.${digits}f".format(Locale.getDefault(), number)

    /** Returns both percentiles, and how many answers they come from. */
    fun latency(latency: LatencySummary): String =
        resources.getQuantityString(
            R.plurals.latency, latency.answers, latency.answers, time(latency.p50), time(latency.p95),
        )

    /** Returns both percentiles alone. */
    fun percentiles(latency: LatencySummary): String =
        resources.getString(R.string.check_latency, time(latency.p50), time(latency.p95))

    private fun time(nanoseconds: Long): String {
        val milliseconds = nanoseconds / 1e6
        return resources.getString(R.string.milliseconds, decimal(milliseconds, if (milliseconds < 1) 3 else 2))
    }

    private fun threeDigits(value: Double): String =
        decimal(value, if (value < 9.995) 2 else if (value < 99.95) 1 else 0)
}
