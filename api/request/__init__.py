"""From the bytes of a request to a validated, frozen `Request`.

Parsing and limits; nothing here waits or uses Redis.
"""
