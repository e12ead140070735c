package dev.ondevice.demo.bundle

import java.util.Locale

/** One entry of the vocabulary: the model has its id, an app its key, and people its title, if it has one. */
data class Item(val id: Int, val key: String, val title: String = "") {
    /** What people are shown. */
    val name get() = title.ifEmpty { key }

    /** The same, with the key behind a title. */
    val label get() = if (title.isEmpty()) key else "$title · $key"
}

/**
 * Keys by id.
 *
 * @param keys one key per id.
 * @param reserved ids below this one stand for no key, whatever their lines say.
 * @param titles what each id is called, empty for its key; none where nothing has a title.
 */
class Vocabulary(
    private val keys: List<String>,
    private val reserved: Int,
    private val titles: List<String> = emptyList(),
) {
    private val folded = keys.indices.map { fold(item(it).run { if (title.isEmpty()) key else "$title $key" }) }
    private val ids = (reserved until keys.size).associateBy { keys[it] }

    /** Number of ids, the reserved ones included. */
    val size get() = keys.size

    /** Ids that stand for a key. */
    val picked get() = reserved until keys.size

    /** Returns the id of a key, null where the vocabulary has no such key. */
    fun id(key: String): Int? = ids[key]

    /** Returns the line of an id, null where there is none. */
    fun keyOrNull(id: Int): String? = keys.getOrNull(id)

    /** Returns the entry of an id that is in range. */
    fun item(id: Int): Item = Item(id, keys[id], titles.getOrElse(id) { "" })

    /**
     * Finds items whose title or key hold the query in any case: the query itself first, then those that begin with it,
     * in id order.
     *
     * @param query what to look for; blanks around it do not count, and an empty one finds every key.
     * @param limit the most entries to return.
     * @param without ids that are not wanted.
     */
    fun search(query: String, limit: Int, without: Set<Int> = emptySet()): List<Item> {
        val wanted = fold(query.trim())
        val found = List(3) { mutableListOf<Item>() }
        val (equal, beginning, holding) = found
        for (id in picked) {
            val key = folded[id]
            val place = when {
                key == wanted || fold(keys[id]) == wanted -> equal
                key.startsWith(wanted) -> beginning
                key.contains(wanted) -> holding
                else -> continue
            }
            if (place.size < limit && id !in without) place += item(id)
        }
        return found.flatten().take(limit)
    }

    private fun fold(text: String) = text.lowercase(Locale.ROOT)
}
