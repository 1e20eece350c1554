"""The bucket bounds of histograms, the same in every process."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
POWERS_OF_TWO = tuple(2**power for power in range(13))
"""Up to the largest batch size that can be configured."""
