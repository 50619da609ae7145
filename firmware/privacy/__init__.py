"""The rules on consent, rights and retention, and the gate that what leaves passes."""
