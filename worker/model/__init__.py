"""The model: located, loaded, warmed up and run.

The only package that imports torch, transformers and huggingface_hub.
"""
