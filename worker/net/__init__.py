"""Fetching from untrusted hosts, within bounds of address, time and size.

Everything that opens a connection to elsewhere goes through here.
"""
