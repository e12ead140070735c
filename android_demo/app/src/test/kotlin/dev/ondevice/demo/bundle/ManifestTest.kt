package dev.ondevice.demo.bundle

import com.grack.nanojson.JsonObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource

class ManifestTest {
    private fun refusal(change: (JsonObject) -> Unit) =
        assertThrows<BundleException> { Fixture.ranking().manifest(change).read() }.message

    @Test
    fun `what is absent has its default`() {
        val manifest = Fixture.ranking().read().manifest

        assertEquals(Task.RANKING, manifest.task)
        assertEquals(emptyList<String>(), manifest.labels)
        assertEquals(null, manifest.tokenizer)
        assertEquals(0, manifest.appendedBytes)
    }

    @ParameterizedTest
    @ValueSource(
        strings = ["name", "vocabulary_size", "excludes_history", "score_tolerance_steps", "embedding", "inputs"],
    )
    fun `a missing field is named`(field: String) {
        assertEquals("manifest.json does not fit this app: field $field is missing.", refusal { it.remove(field) })
    }

    @Test
    fun `a field of another type is named`() {
        val sentence = "manifest.json does not fit this app: field"
        assertEquals("$sentence name is not a string.", refusal { it["name"] = 1 })
        assertEquals("$sentence name is not a string.", refusal { it["name"] = null })
        assertEquals("$sentence top_k is not a whole number.", refusal { it["top_k"] = "3" })
        assertEquals("$sentence top_k is not a whole number.", refusal { it["top_k"] = 3.5 })
        assertEquals("$sentence top_k is not a whole number.", refusal { it["top_k"] = 3_000_000_000 })
        assertEquals("$sentence excludes_history is not true or false.", refusal { it["excludes_history"] = 1 })
        assertEquals("$sentence embedding is not an object.", refusal { it["embedding"] = "memcom" })
        assertEquals("$sentence embedding.ratio is not a number.", refusal {
            it.getObject("embedding")["ratio"] = true
        })
        assertEquals("$sentence inputs[0].shape is not a list of whole numbers.", refusal {
            it.getArray("inputs").getObject(0).getArray("shape")[1] = "4"
        })
        assertEquals("$sentence sha256.vocab.txt is not a string.", refusal { it.getObject("sha256")["vocab.txt"] = 1 })
    }

    @Test
    fun `a number that says nothing is refused`() {
        val sentence = "manifest.json does not fit this app: field"
        assertEquals("$sentence top_k is 0, allowed is at least 1.", refusal { it["top_k"] = 0 })
        assertEquals("$sentence history_length is -1, allowed is at least 1.", refusal { it["history_length"] = -1 })
        assertEquals("$sentence vocabulary_size is 2, allowed is at least 3.", refusal { it["vocabulary_size"] = 2 })
    }

    @Test
    fun `an unknown policy for foreign ids is refused`() {
        assertEquals(
            "manifest.json does not fit this app: field out_of_range is 'wrap', allowed is unknown or padding.",
            refusal { it["out_of_range"] = "wrap" },
        )
    }
}
