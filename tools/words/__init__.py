"""The catalogues of what the phone says: taken out of the code, brought up to date, compiled."""
