"""Validation: does the converted file still do on the device's runtimes what the reference model does?"""
