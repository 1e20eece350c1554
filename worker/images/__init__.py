"""From bytes to the pixels that a model takes.

The one room that imports Pillow; every decoder is bounded before it runs.
"""
