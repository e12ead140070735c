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
        val manifest = Fixture.own().manifest { it.remove("training") }.read().manifest

        assertEquals("", manifest.dataset)
        assertEquals(0, manifest.appendedBytes)
        val prices = Tensor("prices", listOf(1, 2), "float32")
        val expected = Feature(prices, Kind.NUMBER, size = 0, outside = 0, padding = null, reserved = 0, vocabulary = "", titles = "", tokenizer = null)
        assertEquals(expected, manifest.inputs[2])
    }

    @ParameterizedTest
    @ValueSource(
        strings = ["name", "task", "head", "score_tolerance_steps", "embeddings", "inputs"],
    )
    fun `a missing field is named`(field: String) {
        assertEquals("manifest.json does not fit this app: field $field is missing.", refusal { it.remove(field) })
    }

    @Test
    fun `a field of another type is named`() {
        val sentence = "manifest.json does not fit this app: field"
        assertEquals("$sentence name is not a string.", refusal { it["name"] = 1 })
        assertEquals("$sentence name is not a string.", refusal { it["name"] = null })
        assertEquals("$sentence head.k is not a whole number.", refusal { it.getObject("head")["k"] = "3" })
        assertEquals("$sentence head.k is not a whole number.", refusal { it.getObject("head")["k"] = 3.5 })
        assertEquals("$sentence head.k is not a whole number.", refusal { it.getObject("head")["k"] = 3_000_000_000 })
        assertEquals("$sentence head is not an object.", refusal { it["head"] = "top_k" })
        assertEquals("$sentence embeddings[0].method is not a string.", refusal {
            it.getArray("embeddings").getObject(0)["method"] = true
        })
        assertEquals("$sentence score_tolerance_steps is not a number.", refusal { it["score_tolerance_steps"] = true })
        assertEquals("$sentence inputs[0].padding is not a whole number.", refusal {
            it.getArray("inputs").getObject(0)["padding"] = "0"
        })
        assertEquals("$sentence inputs[0].tokenizer.lowercase is not true or false.", refusal {
            it.getArray("inputs").getObject(0)["tokenizer"] = JsonObject().apply { put("lowercase", 1) }
        })
        assertEquals("$sentence inputs[0].shape is not a list of whole numbers.", refusal {
            it.getArray("inputs").getObject(0).getArray("shape")[1] = "4"
        })
        assertEquals("$sentence sha256.vocab.txt is not a string.", refusal { it.getObject("sha256")["vocab.txt"] = 1 })
    }
}
