"""From bytes to the pixels that a model takes.

The one room that imports Pillow; files are checked against limits before they are decoded.
"""
