"""Other services' interfaces, one module or folder each: their clients work here unmodified.

A dialect turns its own body into our request, and our answer and errors into its JSON. Keys, rates,
admission, the queue and the cache are those of every request.
"""
