package dev.ondevice.demo.ui

import android.annotation.TargetApi
import android.app.Activity
import android.os.Build
import android.view.View
import android.view.WindowInsets
import android.window.OnBackInvokedCallback
import android.window.OnBackInvokedDispatcher

/** Keeps a view's content clear of system bars, cut-outs and the keyboard, where the window reaches below them. */
@TargetApi(Build.VERSION_CODES.R)
object EdgeToEdge {
    fun pad(view: View) {
        view.setOnApplyWindowInsetsListener { padded, insets ->
            val covered = WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout() or WindowInsets.Type.ime()
            val edges = insets.getInsets(covered)
            padded.setPadding(edges.left, edges.top, edges.right, edges.bottom)
            WindowInsets.CONSUMED
        }
    }
}

/** The gesture or button that goes back, as apps for Android 16 and newer must take it. */
@TargetApi(Build.VERSION_CODES.TIRAMISU)
class BackGesture(private val activity: Activity, private val goBack: () -> Unit) {
    private val callback = OnBackInvokedCallback { goBack() }
    private var taken = false

    /** Takes the gesture from the system, or leaves it to it. */
    fun take(wanted: Boolean) {
        if (wanted == taken) return
        taken = wanted
        val dispatcher = activity.onBackInvokedDispatcher
        if (wanted) {
            dispatcher.registerOnBackInvokedCallback(OnBackInvokedDispatcher.PRIORITY_DEFAULT, callback)
        } else {
            dispatcher.unregisterOnBackInvokedCallback(callback)
        }
    }
}
