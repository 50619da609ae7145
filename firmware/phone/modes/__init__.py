"""What each event means in each mode."""
