package dev.ondevice.demo.bundle

/** Types of tensors that this app can fill and read. */
val DTYPES = listOf("float32", "int32", "bool")

/**
 * Checks that the manifest promises a model that this app can serve.
 *
 * @throws BundleException it promises another one.
 */
internal fun checkServed(manifest: Manifest) {
    val head = manifest.head
    for (tensor in manifest.inputs.map { it.tensor } + manifest.outputs) {
        if (tensor.dtype !in DTYPES) {
            throw BundleException("This app serves tensors of ${DTYPES.joinToString()}; the model has $tensor.")
        }
    }
    if (head.kind.answers != null) checkRanked(manifest.outputs, head, head.kind.answers)
    if (head.exclude.isNotEmpty() && manifest.inputs.none { it.name == head.exclude }) {
        throw BundleException("The manifest leaves ids of '${head.exclude}' out, which is no input of the model.")
    }
    if (manifest.task != Task.OWN) checkTask(manifest)
}

private fun checkRanked(found: List<Tensor>, head: Head, answers: String) {
    val shape = listOf(1, head.k)
    val served = listOf(Tensor(answers, shape, "int32"), Tensor(Head.SCORES, shape, "float32"))
    if (found.toSet() != served.toSet()) {
        throw BundleException(
            "This app can't serve the outputs ${found.joinToString()}; " +
                "for the head ${head.kind.key} it serves ${served.joinToString()}.",
        )
    }
    if (head.kind == HeadKind.PROBABILITIES && head.labels.size != head.k) {
        throw BundleException("The model answers ${head.k} labels and the manifest names ${head.labels.size}.")
    }
}

private fun checkTask(manifest: Manifest) {
    val task = manifest.task
    val head = manifest.head.kind
    if (head != task.head) {
        throw BundleException("The manifest's head is ${head.key}; the task ${task.key} needs ${task.head?.key}.")
    }
    val names = manifest.inputs.joinToString { it.name }
    if (manifest.inputs.size != 1 || manifest.input.vocabulary.isEmpty()) {
        throw BundleException("The task ${task.key} needs one input, with a vocabulary; the model has $names.")
    }
    val needed = task.tokenizer ?: return
    val tokenizer = manifest.input.tokenizer
        ?: throw BundleException("The manifest does not say which tokenizer the model needs.")
    if (tokenizer.name != needed) {
        throw BundleException("The manifest's tokenizer is ${tokenizer.name}; the task ${task.key} needs $needed.")
    }
}
