"""From trained models to `.tflite` files and back: write them, read them, check them."""
