"""From a request to an accepted job, and from the job to its outcome.

Admission, choice of model, label sets, submission and waiting.
"""
