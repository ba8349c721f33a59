"""The MongoDB documents of the student project that Viewbox began as."""
