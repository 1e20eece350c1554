"""Who may call, how often, and from which origins.

Hooks that run around every request; no route.
"""
