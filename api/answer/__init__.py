"""From the results of a job, and from what the stores hold, to an HTTP response.

Answers are the pydantic models that describe them; nothing here starts a job or waits for one.
"""
