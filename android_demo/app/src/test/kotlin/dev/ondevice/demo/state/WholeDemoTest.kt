package dev.ondevice.demo.state

import dev.ondevice.demo.bundle.BundleReader
import dev.ondevice.demo.bundle.FolderBundleSource
import dev.ondevice.demo.bundle.HeadKind
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.recommend.RealRuntime
import dev.ondevice.demo.recommend.bundles
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.io.File
import java.util.concurrent.LinkedBlockingQueue

/** The app without its screen: real bundles, the real runtime, and what the screen would show. */
@RealRuntime
@Timeout(60)
class WholeDemoTest {
    private fun demo(folder: File, use: (DemoModel, LinkedBlockingQueue<DemoState>) -> Unit) {
        val states = LinkedBlockingQueue<DemoState>()
        DemoModel(FolderBundleSource(folder), Runnable::run).use { model ->
            model.setListener(states::add)
            use(model, states)
        }
    }

    private fun LinkedBlockingQueue<DemoState>.await(wanted: (DemoState.Ready) -> Boolean): DemoState.Ready {
        while (true) {
            val state = take()
            assertTrue(state !is DemoState.Failed) { "$state" }
            if (state is DemoState.Ready && wanted(state)) return state
        }
    }

    @Test
    fun `an example is answered with names, and the self-check passes`() {
        for (folder in bundles("answered")) demo(folder) { model, states ->
            val ready = states.await { true }
            if (ready.manifest.task != Task.OWN) model.tryExample(ready.examples.first())
            val answered = if (ready.manifest.task == Task.OWN) ready else states.await { it.answers.isNotEmpty() }
            val head = answered.manifest.head
            val shown = answered.manifest.outputs.sumOf { minOf(it.length, DemoModel.SHOWN_NUMBERS) }
            val numbers = if (head.kind == HeadKind.VALUES) shown else head.k
            assertEquals(numbers, answered.answers.map { it.name }.distinct().size)
            if (head.kind != HeadKind.VALUES) assertEquals(answered.answers.sortedByDescending { it.score }, answered.answers)
            assertEquals(1, answered.latency?.answers)
            model.checkSelf()
            val checked = states.await { it.selfCheck is SelfCheckState.Done }.selfCheck as SelfCheckState.Done
            assertEquals("", checked.result.difference)
        }
    }

    @Test
    fun `items picked by hand are answered as the reference answers them`() {
        for (folder in bundles("answered").filter { it.name.endsWith("float32") }) demo(folder) { model, states ->
            val ready = states.await { true }
            if (ready.manifest.task != Task.RANKING) return@demo
            val vector = BundleReader(FolderBundleSource(folder)).read().vectors.vectors.first { !it.edge }
            val history = ready.examples.first().items
            for (item in history) {
                model.search(item.key)
                val found = states.await { (it.input as Input.Picked).query == item.key }.input as Input.Picked
                model.add(found.matches.single { it == item })
            }
            val answered = states.await { (it.input as Input.Picked).picked == history && it.answers.isNotEmpty() }
            assertEquals(vector.keys, answered.answers.map { it.name })
        }
    }
}
