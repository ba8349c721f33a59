"""Whether an explanation deserves to be believed: measures, removal, regions."""
