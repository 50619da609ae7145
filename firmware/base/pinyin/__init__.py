"""How Chinese is spelled."""
