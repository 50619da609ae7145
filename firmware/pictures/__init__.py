"""Picture files from outside, decoded in a process of its own."""
