"""The HTTP routes, one module per resource; each declares its OpenAPI operation.

A route reads a request, calls other packages and answers; it decides nothing.
"""
