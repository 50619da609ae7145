"""How the handset is: whether its threads make progress, what does not work, and what doctor says to that."""
