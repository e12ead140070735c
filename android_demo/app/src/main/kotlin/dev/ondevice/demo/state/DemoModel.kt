package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.BundleException
import dev.ondevice.demo.bundle.BundleReader
import dev.ondevice.demo.bundle.BundleSource
import dev.ondevice.demo.bundle.Item
import dev.ondevice.demo.bundle.Values
import dev.ondevice.demo.recommend.Comparison
import dev.ondevice.demo.recommend.Latency
import dev.ondevice.demo.recommend.ModelThread
import dev.ondevice.demo.recommend.Recommender
import dev.ondevice.demo.recommend.RecommenderException
import dev.ondevice.demo.recommend.SelfCheck
import dev.ondevice.demo.recommend.TfliteRecommender
import java.io.Closeable
import java.util.concurrent.Executor

/**
 * The demo without its screen: loads the bundle, takes what the person does, and says what to show.
 *
 * Everything is called on one thread, the screen's; all work happens on a thread of its own. One listener is told of
 * states; it may come and go, as it does when the phone is turned, and is told the latest state when it comes.
 *
 * @param source the bundle's files.
 * @param deliver runs what it is given on the screen's thread.
 * @param recommenderOf makes the recommender of a bundle.
 */
class DemoModel(
    private val source: BundleSource,
    private val deliver: Executor,
    private val recommenderOf: (Bundle) -> Recommender = ::TfliteRecommender,
) : Closeable {
    fun interface Listener {
        fun onState(state: DemoState)
    }

    private val thread = ModelThread()

    @Volatile private var state: DemoState = DemoState.Loading

    @Volatile private var closed = false

    @Volatile private var listener: Listener? = null

    // Only the model's thread touches the recommender and the times; the bundle never changes.
    @Volatile private var session: Session? = null
    private val latency = Latency()

    private class Session(val bundle: Bundle, val recommender: Recommender) {
        val inputs = Inputs(bundle)
    }

    init {
        thread.run(::load)
    }

    /** Tells this listener, and no longer the former one, of states, beginning with the latest. */
    fun setListener(listener: Listener?) {
        this.listener = listener
        listener?.onState(state)
    }

    /** Looks for items whose key holds the query. */
    fun search(query: String) = onPicked { inputs, input -> inputs.matched(input.copy(query = query)) }

    /** Adds an item to the end of the history, once. */
    fun add(item: Item) = onPicked { inputs, input ->
        if (item in input.picked) input else inputs.matched(input.copy(picked = input.picked + item))
    }

    /** Takes an item out of the history. */
    fun remove(item: Item) = onPicked { inputs, input -> inputs.matched(input.copy(picked = input.picked - item)) }

    /** Takes everything out of the history, empties the text, or fills the fields as at the start. */
    fun clear() = onReady { session, ready -> answered(session, ready.copy(input = session.inputs.first())) }

    /** Replaces the text. */
    fun setText(text: String) = onReady { session, ready ->
        if (ready.input is Input.Typed) answered(session, ready.copy(input = session.inputs.typed(text))) else ready
    }

    /** Replaces what is in the field of an input. */
    fun setField(name: String, text: String) = onReady { session, ready ->
        val before = ready.input as? Input.Fields ?: return@onReady ready
        answered(session, ready.copy(input = session.inputs.filled(before, mapOf(name to text))))
    }

    /** Returns the first keys for the field of an input that hold a query; may be called on any thread. */
    fun suggestions(name: String, query: String): List<String> =
        session?.bundle?.vocabularies?.get(name)?.search(query, MATCHES).orEmpty().map { it.key }

    /** Replaces the history, the text or the fields by an example's. */
    fun tryExample(example: Example) = onReady { session, ready ->
        val input = when (val input = ready.input) {
            is Input.Picked -> session.inputs.matched(input.copy(picked = example.items))
            is Input.Typed -> session.inputs.typed(example.text)
            is Input.Fields -> session.inputs.filled(input, example.fields)
        }
        answered(session, ready.copy(input = input))
    }

    /** Compares this device's answers to the test vectors with the reference's. */
    fun checkSelf() = onReady { session, ready ->
        publish(ready.copy(selfCheck = SelfCheckState.Running))
        ready.copy(selfCheck = SelfCheckState.Done(SelfCheck(session.bundle, session.recommender).run()))
    }

    /** Lets the model go once what runs is done; from now on no state is delivered and nothing else happens. */
    override fun close() {
        if (closed) return
        closed = true
        listener = null
        thread.close { session?.recommender?.close() }
    }

    private fun load() {
        try {
            val bundle = BundleReader(source).read()
            if (closed) return
            val opened = Session(bundle, recommenderOf(bundle))
            session = opened
            val ready = DemoState.Ready(bundle.manifest, opened.inputs.examples(), opened.inputs.first())
            publish(answered(opened, ready))
        } catch (error: BundleException) {
            publish(DemoState.Failed(error.message))
        } catch (error: RecommenderException) {
            publish(DemoState.Failed(error.message))
        }
    }

    private fun onPicked(change: (Inputs, Input.Picked) -> Input.Picked) = onReady { session, ready ->
        val before = ready.input as? Input.Picked ?: return@onReady ready
        val after = change(session.inputs, before)
        val changed = ready.copy(input = after)
        if (after.picked == before.picked) changed else answered(session, changed)
    }

    /** Changes the state on the model's thread, if the model is there by then. */
    private fun onReady(change: (Session, DemoState.Ready) -> DemoState) {
        if (closed) return
        thread.run {
            val session = session
            val ready = state
            if (session != null && ready is DemoState.Ready && !closed) {
                try {
                    publish(change(session, ready))
                } catch (error: RecommenderException) {
                    publish(DemoState.Failed(error.message))
                }
            }
        }
    }

    private fun publish(next: DemoState) {
        state = next
        // What is read when the screen's thread comes to it, so that no older state follows a newer one.
        deliver.execute { if (!closed) listener?.onState(state) }
    }

    private fun answered(session: Session, ready: DemoState.Ready): DemoState.Ready {
        val bundle = session.bundle
        val call = session.inputs.call(ready.input) ?: return ready.copy(answers = emptyList())
        val answer = session.recommender.answer(call)
        val problem = Comparison.unshowable(bundle.manifest, answer.outputs)
        if (problem.isNotEmpty()) throw RecommenderException("The model's answer can't be shown: $problem.")
        latency.add(answer.nanoseconds)
        return ready.copy(answers = named(bundle, answer.outputs), latency = latency.summary())
    }

    private fun named(bundle: Bundle, outputs: Values): List<Scored> {
        val ranked = bundle.manifest.head.ranked(outputs)
        if (ranked != null) return ranked.ids.indices.map { Scored(bundle.nameOf(ranked.ids[it]), ranked.scores[it]) }
        return bundle.manifest.outputs.flatMap { output ->
            val numbers = outputs.getValue(output.name).take(SHOWN_NUMBERS)
            numbers.mapIndexed { place, number ->
                Scored(if (output.length == 1) output.name else "${output.name} ${place + 1}", number)
            }
        }
    }

    companion object {
        private const val MATCHES = 50

        /** Numbers of one output that are shown, at most. */
        const val SHOWN_NUMBERS = 32
    }
}
