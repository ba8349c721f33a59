"""Checkpoints measured: metrics with intervals, baselines, leaks, calibration, maps."""
