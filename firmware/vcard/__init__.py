"""vCards from outside, read and written in a process of its own."""
