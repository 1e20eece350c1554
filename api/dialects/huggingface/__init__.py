"""Hugging Face's tasks: zero-shot image classification and feature extraction.

Requests of its clients, of its hosted endpoints, and of Vertex AI.
"""
