"""The whole service on one machine with one command."""
