"""Case-level models: trained on phantom studies of several films, and compared on the same unseen ones."""
