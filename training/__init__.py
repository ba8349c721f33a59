"""Checkpoints made: corpora, objectives, runs. The app never imports it."""
