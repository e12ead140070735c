package dev.ondevice.demo.ui

import android.content.Context
import android.text.InputType
import android.view.LayoutInflater
import android.view.View
import android.view.ViewGroup
import android.widget.ArrayAdapter
import android.widget.CheckBox
import android.widget.Filter
import android.widget.MultiAutoCompleteTextView
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.bundle.Feature
import dev.ondevice.demo.bundle.Kind
import dev.ondevice.demo.state.DemoModel
import dev.ondevice.demo.state.DemoState
import dev.ondevice.demo.state.Field
import dev.ondevice.demo.state.Input

/** Where the person fills in a field for each input of a model of one's own. */
class FieldsInput(root: View, private val model: DemoModel) {
    private val part: ViewGroup = root.findViewById(R.id.fields_part)
    private val rows = mutableMapOf<String, Row>()

    /** Shows a field for each input, and what is wrong in it; hides itself for other models. */
    fun show(ready: DemoState.Ready) {
        val input = ready.input as? Input.Fields
        part.showIf(input != null)
        for (field in input?.fields.orEmpty()) rows.getOrPut(field.feature.name) { Row(field) }.show(field)
    }

    // The fields are what counts: the model may still be busy with what was in them before.

    /** Puts texts where the person could have written them, by input. */
    fun write(texts: Map<String, String>) {
        for ((name, text) in texts) rows[name]?.write(text)
    }

    /** The field of one input: boxes for what is true or false, else text. */
    private inner class Row(field: Field) {
        private val feature = field.feature
        private val view = LayoutInflater.from(part.context).inflate(R.layout.field, part, false)
        private val text: MultiAutoCompleteTextView = view.findViewById(R.id.field_text)
        private val boxes = if (feature.kind == Kind.BOOL) List(feature.length, ::box) else emptyList()
        private val note: TextView = view.findViewById(R.id.field_note)

        init {
            part.addView(view)
            view.findViewById<TextView>(R.id.field_name).text = feature.name
            text.showIf(boxes.isEmpty())
            text.contentDescription = feature.name
            text.inputType = typeOf(feature)
            if (feature.vocabulary.isNotEmpty() && feature.tokenizer == null) {
                text.setAdapter(Suggestions(part.context) { model.suggestions(feature.name, it) })
                text.setTokenizer(Lines)
            }
            write(field.text)
            text.onText { model.setField(feature.name, it) }
        }

        fun show(field: Field) {
            note.show(field.problem.ifEmpty { hintOf(feature) })
            note.setTextColor(note.context.getColor(if (field.problem.isEmpty()) R.color.text_quiet else R.color.bad))
        }

        fun write(written: String) {
            if (text.text.toString() != written) text.setText(written, false)
            text.setSelection(text.length())
            val numbers = written.split(", ")
            boxes.forEachIndexed { place, box -> box.isChecked = numbers.getOrNull(place) == "1" }
        }

        private fun box(place: Int): CheckBox {
            val box = CheckBox(part.context)
            box.contentDescription = if (feature.length == 1) feature.name else "${feature.name} ${place + 1}"
            box.isSaveEnabled = false
            box.minimumHeight = part.resources.getDimensionPixelSize(R.dimen.touch_target)
            box.setOnClickListener {
                model.setField(feature.name, boxes.joinToString { each -> if (each.isChecked) "1" else "0" })
            }
            view.findViewById<ViewGroup>(R.id.field_boxes).addView(box)
            return box
        }
    }

    private fun hintOf(feature: Feature): String {
        val resources = part.resources
        val count = feature.length
        val many = resources.getQuantityString(
            if (feature.padding == null) R.plurals.field_needs else R.plurals.field_takes, count, count,
        )
        val hint = when {
            feature.kind == Kind.BOOL -> return ""
            feature.tokenizer != null -> R.plurals.field_words
            feature.vocabulary.isNotEmpty() -> R.plurals.field_keys
            feature.size > 0 -> R.plurals.field_ids
            else -> R.plurals.field_numbers
        }
        return resources.getQuantityString(hint, count, many, feature.size - 1)
    }

    private fun typeOf(feature: Feature): Int {
        val text = InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_FLAG_NO_SUGGESTIONS
        val lines = feature.vocabulary.isNotEmpty() && (feature.length > 1 || feature.tokenizer != null)
        return if (lines) text or InputType.TYPE_TEXT_FLAG_MULTI_LINE else text
    }
}

/** The keys of a vocabulary that hold what is being typed. */
private class Suggestions(context: Context, private val find: (String) -> List<String>) :
    ArrayAdapter<String>(context, android.R.layout.simple_list_item_1) {
    override fun getFilter() = object : Filter() {
        override fun performFiltering(query: CharSequence?): FilterResults =
            FilterResults().apply { values = find(query?.toString().orEmpty()) }

        override fun publishResults(query: CharSequence?, results: FilterResults) {
            clear()
            addAll((results.values as? List<*>).orEmpty().map { it as String })
        }
    }
}

/** Each line of a field is a key. */
private object Lines : MultiAutoCompleteTextView.Tokenizer {
    override fun findTokenStart(text: CharSequence, cursor: Int) = text.lastIndexOf('\n', cursor - 1) + 1

    override fun findTokenEnd(text: CharSequence, cursor: Int) =
        text.indexOf('\n', cursor).let { if (it < 0) text.length else it }

    override fun terminateToken(text: CharSequence) = text
}
