"""Session descriptions that well-behaved callers send: plain, with SRTP, DTLS or ICE, from browsers and gateways."""

from typing import Final

_SESSION: Final = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
_FORMATS: Final = (
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    "a=ptime:20\r\na=sendrecv\r\n"
)
_OPUS: Final = (
    "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:97 red/8000\r\na=fmtp:97 9/9/9\r\n"
    "a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"
)
_KEYS: Final = (
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk\r\n"
    "a=crypto:2 AEAD_AES_256_GCM inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWI=\r\n"
)
_FINGERPRINT: Final = f"a=fingerprint:sha-256 {':'.join(['A5'] * 32)}\r\na=setup:actpass\r\n"
_ICE: Final = (
    "a=ice-ufrag:fuzz\r\na=ice-pwd:0123456789abcdef01234567\r\n"
    "a=candidate:1 1 UDP 2130706431 127.0.0.1 {media_port} typ host\r\n"
    "a=candidate:1 2 UDP 2130706430 127.0.0.1 {media_port} typ host\r\n"
    "a=candidate:2 1 UDP 1694498815 192.0.2.1 50000 typ srflx raddr 127.0.0.1 rport {media_port}\r\n"
    "a=candidate:3 1 TCP 1015021823 192.0.2.1 9 typ host tcptype active\r\n"
)

SDP: Final = f"{_SESSION}m=audio {{media_port}} RTP/AVP 8 0 101\r\n{_FORMATS}"
"""The simplest one; `{media_port}` is where its sender takes audio."""
SDES: Final = f"{_SESSION}m=audio {{media_port}} RTP/SAVP 8 0 101\r\n{_FORMATS}{_KEYS}"
DTLS: Final = f"{_SESSION}m=audio {{media_port}} UDP/TLS/RTP/SAVP 8 0 101\r\n{_FORMATS}{_FINGERPRINT}a=rtcp-mux\r\n"
ICE: Final = f"{_SESSION}m=audio {{media_port}} RTP/AVP 8 0 101\r\n{_FORMATS}{_ICE}"
WEB: Final = (
    f"{_SESSION}a=group:BUNDLE 0\r\na=msid-semantic: WMS x\r\n"
    "m=audio {media_port} UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 127.0.0.1\r\n"
    f"a=rtcp:{{media_port}} IN IP4 127.0.0.1\r\n{_ICE}a=ice-options:trickle\r\n{_FINGERPRINT}a=mid:0\r\n"
    f"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=msid:x y\r\na=rtcp-mux\r\n{_OPUS}"
    "a=rtcp-fb:111 transport-cc\r\na=ssrc:1 cname:fuzz\r\n"
)
REPEATED: Final = f"{_SESSION}m=audio {{media_port}} RTP/AVP 9 97 111 63 110\r\n{_OPUS}"
OPUS: Final = f"{_SESSION}m=audio {{media_port}} RTP/AVP 111 63 110\r\n{_OPUS}"
TEXT: Final = (
    f"{SDP}m=text {{media_port}} RTP/AVP 100 98\r\na=rtpmap:98 t140/1000\r\na=rtpmap:100 red/1000\r\n"
    "a=fmtp:100 98/98/98\r\n"
)
GOOD: Final = (
    SDP,
    SDES,
    DTLS,
    ICE,
    WEB,
    f"{_SESSION}m=audio {{media_port}} RTP/AVP 8 0 101\r\n{_FORMATS}{_KEYS}",
    REPEATED,
    OPUS,
    TEXT,
)
"""Those that a handset can take."""
DESCRIPTIONS: Final = (
    *GOOD,
    SDP.replace("sendrecv", "sendonly"),
    SDP.replace("sendrecv", "inactive"),
    SDP.replace("ptime:20", "ptime:60"),
    SDP.replace("IP4 127.0.0.1", "IP6 ::1"),
    SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 ::1"),
    SDP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"),
    f"{SDP}m=video 9 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=text 9 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n",
    f"{_SESSION}m=image 9 udptl t38\r\na=T38FaxVersion:0\r\n",
    SDP.replace("{media_port}", "0"),
    WEB.replace("a=setup:actpass", "a=setup:passive"),
)
"""Those that it may be sent."""
