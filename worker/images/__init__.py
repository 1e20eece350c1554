"""From bytes to the pixels that a model takes.

The only package that imports Pillow; files are checked against limits before they are decoded.
"""
