"""`make demo`: a simulated handset among real peers, to be used by a person or, with --once, by itself."""
