"""Voice: the process that has SIP and sound, the handset's client of it, and what they say to each other."""
