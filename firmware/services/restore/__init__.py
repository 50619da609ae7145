"""What a copy of the holder's data holds comes back: read by a process that can do nothing else, kept by the store."""
