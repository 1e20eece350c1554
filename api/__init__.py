"""The HTTP side: it validates requests, admits and stores jobs, sends tasks and waits.

It imports neither torch nor Pillow, and nothing of the workers.
"""
