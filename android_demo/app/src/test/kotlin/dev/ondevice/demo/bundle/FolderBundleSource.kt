package dev.ondevice.demo.bundle

import java.io.File
import java.io.FileInputStream
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/** The files of a folder, as the app reads them from its assets. */
class FolderBundleSource(private val folder: File) : BundleSource {
    override fun open(name: String): InputStream = FileInputStream(File(folder, name))

    override fun map(name: String): ByteBuffer =
        FileInputStream(File(folder, name)).channel.use { it.map(FileChannel.MapMode.READ_ONLY, 0, it.size()) }
}
