package dev.ondevice.demo.ui

import android.content.res.AssetManager
import dev.ondevice.demo.bundle.BundleSource
import java.io.FileInputStream
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/** The bundle that was built into the app. */
class AssetBundleSource(private val assets: AssetManager) : BundleSource {
    override fun open(name: String): InputStream = assets.open("$FOLDER/$name")

    // Only an asset that is stored as it is can be mapped; the build leaves `.tflite` files uncompressed.
    override fun map(name: String): ByteBuffer =
        assets.openFd("$FOLDER/$name").use { asset ->
            FileInputStream(asset.fileDescriptor).use { file ->
                file.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.length)
            }
        }

    private companion object {
        const val FOLDER = "bundle"
    }
}
