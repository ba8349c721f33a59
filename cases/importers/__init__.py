"""One published layout, one file: each turns a source into rows, and `run` turns rows into stored cases."""
