"""What is known of findings, as text, in the place of a classifier's weights: `viewbox findings`."""
