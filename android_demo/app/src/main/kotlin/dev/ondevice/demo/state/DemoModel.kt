package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.Bundle
import dev.ondevice.demo.bundle.BundleException
import dev.ondevice.demo.bundle.BundleReader
import dev.ondevice.demo.bundle.BundleSource
import dev.ondevice.demo.bundle.Item
import dev.ondevice.demo.bundle.RESERVED_IDS
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.bundle.UNKNOWN_ID
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

    // Only the model's thread touches these.
    private var session: Session? = null
    private val latency = Latency()

    private class Session(val bundle: Bundle, val recommender: Recommender)

    init {
        thread.run(::load)
    }

    /** Tells this listener, and no longer the former one, of states, beginning with the latest. */
    fun setListener(listener: Listener?) {
        this.listener = listener
        listener?.onState(state)
    }

    /** Looks for items whose key holds the query. */
    fun search(query: String) = onPicked { bundle, input -> input.copy(query = query).matched(bundle) }

    /** Adds an item to the end of the history, once. */
    fun add(item: Item) = onPicked { bundle, input ->
        if (item in input.picked) input else input.copy(picked = input.picked + item).matched(bundle)
    }

    /** Takes an item out of the history. */
    fun remove(item: Item) = onPicked { bundle, input -> input.copy(picked = input.picked - item).matched(bundle) }

    /** Takes everything out of the history, or empties the text. */
    fun clear() = onReady { session, ready -> answered(session, ready.copy(input = emptyInput(session.bundle))) }

    /** Replaces the text. */
    fun setText(text: String) = onReady { session, ready ->
        if (ready.input is Input.Typed) answered(session, ready.copy(input = typed(session.bundle, text))) else ready
    }

    /** Replaces the history or the text by an example's. */
    fun tryExample(example: Example) = onReady { session, ready ->
        val input = when (val input = ready.input) {
            is Input.Picked -> input.copy(picked = example.items).matched(session.bundle)
            is Input.Typed -> typed(session.bundle, example.text)
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
            publish(DemoState.Ready(bundle.manifest, examplesOf(bundle), emptyInput(bundle)))
        } catch (error: BundleException) {
            publish(DemoState.Failed(error.message))
        } catch (error: RecommenderException) {
            publish(DemoState.Failed(error.message))
        }
    }

    private fun onPicked(change: (Bundle, Input.Picked) -> Input.Picked) = onReady { session, ready ->
        val before = ready.input as? Input.Picked ?: return@onReady ready
        val after = change(session.bundle, before)
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
        val ids = when (val input = ready.input) {
            is Input.Picked -> if (input.picked.isEmpty()) null else bundle.callOf(input.picked)
            is Input.Typed -> if (input.words == 0) null else bundle.callOf(input.text)
        } ?: return ready.copy(answers = emptyList())
        val answer = session.recommender.answer(ids)
        val problem = SelfCheck.unshowable(bundle.manifest, answer)
        if (problem.isNotEmpty()) throw RecommenderException("The model's answer can't be shown: $problem.")
        latency.add(answer.nanoseconds)
        val named = answer.ids.indices.map { Scored(bundle.nameOf(answer.ids[it]), answer.scores[it]) }
        return ready.copy(answers = named, latency = latency.summary())
    }

    private fun emptyInput(bundle: Bundle): Input =
        when (bundle.manifest.task) {
            Task.RANKING -> Input.Picked("", emptyList(), emptyList()).matched(bundle)
            Task.TEXT, Task.CLICKS -> typed(bundle, "")
        }

    private fun Input.Picked.matched(bundle: Bundle): Input.Picked =
        copy(matches = bundle.vocabulary.search(query, MATCHES, without = picked.mapTo(HashSet()) { it.id }))

    private fun typed(bundle: Bundle, text: String): Input.Typed {
        // A line has a value for each field, but that nothing is typed is no line.
        val ids = if (text.isEmpty()) emptyList() else bundle.wordIds(text)
        return Input.Typed(text, ids.size, ids.count { it == UNKNOWN_ID })
    }

    private fun examplesOf(bundle: Bundle): List<Example> =
        when (bundle.manifest.task) {
            Task.RANKING -> bundle.vectors.vectors.filter { !it.edge }.map { vector ->
                val items = vector.ids.filter { it in RESERVED_IDS until bundle.vocabulary.size }.distinct()
                Example(vector.name, items.map(bundle.vocabulary::item), "")
            }
            Task.TEXT, Task.CLICKS -> bundle.vectors.texts.filter { typed(bundle, it.text).words > 0 }.map { vector ->
                Example(vector.title, emptyList(), vector.text)
            }
        }.take(EXAMPLES)

    private companion object {
        const val MATCHES = 50
        const val EXAMPLES = 8
    }
}
