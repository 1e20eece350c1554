"""The inference side: fetches, decodes and encodes."""
