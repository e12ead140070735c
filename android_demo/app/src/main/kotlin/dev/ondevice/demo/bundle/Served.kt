package dev.ondevice.demo.bundle

/**
 * Checks that the manifest promises a model that this app can serve.
 *
 * @throws BundleException it promises another one.
 */
internal fun checkServed(manifest: Manifest) {
    checkSignature(manifest)
    if (manifest.task.tokenizer != null) checkTyped(manifest, manifest.task.tokenizer)
}

private fun checkSignature(manifest: Manifest) {
    val task = manifest.task
    val answer = listOf(1, manifest.topK)
    val inputs = setOf(Tensor("ids", listOf(1, manifest.historyLength), "int32"))
    val outputs = setOf(Tensor(task.answers, answer, "int32"), Tensor("scores", answer, "float32"))
    val found = Triple(manifest.signature, manifest.inputs.toSet(), manifest.outputs.toSet())
    if (found != Triple(task.signature, inputs, outputs)) {
        val served = "for the task ${task.key} it serves ${written(task.signature, inputs, outputs)}"
        val promised = written(manifest.signature, manifest.inputs, manifest.outputs)
        throw BundleException("This app can't serve the signature $promised; $served.")
    }
}

private fun written(signature: String, inputs: Collection<Tensor>, outputs: Collection<Tensor>) =
    "$signature(${inputs.joinToString()}) -> ${outputs.joinToString()}"

private fun checkTyped(manifest: Manifest, needed: String) {
    val (answered, named) = manifest.topK to manifest.labels.size
    if (answered != named) throw BundleException("The model answers $answered labels and the manifest names $named.")
    val tokenizer = manifest.tokenizer
        ?: throw BundleException("The manifest does not say which tokenizer the model needs.")
    if (tokenizer.name != needed) {
        val task = manifest.task.key
        throw BundleException("The manifest's tokenizer is ${tokenizer.name}; the task $task needs $needed.")
    }
}
