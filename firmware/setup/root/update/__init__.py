"""How root installs updates, tries them and goes back."""
