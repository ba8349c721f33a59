"""Why the model said so: one method, one file, one paper; each takes a callable."""
