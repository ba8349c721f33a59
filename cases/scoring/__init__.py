"""Predictions of a checkpoint for every case of a store."""
