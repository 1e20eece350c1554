"""Hugging Face's tasks: zero-shot image classification and feature extraction.

It takes the requests of its clients, of its Inference Endpoints, and of Vertex AI.
"""
