"""The OpenAPI document and its examples.

Descriptions alone: what a request may hold is decided in `api/request`.
"""
