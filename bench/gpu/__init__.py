"""GPU benchmarks: `make bench-gpu`, without network, in at most six minutes."""
