"""From the results of a job to the bytes of an answer.

Scores, rendering and job documents; nothing here starts a job or waits for one.
"""
