"""The model: found, loaded, warmed up, asked for embeddings.

The one room that imports torch, transformers and huggingface_hub.
"""
