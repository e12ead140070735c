package dev.ondevice.demo.ui

import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.widget.EditText
import android.widget.TextView

/** Shows the view or takes it out of the layout. */
fun View.showIf(shown: Boolean) {
    visibility = if (shown) View.VISIBLE else View.GONE
}

/** Shows the text, or takes the view out of the layout if there is none. */
fun TextView.show(text: String) {
    // Text that is set anew is read out anew.
    if (text != this.text.toString()) this.text = text
    showIf(text.isNotEmpty())
}

/** Tells every change of the text. */
fun EditText.onText(tell: (String) -> Unit) {
    addTextChangedListener(
        object : TextWatcher {
            override fun beforeTextChanged(text: CharSequence, start: Int, count: Int, after: Int) = Unit

            override fun onTextChanged(text: CharSequence, start: Int, before: Int, count: Int) = Unit

            override fun afterTextChanged(text: Editable) = tell(text.toString())
        },
    )
}
