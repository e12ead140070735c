package dev.ondevice.demo.ui

import android.content.Context
import android.util.AttributeSet
import android.view.View
import android.view.ViewGroup
import kotlin.math.max

/** Lays its children out in lines, each as full as its width allows, in reading direction. */
class FlowLayout(context: Context, attributes: AttributeSet?) : ViewGroup(context, attributes) {
    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        for (child in visible()) measureChildWithMargins(child, widthMeasureSpec, 0, heightMeasureSpec, 0)
        val bounded = MeasureSpec.getMode(widthMeasureSpec) != MeasureSpec.UNSPECIFIED
        val room = if (bounded) MeasureSpec.getSize(widthMeasureSpec) - paddingLeft - paddingRight else Int.MAX_VALUE
        var widest = 0
        val bottom = flow(room) { child, x, _ -> widest = max(widest, x + outerWidth(child)) }
        setMeasuredDimension(
            resolveSize(widest + paddingLeft + paddingRight, widthMeasureSpec),
            resolveSize(bottom + paddingTop + paddingBottom, heightMeasureSpec),
        )
    }

    override fun onLayout(changed: Boolean, left: Int, top: Int, right: Int, bottom: Int) {
        val room = width - paddingLeft - paddingRight
        flow(room) { child, x, y ->
            val margins = child.layoutParams as MarginLayoutParams
            val fromLeft = if (layoutDirection == View.LAYOUT_DIRECTION_RTL) room - x - outerWidth(child) else x
            val childLeft = paddingLeft + fromLeft + margins.leftMargin
            val childTop = paddingTop + y + margins.topMargin
            child.layout(childLeft, childTop, childLeft + child.measuredWidth, childTop + child.measuredHeight)
        }
    }

    override fun generateLayoutParams(attributes: AttributeSet?): LayoutParams = MarginLayoutParams(context, attributes)

    override fun generateLayoutParams(params: LayoutParams?): LayoutParams = MarginLayoutParams(params)

    override fun generateDefaultLayoutParams(): LayoutParams =
        MarginLayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT)

    override fun checkLayoutParams(params: LayoutParams?) = params is MarginLayoutParams

    /** Gives every child its place without the padding, and returns where the last line ends. */
    private fun flow(room: Int, place: (child: View, x: Int, y: Int) -> Unit): Int {
        var x = 0
        var y = 0
        var lineHeight = 0
        for (child in visible()) {
            if (x > 0 && x + outerWidth(child) > room) {
                x = 0
                y += lineHeight
                lineHeight = 0
            }
            place(child, x, y)
            val margins = child.layoutParams as MarginLayoutParams
            x += outerWidth(child)
            lineHeight = max(lineHeight, child.measuredHeight + margins.topMargin + margins.bottomMargin)
        }
        return y + lineHeight
    }

    private fun outerWidth(child: View): Int {
        val margins = child.layoutParams as MarginLayoutParams
        return child.measuredWidth + margins.leftMargin + margins.rightMargin
    }

    private fun visible(): List<View> = (0 until childCount).map(::getChildAt).filter { it.visibility != View.GONE }
}
