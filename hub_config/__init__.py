"""Where things live and how they are published."""
