package dev.ondevice.demo.recommend

import dev.ondevice.demo.bundle.Tensor
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The memory through which numbers go to the runtime, or come from it: made once, for a tensor of a type in `DTYPES`. */
internal class TensorBuffer(private val tensor: Tensor) {
    private val width = if (tensor.dtype == BOOL) 1 else Int.SIZE_BYTES

    /** What the runtime is given. */
    val bytes: ByteBuffer = ByteBuffer.allocateDirect(width * tensor.length).order(ByteOrder.nativeOrder())

    /** Puts the numbers of a call in. */
    fun write(numbers: DoubleArray) {
        rewind()
        for (number in numbers) {
            when (tensor.dtype) {
                BOOL -> bytes.put((if (number == 0.0) 0 else 1).toByte())
                INT32 -> bytes.putInt(number.toInt())
                else -> bytes.putFloat(number.toFloat())
            }
        }
        rewind()
    }

    /** Returns the numbers that the runtime has left. */
    fun read(): DoubleArray {
        // The runtime leaves the buffer at its end, and next time begins where it is.
        rewind()
        val numbers = DoubleArray(tensor.length) {
            when (tensor.dtype) {
                BOOL -> if (bytes.get() == 0.toByte()) 0.0 else 1.0
                INT32 -> bytes.getInt().toDouble()
                else -> bytes.getFloat().toDouble()
            }
        }
        rewind()
        return numbers
    }

    // As Buffer: ByteBuffer has a rewind() of its own on newer Androids only.
    private fun rewind() {
        (bytes as Buffer).rewind()
    }

    private companion object {
        const val BOOL = "bool"
        const val INT32 = "int32"
    }
}
