"""The SIP user agent: the only importer of pjsua2."""

from firmware.sip.settings import AccountSettings, JitterBufferSettings, SipSettings
from firmware.sip.stack import PjsuaStack

__all__ = ["AccountSettings", "JitterBufferSettings", "PjsuaStack", "SipSettings"]
