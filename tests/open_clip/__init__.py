"""Tiny checkpoints in the format of open_clip, and what open_clip itself makes of them."""
