"""One part of a job, from begin to finish.

It uses the ledger, the images and the batcher, but neither Celery nor torch.
"""
