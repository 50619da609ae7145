"""Where a number belongs."""
