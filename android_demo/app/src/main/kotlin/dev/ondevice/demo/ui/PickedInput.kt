package dev.ondevice.demo.ui

import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.bundle.Item
import dev.ondevice.demo.state.DemoModel
import dev.ondevice.demo.state.DemoState
import dev.ondevice.demo.state.Input

/** Where the person picks items: the history, and a search for what to add to it. */
class PickedInput(root: View, private val model: DemoModel) {
    private val resources = root.resources
    private val part: View = root.findViewById(R.id.picked_part)
    private val note: TextView = root.findViewById(R.id.picked_note)
    private val search: EditText = root.findViewById(R.id.search)
    private val searchNote: TextView = root.findViewById(R.id.search_note)

    private val picked = Chips<Item>(root.findViewById<ViewGroup>(R.id.picked)) { item ->
        Chip(
            resources.getString(R.string.picked_chip, item.name),
            resources.getString(R.string.picked_remove, item.name),
            R.drawable.chip_picked,
        ) { model.remove(item) }
    }

    private val matches = Chips<Item>(root.findViewById<ViewGroup>(R.id.matches)) { item ->
        Chip(
            resources.getString(R.string.match_chip, item.label),
            resources.getString(R.string.match_add, item.name),
            R.drawable.chip,
        ) { model.add(item) }
    }

    init {
        search.onText(model::search)
    }

    /** Shows the history and what the search found; hides itself if the model takes no items. */
    fun show(ready: DemoState.Ready) {
        val input = ready.input as? Input.Picked
        part.showIf(input != null)
        if (input == null) return
        picked.show(input.picked.takeLast(SHOWN_PICKED))
        note.show(noteOf(input, ready.manifest.input.length))
        matches.show(input.matches.take(SHOWN_MATCHES))
        searchNote.show(searchNoteOf(input))
    }

    /** Forgets what was searched for. */
    fun clear() = search.text.clear()

    private fun noteOf(input: Input.Picked, seen: Int): String {
        val count = input.picked.size
        val notes = mutableListOf<String>()
        if (count == 0) notes += resources.getString(R.string.picked_none)
        if (count > SHOWN_PICKED) notes += resources.getString(R.string.picked_last, SHOWN_PICKED, count)
        if (count > seen) notes += resources.getQuantityString(R.plurals.picked_too_many, seen, seen)
        return notes.joinToString(" ")
    }

    private fun searchNoteOf(input: Input.Picked): String =
        when {
            input.matches.isEmpty() -> resources.getString(R.string.search_none, input.query)
            input.matches.size > SHOWN_MATCHES -> resources.getString(R.string.search_more)
            else -> ""
        }

    private companion object {
        // More would push the answers off the screen.
        const val SHOWN_PICKED = 12
        const val SHOWN_MATCHES = 8
    }
}
