"""Checkpoints as the page holds them: loaded once, asked one reader at a time."""
