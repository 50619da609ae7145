"""What a page looks like, and what is said of it."""
