"""Checkpoints in the format of open_clip, read into models of transformers.

Knows the names, the defaults and the rules of open_clip. Runs no code of a checkpoint.
"""
