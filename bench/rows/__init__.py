"""The rows: one module for each question, each with a `run`."""
