package dev.ondevice.demo.ui

import android.graphics.Rect
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.ProgressBar
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.bundle.HeadKind
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.state.DemoState
import dev.ondevice.demo.state.Input
import dev.ondevice.demo.state.Scored
import kotlin.math.roundToInt

/** What the model answers, and how fast this device is. */
class Answers(root: View) {
    private val resources = root.resources
    private val wording = Wording(resources)
    private val heading: TextView = root.findViewById(R.id.answers_heading)
    private val none: TextView = root.findViewById(R.id.answers_none)
    private val list: ViewGroup = root.findViewById(R.id.answers)
    private val latency: TextView = root.findViewById(R.id.latency)
    private var shown: List<Scored>? = null

    /** Shows the answers of a state. */
    fun show(ready: DemoState.Ready) {
        val ranking = ready.manifest.task == Task.RANKING
        heading.setText(if (ranking) R.string.answers_items else R.string.answers_labels)
        none.setText(
            when (ready.input) {
                is Input.Picked -> R.string.answers_none_items
                is Input.Typed -> R.string.answers_none_labels
                is Input.Fields -> R.string.answers_none_fields
            },
        )
        none.showIf(ready.answers.isEmpty())
        latency.text = ready.latency?.let(wording::latency) ?: resources.getString(R.string.latency_none)
        if (ready.answers == shown) return
        shown = ready.answers
        while (list.childCount > ready.answers.size) list.removeViewAt(list.childCount - 1)
        val inflater = LayoutInflater.from(list.context)
        while (list.childCount < ready.answers.size) inflater.inflate(R.layout.answer, list)
        ready.answers.forEachIndexed { place, answer ->
            val row = list.getChildAt(place)
            when (ready.manifest.head.kind) {
                HeadKind.TOP_K -> showItem(row, place + 1, answer)
                HeadKind.PROBABILITIES -> showLabel(row, answer)
                HeadKind.VALUES -> showValue(row, answer)
            }
        }
    }

    /** Scrolls so that as many answers as possible can be seen, from the first. */
    fun bringIntoSight() {
        // After the layout, which has yet to make room for what was shown last.
        heading.post { heading.requestRectangleOnScreen(Rect(0, 0, heading.width, heading.rootView.height)) }
    }

    private fun showItem(row: View, rank: Int, answer: Scored) {
        val score = wording.decimal(answer.score, SCORE_DIGITS)
        fill(row, wording.count(rank.toLong()), answer.name, score)
        row.contentDescription = resources.getString(R.string.answer_item, rank, answer.name, score)
    }

    private fun showLabel(row: View, answer: Scored) {
        val share = wording.percent(answer.score)
        fill(row, "", answer.name, share)
        row.contentDescription = resources.getString(R.string.answer_label, answer.name, share)
        val bar: ProgressBar = row.findViewById(R.id.answer_bar)
        bar.progress = (answer.score * bar.max).roundToInt()
        bar.showIf(true)
    }

    private fun showValue(row: View, answer: Scored) {
        val number = wording.number(answer.score)
        fill(row, "", answer.name, number)
        row.contentDescription = resources.getString(R.string.answer_label, answer.name, number)
    }

    private fun fill(row: View, rank: String, name: String, score: String) {
        row.findViewById<TextView>(R.id.answer_rank).show(rank)
        row.findViewById<TextView>(R.id.answer_name).text = name
        row.findViewById<TextView>(R.id.answer_score).text = score
    }

    private companion object {
        const val SCORE_DIGITS = 3
    }
}
