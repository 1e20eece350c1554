"""The HTTP routes, one module a resource; each declares what the OpenAPI document says of it.

A route reads a request, calls a room and answers; it decides nothing.
"""
