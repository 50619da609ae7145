"""What works and what does not, and what to do about it."""
