package dev.ondevice.demo.ui

import android.annotation.TargetApi
import android.app.Activity
import android.os.Build
import android.view.View
import android.view.WindowInsets
import android.window.OnBackInvokedCallback
import android.window.OnBackInvokedDispatcher

// What the oldest Android that the app is for does not have; callers ask for the version first. The build checks every
// other class against that oldest one, so these implement interfaces themselves and hold no lambda, which would be a
// class without the annotation.

/** Keeps a view's content clear of system bars, cut-outs and the keyboard, where the window reaches below them. */
@TargetApi(Build.VERSION_CODES.R)
class EdgeToEdge : View.OnApplyWindowInsetsListener {
    override fun onApplyWindowInsets(view: View, insets: WindowInsets): WindowInsets {
        val covered = WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout() or WindowInsets.Type.ime()
        val edges = insets.getInsets(covered)
        view.setPadding(edges.left, edges.top, edges.right, edges.bottom)
        return WindowInsets.CONSUMED
    }
}

/** The gesture or button that goes back, as apps for Android 16 and newer must take it. */
@TargetApi(Build.VERSION_CODES.TIRAMISU)
class BackGesture(private val activity: Activity, private val goBack: () -> Unit) : OnBackInvokedCallback {
    private var taken = false

    override fun onBackInvoked() = goBack()

    /** Takes the gesture from the system, or leaves it to it. */
    fun take(wanted: Boolean) {
        if (wanted == taken) return
        taken = wanted
        val dispatcher = activity.onBackInvokedDispatcher
        if (wanted) {
            dispatcher.registerOnBackInvokedCallback(OnBackInvokedDispatcher.PRIORITY_DEFAULT, this)
        } else {
            dispatcher.unregisterOnBackInvokedCallback(this)
        }
    }
}
