"""The structure of image files, format by format, walked before a decoder sees them.

A module for each format that is decoded, and the list of them; no decoder.
"""
