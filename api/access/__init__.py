"""API keys, rate limits and CORS.

Hooks that run around every request; no routes.
"""
