"""What the service makes of a GPU: `make bench-gpu`, with no network, in six minutes at most."""
