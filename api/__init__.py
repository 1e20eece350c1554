"""The HTTP side: validates, admits, stores, sends and waits. Knows no torch and no Pillow."""
