"""OpenAI's embeddings, with the additions of Infinity, Jina, SGLang and vLLM for images.

Requests that OpenAI would refuse are read as one of those would read them.
"""
