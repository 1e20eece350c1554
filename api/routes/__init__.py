"""The HTTP routes, one module a resource.

A route reads a request, calls a room and answers; it decides nothing.
"""
