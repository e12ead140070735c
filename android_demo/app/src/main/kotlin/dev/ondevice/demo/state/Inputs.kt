package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.bundle.Values

/** What a person may give the model of a bundle, and the call that becomes of it. */
class Inputs(private val bundle: Bundle) {
    private val manifest = bundle.manifest
    private val texts = manifest.inputs.associate { it.name to FieldText(bundle, it) }

    /** Returns what is there before the person did anything: nothing, or fields with a first example. */
    fun first(): Input =
        when (manifest.task) {
            Task.RANKING -> matched(Input.Picked("", emptyList(), emptyList()))
            Task.TEXT, Task.CLICKS -> typed("")
            Task.OWN -> filled(Input.Fields(manifest.inputs.map { Field(it, "", "") }), examples().first().fields)
        }

    /** Searches anew for what may be picked. */
    fun matched(input: Input.Picked): Input.Picked {
        val without = input.picked.mapTo(HashSet()) { it.id }
        return input.copy(matches = bundle.vocabulary.search(input.query, MATCHES, without))
    }

    /** Cuts a text. */
    fun typed(text: String): Input.Typed {
        // A line has a value for each field, but that nothing is typed is no line.
        val ids = if (text.isEmpty()) emptyList() else bundle.wordIds(text)
        return Input.Typed(text, ids.size, ids.count { it == Bundle.UNKNOWN_ID })
    }

    /** Replaces what is in fields, by the names of their inputs. */
    fun filled(before: Input.Fields, texts: Map<String, String>): Input.Fields =
        Input.Fields(
            before.fields.map { field ->
                val text = texts[field.feature.name] ?: return@map field
                Field(field.feature, text, problemOf(field.feature.name, text))
            },
        )

    private fun problemOf(name: String, text: String): String =
        try {
            texts.getValue(name).read(text)
            ""
        } catch (error: FieldException) {
            error.message
        }

    /** Returns the call of an input, null while there is none. */
    fun call(input: Input): Values? =
        when (input) {
            is Input.Picked -> if (input.picked.isEmpty()) null else bundle.callOf(input.picked.map { it.id })
            is Input.Typed -> if (input.words == 0) null else bundle.callOf(bundle.wordIds(input.text))
            is Input.Fields ->
                if (input.fields.any { it.problem.isNotEmpty() }) null
                else input.fields.associate { it.feature.name to texts.getValue(it.feature.name).read(it.text) }
        }

    /** Returns what came with the model to be tried. */
    fun examples(): List<Example> {
        val vectors = bundle.vectors.vectors
        return when (manifest.task) {
            Task.RANKING -> vectors.filter { !it.edge }.map { vector ->
                val ids = vector.inputs.getValue(manifest.input.name).map { it.toInt() }
                val items = ids.filter { it in bundle.vocabulary.picked }.distinct()
                Example(vector.name, items = items.map(bundle.vocabulary::item))
            }
            Task.TEXT, Task.CLICKS -> bundle.vectors.texts.filter { typed(it.text).words > 0 }.map { vector ->
                Example(vector.title, text = vector.text)
            }
            Task.OWN -> vectors.filter { !it.edge }.ifEmpty { vectors }.map { vector ->
                Example(vector.name, fields = texts.mapValues { it.value.written(vector.inputs.getValue(it.key)) })
            }
        }.take(EXAMPLES)
    }

    private companion object {
        const val MATCHES = 50
        const val EXAMPLES = 8
    }
}
