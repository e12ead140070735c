package dev.ondevice.demo.ui

import android.view.LayoutInflater
import android.view.ViewGroup
import android.widget.TextView
import dev.ondevice.demo.R

/**
 * What one chip shows and does.
 *
 * @property spoken what a screen reader says, since the text may hold a symbol.
 */
class Chip(val text: String, val spoken: String, val background: Int, val touch: () -> Unit)

/** Chips in a container; they are made anew only if what they stand for has changed, so that focus is not lost. */
class Chips<T>(private val container: ViewGroup, private val chipOf: (T) -> Chip) {
    private var shown: List<T>? = null

    /** Shows one chip for each of these. */
    fun show(values: List<T>) {
        if (values == shown) return
        shown = values
        container.removeAllViews()
        val inflater = LayoutInflater.from(container.context)
        for (chip in values.map(chipOf)) {
            val view = inflater.inflate(R.layout.chip, container, false) as TextView
            view.text = chip.text
            view.contentDescription = chip.spoken
            view.setBackgroundResource(chip.background)
            view.setOnClickListener { chip.touch() }
            container.addView(view)
        }
    }
}
