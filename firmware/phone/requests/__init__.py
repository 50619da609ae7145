"""What the phone asks of the rest, and what answers it: one file a topic."""
