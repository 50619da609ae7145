"""The pages that a person walks through."""
