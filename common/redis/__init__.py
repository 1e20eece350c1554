"""Connections to Redis, and the Lua scripts that run in it.

What every store needs to talk to Redis; the stores themselves are in the other packages.
"""
