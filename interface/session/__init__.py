"""One reader's session."""
