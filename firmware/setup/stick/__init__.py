"""What the stick process does."""
