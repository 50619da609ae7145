"""How the SIP library is built: pjproject's pjsua2 for this handset, as a wheel.

It runs before anything is installed, with Python's own library alone; see README.md.
"""
