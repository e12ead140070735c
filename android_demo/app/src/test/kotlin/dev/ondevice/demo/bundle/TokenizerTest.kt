package dev.ondevice.demo.bundle

import com.grack.nanojson.JsonParser
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class TokenizerTest {
    @Test
    fun `texts are cut as written down`() {
        val texts = JsonParser.`object`().from(String(Fixture.resource("words.json"))).getArray("texts")
        for (place in 0 until texts.size) {
            val text = texts.getObject(place)
            val words = WordTokenizer(text.getBoolean("lowercase")).words(text.getString("text"))
            assertEquals(text.getArray("words").toList(), words, text.getString("text"))
        }
    }

    @Test
    fun `lines of fields are cut as written down`() {
        val given = JsonParser.`object`().from(String(Fixture.resource("fields.json")))
        val tokenizer = FieldTokenizer(given.getArray("fields").map { it as String })
        val texts = given.getArray("texts")
        for (place in 0 until texts.size) {
            val text = texts.getObject(place)
            val words = tokenizer.words(text.getString("text"))
            assertEquals(text.getArray("words").toList(), words, text.getString("text"))
        }
    }
}
