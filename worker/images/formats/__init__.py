"""The structure of image files by format, checked before a decoder sees them.

A module for each supported format, and their registry; no decoder.
"""
