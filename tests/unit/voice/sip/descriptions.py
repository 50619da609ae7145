"""Session descriptions as well-known phones, exchanges and browsers write them."""

FINGERPRINT = "sha-256 " + ":".join(["4A"] * 32)
PASSWORD = "Sx7bQ9+Vf2mLr/5kTz0aWe1c"
KEY_30 = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

PLAIN = """v=0
o=- 3904567890 1 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 40000 RTP/AVP 9 8 0 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
"""

BARESIP = """v=0
o=- 2890844526 1187 IN IP4 192.0.2.20
s=-
c=IN IP4 192.0.2.20
t=0 0
a=tool:baresip 3.10.1
m=audio 29306 RTP/SAVPF 96 9 8 0 101
b=AS:125
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=1;sprop-stereo=1;maxaveragebitrate=28000
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:29307
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:1519263428 cname:sip:bob@example.org
a=ptime:20
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
"""

LINPHONE = f"""v=0
o=bob 2311 1 IN IP4 198.51.100.7
s=Talk
c=IN IP4 198.51.100.7
t=0 0
a=ice-pwd:{PASSWORD}
a=ice-ufrag:7d3ef5a1
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/8000
a=rtcp:43210
a=candidate:1 1 UDP 2130706303 198.51.100.7 7078 typ host
a=candidate:1 2 UDP 2130706302 198.51.100.7 43210 typ host
a=candidate:2 1 UDP 1694498687 203.0.113.8 7078 typ srflx raddr 198.51.100.7 rport 7078
a=rtcp-fb:* trr-int 5000
a=rtcp-fb:* ccm tmmbr
m=video 9078 RTP/AVPF 96
a=rtpmap:96 VP8/90000
"""

YEALINK = """v=0
o=- 20099 20099 IN IP4 192.0.2.31
s=SDP data
c=IN IP4 192.0.2.31
t=0 0
m=audio 11796 RTP/AVP 0 8 18 9 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:9 G722/8000
a=fmtp:101 0-15
a=rtpmap:101 telephone-event/8000
a=ptime:20
a=sendrecv
"""

ASTERISK = """v=0
o=root 1821693034 1821693035 IN IP4 pbx.example.org
s=Asterisk PBX 20.6.0
c=IN IP4 192.0.2.40
t=0 0
m=audio 14218 RTP/AVP 9 8 101
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
m=video 0 RTP/AVP 99
"""

FREESWITCH = """v=0
o=FreeSWITCH 1732779012 1732779013 IN IP6 2001:db8::40
s=FreeSWITCH
c=IN IP6 2001:db8::40
t=0 0
m=audio 25530 RTP/SAVP 102 0 8 103 101 13
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-16
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=ptime:20
a=rtcp:25531 IN IP6 2001:db8::40
a=crypto:2 AEAD_AES_128_GCM inline:DsZd0gB5ymEfVGwoBhYFvaDBVQMKdQYjnfLuQA==
a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20
"""

CHROME = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 5b1d0c5e
m=audio 54400 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 192.0.2.50
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2350803291 1 udp 2122260223 192.0.2.50 54400 typ host generation 0 network-id 1 network-cost 10
a=candidate:3054461131 1 udp 2122194687 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 54401 typ host generation 0
a=candidate:842163049 1 udp 1677729535 203.0.113.9 54400 typ srflx raddr 0.0.0.0 rport 0 generation 0
a=candidate:3382296128 1 tcp 1518280447 192.0.2.50 9 typ host tcptype active generation 0
a=ice-ufrag:kX4B
a=ice-pwd:{PASSWORD}
a=ice-options:trickle
a=fingerprint:{FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:5b1d0c5e 7a9e
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1204178394 cname:7HV3ZKNQ
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""

FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 8432903745629384756 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:{FINGERPRINT}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 60242 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 192.0.2.51
a=candidate:0 1 UDP 2122252543 192.0.2.51 60242 typ host
a=candidate:0 2 UDP 2122252542 192.0.2.51 60243 typ host
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:{PASSWORD}
a=ice-ufrag:8a1b2c3d
a=mid:0
a=rtcp:60243 IN IP4 192.0.2.51
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:e1
"""

ALL = {
    "plain": PLAIN,
    "baresip": BARESIP,
    "linphone": LINPHONE,
    "yealink": YEALINK,
    "asterisk": ASTERISK,
    "freeswitch": FREESWITCH,
    "chrome": CHROME,
    "firefox": FIREFOX,
}


def written(text: str) -> bytes:
    """Return a description as it is sent."""
    return text.replace("\n", "\r\n").encode()
