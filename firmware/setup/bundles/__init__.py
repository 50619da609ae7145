"""What becomes of a bundle on the handset: taken in, tried, kept or given up, and reported."""
