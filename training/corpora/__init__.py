"""Labelled films and reports to train on, read from what was published or imported."""
