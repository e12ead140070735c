package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Feature
import dev.ondevice.demo.bundle.Item
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.recommend.LatencySummary
import dev.ondevice.demo.recommend.SelfCheckResult

/** Everything that the screen shows. */
sealed interface DemoState {
    /** The bundle is being read and checked. */
    object Loading : DemoState

    /** There is no model to use; [reason] is one sentence for the person who looks at the screen. */
    data class Failed(val reason: String) : DemoState

    /**
     * The model answers.
     *
     * @property manifest facts about the model: its name, task, size and methods.
     * @property examples what may be tried with one touch.
     * @property input what was picked, typed or filled in.
     * @property answers what the model says to it, best first; empty while there is no input.
     * @property latency the last answers' times on this device, the self-check's apart; null before the first.
     * @property selfCheck whether the model was checked on this device.
     */
    data class Ready(
        val manifest: Manifest,
        val examples: List<Example>,
        val input: Input,
        val answers: List<Scored> = emptyList(),
        val latency: LatencySummary? = null,
        val selfCheck: SelfCheckState = SelfCheckState.NotRun,
    ) : DemoState
}

/** What the person gave the model. */
sealed interface Input {
    /**
     * Items, for a ranking model.
     *
     * @property query what is being searched for.
     * @property matches the first items that the search found, those already picked left out.
     * @property picked the history, oldest first; the model sees as much of its end as its input is long.
     */
    data class Picked(val query: String, val matches: List<Item>, val picked: List<Item>) : Input

    /**
     * A text for a text model, or a line of fields for a click model.
     *
     * @property words words in the text, or fields of the line; the model sees as many of the last as its input is long.
     * @property unknown how many of these words the vocabulary does not list.
     */
    data class Typed(val text: String, val words: Int, val unknown: Int) : Input

    /** Numbers and keys for a model of one's own: a field for each of its inputs. */
    data class Fields(val fields: List<Field>) : Input
}

/**
 * A field for one input of a model of one's own.
 *
 * @property text what is written in it.
 * @property problem why that is no input, empty if it is one.
 */
data class Field(val feature: Feature, val text: String, val problem: String)

/** One line of the answer: name of an item, a label or an output, and its score or number. */
data class Scored(val name: String, val score: Double)

/** An input that came with the model: a history of [items], a [text], or what is in the [fields] by input. */
data class Example(
    val name: String,
    val items: List<Item> = emptyList(),
    val text: String = "",
    val fields: Map<String, String> = emptyMap(),
)

/** How far the self-check is. */
sealed interface SelfCheckState {
    object NotRun : SelfCheckState

    object Running : SelfCheckState

    data class Done(val result: SelfCheckResult) : SelfCheckState
}
