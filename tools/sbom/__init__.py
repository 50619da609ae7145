"""Says what an image, the package or a fleet server is made of (CycloneDX), and what advisories mean for it (VEX)."""
