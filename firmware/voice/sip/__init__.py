"""The SIP user agent: the only importer of pjsua2."""
