"""The gate and the border that what leaves passes."""
