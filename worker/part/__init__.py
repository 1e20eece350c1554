"""One part of a job, from begin to finish.

It knows the ledger, the images and the batcher, and neither Celery nor torch.
"""
