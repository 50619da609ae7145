"""What the phone asks for and who does it, over the store."""
