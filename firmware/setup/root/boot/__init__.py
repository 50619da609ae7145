"""Which of the two systems of a card boots."""
