"""The declarations of routes, and the OpenAPI document made from them.

Descriptions alone: what a request may hold is decided in `api/request`.
"""
