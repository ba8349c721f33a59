"""The tab that says what a checkpoint is and how it was measured."""
