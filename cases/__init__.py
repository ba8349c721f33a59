"""Where studies come from and how they are kept."""
