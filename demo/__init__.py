"""A small CLIP trained on openly licensed emoji art, so that the service can be tried offline."""
