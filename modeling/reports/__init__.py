"""Radiology reports read by rule: which finding is mentioned, where, and whether it is affirmed or denied."""
