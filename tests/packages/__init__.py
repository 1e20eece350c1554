"""Packages that people have installed, unmodified, against the service: `make test-clients`.

They have a virtual environment of their own, in which nothing of the service is installed.
"""
