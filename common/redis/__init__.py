"""Connections to Redis, and the Lua scripts that run in it.

What every store needs to talk to Redis; what is stored is the business of the other rooms.
"""
