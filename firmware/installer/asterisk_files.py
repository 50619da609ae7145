"""What a fresh Asterisk 22 reads of its extensions: `pjsip.conf` and `extensions.conf`.

Numbers, names and passwords are written as they are: whoever reads them from people lets nothing through that ends a
value or begins a comment.
"""

from collections.abc import Iterable
from typing import Final

from firmware.installer.extensions import Extension

KEYS: Final = "/etc/asterisk/keys"
"""Where the PBX has its certificate, `pbx.crt`, and the key to it, `pbx.key`."""

_TEMPLATES: Final = f"""\
; It has passwords: let nobody but Asterisk read it.
[tls]
type=transport
protocol=tls
bind=0.0.0.0:5061
cert_file={KEYS}/pbx.crt
priv_key_file={KEYS}/pbx.key
method=tlsv1_2

[phone](!)
type=endpoint
context=from-internal
disallow=all
allow=g722,alaw,ulaw
media_encryption=sdes
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
send_pai=yes

[login](!)
type=auth
auth_type=digest

[place](!)
type=aor
max_contacts=1
remove_existing=yes
"""

_DIAL_PLAN: Final = """\
[from-internal]
; The PBX's echo: whoever hears themself has sound both ways.
exten => *43,1,Answer()
 same => n,Echo()
; ** and an extension that rings picks its call up.
exten => _**X.,1,Pickup(${EXTEN:2}@from-internal)
"""


def pjsip_conf(extensions: Iterable[Extension]) -> str:
    """Write the transport, and an endpoint for each extension."""
    return "\n".join((_TEMPLATES, *map(_endpoint, extensions)))


def extensions_conf(extensions: Iterable[Extension]) -> str:
    """Write the dial plan: each extension calls each, and may watch it."""
    return "\n".join((_DIAL_PLAN, *map(_in_dial_plan, extensions)))


def _endpoint(extension: Extension) -> str:
    number = extension.number
    return f"""\
[{number}](phone)
callerid="{extension.name}" <{number}>
auth={number}
aors={number}
mailboxes={number}@default
[{number}](login)
username={number}
password={extension.password}
[{number}](place)
"""


def _in_dial_plan(extension: Extension) -> str:
    # Without the cause, the phone that called says of every call that came to nothing that it was declined.
    return f"""\
exten => {extension.number},hint,PJSIP/{extension.number}
exten => {extension.number},1,Dial(PJSIP/${{EXTEN}},30)
 same => n,Hangup(${{HANGUPCAUSE}})
"""
