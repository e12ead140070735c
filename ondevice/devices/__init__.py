"""Devices: places where a `.tflite` file runs on a real runtime and is measured."""
