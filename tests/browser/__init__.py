"""The playground in a real Chromium, on the real service."""
