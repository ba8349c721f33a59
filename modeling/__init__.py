"""Everything that computes: studies in, predictions and attributions out."""
