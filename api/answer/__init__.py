"""From the results of a job, and from what the stores know, to the bytes of an answer.

Answers are the pydantic models that describe them; nothing here starts a job or waits for one.
"""
