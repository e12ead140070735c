package dev.ondevice.demo.ui

import android.text.InputType
import android.view.View
import android.widget.EditText
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.state.DemoModel
import dev.ondevice.demo.state.DemoState
import dev.ondevice.demo.state.Input

/** Where the person types a text, or a line's values. */
class TypedInput(root: View, model: DemoModel) {
    private val resources = root.resources
    private val part: View = root.findViewById(R.id.typed_part)
    private val heading: TextView = root.findViewById(R.id.typed_heading)
    private val field: EditText = root.findViewById(R.id.text)
    private val note: TextView = root.findViewById(R.id.typed_note)

    init {
        field.onText(model::setText)
    }

    /** Shows what became of the text; hides itself if the model takes no text. */
    fun show(ready: DemoState.Ready) {
        val input = ready.input as? Input.Typed
        part.showIf(input != null)
        if (input == null) return
        val seen = ready.manifest.input.length
        val lines = ready.manifest.task == Task.CLICKS
        // Names and values count as they are: no keyboard may begin them with a capital letter or correct them.
        if (lines && field.inputType != AS_TYPED) field.inputType = AS_TYPED
        heading.setText(if (lines) R.string.typed_heading_line else R.string.typed_heading)
        field.setHint(if (lines) R.string.typed_hint_line else R.string.typed_hint)
        val count = if (lines) R.plurals.typed_values else R.plurals.typed_words
        val words = resources.getQuantityString(count, input.words, input.words, input.unknown)
        val last = resources.getQuantityString(R.plurals.typed_too_many, seen, seen)
        note.show(if (input.words == 0) "" else if (input.words > seen) "$words $last" else words)
    }

    // The field is what counts: the model may still be busy with an older text and must not write it back.

    /** Puts a text where the person could have typed it. */
    fun type(text: String) {
        field.setText(text)
        field.setSelection(text.length)
    }

    private companion object {
        const val AS_TYPED =
            InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_FLAG_MULTI_LINE or InputType.TYPE_TEXT_FLAG_NO_SUGGESTIONS
    }
}
