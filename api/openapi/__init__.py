"""What routes declare of themselves, and the OpenAPI document that is made of it.

Descriptions alone: what a request may hold is decided in `api/request`.
"""
