package dev.ondevice.demo.ui

import android.view.View
import android.widget.Button
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.recommend.SelfCheckResult
import dev.ondevice.demo.state.DemoModel
import dev.ondevice.demo.state.SelfCheckState

/** Asks the model what it came with answers to, and shows whether this device says the same. */
class SelfCheckPage(root: View, model: DemoModel) {
    private val resources = root.resources
    private val wording = Wording(resources)
    private val card: View = root.findViewById(R.id.check_result)
    private val verdict: TextView = root.findViewById(R.id.check_verdict)
    private val details: TextView = root.findViewById(R.id.check_details)
    private val run: Button = root.findViewById(R.id.check_run)

    init {
        run.setOnClickListener { model.checkSelf() }
    }

    /** Shows how far the check is. */
    fun show(state: SelfCheckState) {
        run.isEnabled = state != SelfCheckState.Running
        run.setText(if (state == SelfCheckState.NotRun) R.string.check_run else R.string.check_again)
        card.showIf(state != SelfCheckState.NotRun)
        when (state) {
            SelfCheckState.NotRun -> Unit
            SelfCheckState.Running -> say(R.string.check_running, R.color.text, "")
            is SelfCheckState.Done -> show(state.result)
        }
    }

    private fun show(result: SelfCheckResult) {
        if (result.passed) {
            say(R.string.check_passed, R.color.good, comparedOf(result))
        } else {
            say(R.string.check_different, R.color.bad, "${result.difference}\n\n${comparedOf(result)}")
        }
    }

    private fun comparedOf(result: SelfCheckResult): String {
        val lines = mutableListOf(resources.getQuantityString(R.plurals.check_calls, result.vectors, result.vectors))
        if (result.texts > 0) {
            lines += resources.getQuantityString(R.plurals.check_texts, result.texts, result.texts)
        }
        val allowed = wording.decimal(result.allowedError, ERROR_DIGITS)
        lines += resources.getString(R.string.check_error, wording.decimal(result.largestError, ERROR_DIGITS), allowed)
        result.latency?.let { lines += wording.percentiles(it) }
        return lines.joinToString("\n")
    }

    private fun say(title: Int, color: Int, text: String) {
        verdict.setText(title)
        verdict.setTextColor(verdict.context.getColor(color))
        details.show(text)
    }

    private companion object {
        const val ERROR_DIGITS = 3
    }
}
