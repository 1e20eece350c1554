"""The declarations of routes, and the OpenAPI document made from them.

Descriptions only: `api/request` decides what a request may hold, and refuses parameters that a
route does not declare.
"""
