package dev.ondevice.demo.recommend

import java.util.concurrent.Executors

/** The one background thread that creates, calls and closes a recommender: interpreters are not thread-safe. */
class ModelThread {
    private val executor = Executors.newSingleThreadExecutor { Thread(it, "model").apply { isDaemon = true } }

    /** Runs a task after all earlier ones. Not to be called after [close]. */
    fun run(task: () -> Unit) = executor.execute(task)

    /** Runs a last task after all earlier ones, then ends; does not wait for it. */
    fun close(last: () -> Unit) {
        executor.execute(last)
        executor.shutdown()
    }
}
