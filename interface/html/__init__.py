"""HTML that several tabs draw."""
