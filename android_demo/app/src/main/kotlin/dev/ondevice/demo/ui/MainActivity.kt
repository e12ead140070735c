package dev.ondevice.demo.ui

import android.app.Activity
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import dev.ondevice.demo.R
import dev.ondevice.demo.bundle.Feature
import dev.ondevice.demo.bundle.Manifest
import dev.ondevice.demo.bundle.Task
import dev.ondevice.demo.state.DemoModel
import dev.ondevice.demo.state.DemoState
import dev.ondevice.demo.state.Example
import dev.ondevice.demo.state.Input
import java.util.concurrent.Executor

/** The one screen with its two pages: what the model answers, and the self-check. */
class MainActivity : Activity() {
    private lateinit var model: DemoModel
    private lateinit var picked: PickedInput
    private lateinit var typed: TypedInput
    private lateinit var fields: FieldsInput
    private lateinit var answers: Answers
    private lateinit var selfCheck: SelfCheckPage
    private lateinit var examples: Chips<Example>
    private var back: BackGesture? = null
    private var checking = false

    // Whether the person touched what should lead to answers, which may be further down.
    private var answersWanted = false
    private var state: DemoState = DemoState.Loading

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        model = retained() ?: DemoModel(AssetBundleSource(applicationContext.assets), screenThread())
        checking = savedInstanceState?.getBoolean(CHECKING) ?: false
        setContentView(R.layout.activity_main)
        val root: View = findViewById(R.id.root)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) root.setOnApplyWindowInsetsListener(EdgeToEdge())
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) back = BackGesture(this) { showCheck(false) }
        picked = PickedInput(root, model)
        typed = TypedInput(root, model)
        fields = FieldsInput(root, model)
        answers = Answers(root)
        selfCheck = SelfCheckPage(root, model)
        examples = Chips(findViewById<ViewGroup>(R.id.examples), ::chipOf)
        findViewById<View>(R.id.clear).setOnClickListener { clear() }
        findViewById<View>(R.id.check_open).setOnClickListener { showCheck(true) }
        findViewById<View>(R.id.check_close).setOnClickListener { showCheck(false) }
    }

    override fun onStart() {
        super.onStart()
        model.setListener(::show)
    }

    override fun onStop() {
        model.setListener(null)
        super.onStop()
    }

    override fun onDestroy() {
        if (!isChangingConfigurations) model.close()
        super.onDestroy()
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putBoolean(CHECKING, checking)
    }

    // A model that is loaded stays so when the phone is turned.
    @Deprecated("The successor is in a library that this app does without.")
    override fun onRetainNonConfigurationInstance(): Any = model

    // Before Android 13; since then `BackGesture` does this.
    @Deprecated("The successor does not exist before Android 13.")
    override fun onBackPressed() {
        @Suppress("DEPRECATION")
        if (checking) showCheck(false) else super.onBackPressed()
    }

    @Suppress("DEPRECATION")
    private fun retained(): DemoModel? = lastNonConfigurationInstance as DemoModel?

    private fun screenThread(): Executor {
        val handler = Handler(Looper.getMainLooper())
        return Executor { handler.post(it) }
    }

    private fun show(state: DemoState) {
        this.state = state
        showPages()
        when (state) {
            is DemoState.Loading -> Unit
            is DemoState.Failed -> findViewById<TextView>(R.id.failed_reason).text = state.reason
            is DemoState.Ready -> showReady(state)
        }
    }

    private fun showReady(ready: DemoState.Ready) {
        showModel(ready.manifest)
        picked.show(ready)
        typed.show(ready)
        fields.show(ready)
        answers.show(ready)
        selfCheck.show(ready.selfCheck)
        examples.show(ready.examples.take(SHOWN_EXAMPLES))
        val empty = ready.input.isEmpty()
        findViewById<View>(R.id.examples_part).showIf(empty && ready.examples.isNotEmpty())
        findViewById<View>(R.id.clear).showIf(!empty)
        if (answersWanted && ready.answers.isNotEmpty()) {
            answersWanted = false
            answers.bringIntoSight()
        }
    }

    private fun Input.isEmpty(): Boolean =
        when (this) {
            is Input.Picked -> picked.isEmpty()
            is Input.Typed -> text.isEmpty()
            // There is always something in the fields, and always another example to try.
            is Input.Fields -> true
        }

    private fun showModel(manifest: Manifest) {
        val wording = Wording(resources)
        val size = wording.bytes(manifest.fileBytes)
        findViewById<TextView>(R.id.model_title).text = manifest.dataset.ifEmpty { manifest.name }
        val made = (manifest.methods + manifest.recipe).joinToString(" · ")
        findViewById<TextView>(R.id.model_facts).text = getString(R.string.model_facts, made, size)
        findViewById<TextView>(R.id.model_knows).text = when (manifest.task) {
            Task.RANKING -> known(R.plurals.model_items, manifest.input)
            Task.TEXT -> known(R.plurals.model_words, manifest.input)
            Task.CLICKS -> known(R.plurals.model_values, manifest.input)
            Task.OWN -> getString(R.string.model_own)
        }
    }

    private fun known(text: Int, input: Feature): String {
        val keys = input.size - input.reserved
        return resources.getQuantityString(text, keys, Wording(resources).count(keys.toLong()))
    }

    private fun chipOf(example: Example) = Chip(
        example.name,
        getString(R.string.example_try, example.name),
        R.drawable.chip,
    ) {
        answersWanted = true
        when ((state as? DemoState.Ready)?.input) {
            is Input.Typed -> typed.type(example.text)
            is Input.Fields -> {
                fields.write(example.fields)
                model.tryExample(example)
            }
            else -> model.tryExample(example)
        }
    }

    private fun clear() {
        picked.clear()
        typed.type("")
        model.clear()
    }

    private fun showCheck(shown: Boolean) {
        checking = shown
        showPages()
    }

    private fun showPages() {
        val ready = state is DemoState.Ready
        findViewById<View>(R.id.loading).showIf(state is DemoState.Loading)
        findViewById<View>(R.id.failed).showIf(state is DemoState.Failed)
        findViewById<View>(R.id.ready).showIf(ready && !checking)
        findViewById<View>(R.id.check).showIf(ready && checking)
        back?.take(ready && checking)
    }

    private companion object {
        const val CHECKING = "checking"
        const val SHOWN_EXAMPLES = 4
    }
}
