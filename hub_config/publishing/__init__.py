"""Checkpoints, cases and the Space, published to the Hub."""
