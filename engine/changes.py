"""Our changes to the library: each a line of its source and what takes its place, with the reason.

The lines that are looked for are the shortest that stand in their file once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Change:
    """One change to one file.

    Attributes:
        file: below the source's root.
        old: what is looked for; it must stand there exactly once. Empty: `new` goes to the end of the file.
        new: what takes its place.
        why: the reason.
    """

    file: str
    old: str
    new: str
    why: str


CHANGES: Final = (
    Change(
        "pjmedia/build/Makefile",
        " bdimad_dev.o",
        "",
        "Debian's source lacks this driver for want of a free licence; the handset has no use for it.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "    opt->txt_cnt = 1;",
        "    opt->txt_cnt = 0;",
        "Every INVITE offered real-time text, and an offer with 16 media lines made it write behind its table.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "        call->rem_txt_cnt = mtxtcnt;\n",
        "        call->rem_txt_cnt = mtxtcnt;\n        call->opt.txt_cnt = mtxtcnt > 0;\n",
        "Real-time text is taken where it is offered, and offered only where somebody asks for it.",
    ),
    Change(
        "pjmedia/src/pjmedia/txt_stream.c",
        "#include <pjmedia/clock.h>\n",
        "#include <pjmedia/clock.h>\n"
        "#define pjmedia_clock_create2(pool, param, options, cb, data, made) \\\n"
        "    ((void)(param), wecall_clock_create(pool, 0, 0, 0, options, cb, data, made))\n"
        "#define pjmedia_clock_start wecall_clock_start\n"
        "#define pjmedia_clock_stop wecall_clock_stop\n"
        "#define pjmedia_clock_destroy wecall_clock_stop\n"
        "pj_status_t wecall_clock_create(pj_pool_t *, unsigned, unsigned, unsigned, unsigned, pjmedia_clock_callback *,\n"
        "                                void *, pjmedia_clock **);\n"
        "pj_status_t wecall_clock_start(pjmedia_clock *);\n"
        "pj_status_t wecall_clock_stop(pjmedia_clock *);\n",
        "Each text stream had a thread of its own; the thread for audio sends its RTCP.",
    ),
    Change(
        "pjmedia/src/pjmedia/txt_stream.c",
        "    /* Duplicate stream info */\n",
        "    {\n"
        "        extern void *wecall_text_open(pj_pool_t *);\n"
        "        c_strm->wecall = wecall_text_open(pool);\n"
        "    }\n",
        "Text goes to firmware/voice/sip/real_time_text.py as it comes (native/text.c). The library loses all of it once sequence numbers "
        "begin anew, repeats the wrong packets, and stops for good at a packet that its buffer of 64 bytes cannot hold.",
    ),
    Change(
        "pjmedia/src/pjmedia/txt_stream.c",
        "    unsigned red_len = 0;\n    int seq;\n    pj_status_t status;\n\n    pj_mutex_lock(c_strm->jb_mutex);\n",
        "    unsigned red_len = 0;\n    int seq;\n    pj_status_t status;\n"
        "    extern void wecall_text_receive(pjmedia_stream_common *, const pjmedia_rtp_hdr *, const void *, unsigned);\n\n"
        "    wecall_text_receive(c_strm, hdr, payload, payloadlen);\n"
        "    if (1) return PJ_SUCCESS;\n"
        "    pj_mutex_lock(c_strm->jb_mutex);\n",
        "The same.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "    if (seq_st.status.flag.bad) {\n",
        "    if (seq_st.status.flag.bad && (c_strm->si->type != PJMEDIA_TYPE_TEXT || !seq_st.status.flag.outorder)) {\n",
        "A packet of text behind one that was lost at the beginning was thrown away, and what it repeats with it.",
    ),
    Change(
        "pjsip/src/pjsip/sip_parser.c",
        "            if (pj_stricmp(&ctype_hdr->media.type, &STR_MULTIPART)==0) {\n",
        "            if (0) {\n",
        "A body of several parts was taken apart before the gate saw it; firmware/voice/sip/bodies.py does that.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_acc.c",
        "            uri[uri_cnt++] = h->name_addr.uri;\n",
        "            if (uri_cnt == PJ_ARRAY_SIZE(uri)) return;\n            uri[uri_cnt++] = h->name_addr.uri;\n",
        "CVE-2026-57161: a second Service-Route behind eight URIs was written past the table.",
    ),
    Change(
        "pjmedia/src/pjmedia/conference.c",
        "    if (conf->ports[0]->tx_level) {\n",
        "    if (speaker_frame_type == PJMEDIA_FRAME_TYPE_AUDIO) {\n",
        "Whatever was quieter than four steps of 16 bits, as a quiet room in Opus is, came out as no sound at all.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_udp.c",
        "    pj_ioqueue_op_key_init(&udp->rtp_read_op, sizeof(udp->rtp_read_op));\n",
        "    pj_ioqueue_op_key_init(&udp->rtp_read_op, sizeof(udp->rtp_read_op));\n    udp->started = PJ_TRUE;\n",
        "A packet that came between the first read and this word, which stood at the end, was the last one to be read: "
        "now and then a call was silent one way on a busy computer.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_udp.c",
        '"media_start(): recvfrom RTP failed"));\n',
        '"media_start(): recvfrom RTP failed"));\n        udp->started = PJ_FALSE;\n',
        "The same, undone.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_udp.c",
        '"media_start(): recvfrom RTCP failed"));\n',
        '"media_start(): recvfrom RTCP failed"));\n        udp->started = PJ_FALSE;\n',
        "The same, undone.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_sdes.c",
        "            int tags[64];",
        "            int tags[PJMEDIA_MAX_SDP_ATTR];",
        "CVE-2026-57162: there may be more keys than that; firmware/voice/sip/sdp.py hands on eight.",
    ),
    Change(
        "pjlib/src/pj/addr_resolv_sock.c",
        "PJ_DEF(pj_status_t) pj_getaddrinfo(int af, const pj_str_t *nodename,\n",
        "#define getaddrinfo(node, service, hint, found) \\\n"
        "    ((hint)->ai_flags |= AI_NUMERICHOST, getaddrinfo(node, service, hint, found))\n"
        "PJ_DEF(pj_status_t) pj_getaddrinfo(int af, const pj_str_t *nodename,\n",
        "The thread of SIP waited for a name server that is silent. firmware/voice/sip/servers.py looks names up.",
    ),
    Change(
        "pjlib/src/pj/ssl_sock_ossl.c",
        "            if (p && len && type != PJ_SSL_CERT_NAME_UNKNOWN) {\n",
        "            if (p && len && type != PJ_SSL_CERT_NAME_UNKNOWN &&\n"
        "                (type == PJ_SSL_CERT_NAME_IP || !pj_memchr(p, 0, len))) {\n",
        "CVE-2026-84975: of a certificate's name with a NUL in it, what stands before counted as the name.",
    ),
    Change(
        "pjsip/src/pjsip/sip_msg.c",
        "static int pjsip_generic_array_hdr_print( pjsip_generic_array_hdr *hdr, \n"
        "                                          char *buf, pj_size_t size)\n{\n"
        "    char *p = buf, *endbuf = buf+size;\n",
        "static int pjsip_generic_array_hdr_print( pjsip_generic_array_hdr *hdr,\n"
        "                                          char *buf, pj_size_t size)\n{\n"
        "    char *p = buf, *endbuf = buf+size-2;\n",
        "CVE-2026-57160: the colon behind a name was written without a look at the room for it.",
    ),
    Change(
        "pjsip/src/pjsua2/call.cpp",
        "    /* Remove reference to this instance from PJSUA library */\n",
        "    for (unsigned at = 0; at < pjsua_call_get_max_count(); ++at) {\n"
        "        Call *owner = (Call*)pjsua_call_get_user_data((int)at);\n\n"
        "        if (!owner || owner->id == (int)at || (owner != this && owner->child != this)) continue;\n"
        "        if (owner == this && child && child->id == PJSUA_INVALID_ID) {\n"
        "            child->id = (int)at;\n"
        "            pjsua_call_set_user_data((int)at, child);\n"
        "        } else {\n"
        "            pjsua_call_set_user_data((int)at, NULL);\n"
        "            if (pjsua_get_state() < PJSUA_STATE_CLOSING) pjsua_call_hangup((int)at, 0, NULL, NULL);\n"
        "        }\n"
        "    }\n"
        "    if (id == PJSUA_INVALID_ID || pjsua_call_get_user_data(id) != this) return;\n",
        "A call that was over hung up the new call to which the library had given its number meanwhile, and a call that "
        "a transfer had begun was told to objects that were gone.",
    ),
    Change(
        "pjsip/src/pjsip-ua/sip_inv.c",
        "            param.offer = sdp_info->sdp;\n",
        "            pjmedia_sdp_neg_get_neg_remote(inv->neg, &param.offer);\n",
        "An offer within a call was shown as it came, not the copy that is answered: nothing could be put in order there.",
    ),
    Change(
        "pjsip/src/pjsua2/endpoint.cpp",
        "    prm.sdp.fromPj(*sdp);\n",
        "    prm.remSdp.pjSdpSession = NULL;\n    prm.sdp.fromPj(*sdp);\n",
        "Of a description that answers no offer nothing told so: the offer's address was whatever had been on the stack.",
    ),
    Change(
        "pjsip/src/pjsua2/endpoint.cpp",
        "    pjsip_rx_data_free_cloned(call->incoming_data);\n",
        "    if (call->incoming_data) pjsip_rx_data_free_cloned(call->incoming_data);\n",
        "Hanging up within onIncomingCall frees the message first.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "NULL, NULL, NULL);\n            if (call->inv->dlg) {\n",
        "NULL, NULL, NULL);\n            if (call->inv && call->inv->dlg) {\n",
        "An offer that no transport took was refused, and the session that had ended by that was looked at again.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "NULL, NULL, NULL);\n            }\n                \n            if (call->inv->dlg) {\n",
        "NULL, NULL, NULL);\n            }\n\n            if (call->inv && call->inv->dlg) {\n",
        "The same for an offer that needs an extension which the library lacks.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "    acc->next_rtp_port += 2;\n    return PJ_SUCCESS;\n",
        "    acc->next_rtp_port = 0;\n    return PJ_SUCCESS;\n",
        "Only the first call's port was picked at random.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "    opt.port = acc->next_rtp_port;\n    acc->next_rtp_port += 2;\n",
        "    opt.port = acc->next_rtp_port;\n    acc->next_rtp_port = 0;\n",
        "The same for sockets of ICE.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "        if (ice_tp) {\n            return (ipv6_status",
        "        if (0) {\n            return (ipv6_status",
        "An offer with ICE named IPv6 alone to those who know none of ICE, a link's own address even.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "        m->attr[m->attr_count++] = pjmedia_sdp_attr_create_ssrc(pool,\n"
        "                                                                call_med->ssrc,\n"
        "                                                                &call->cname);\n",
        "",
        "An offer with two codecs' redundancy came to more than a packet over UDP, and one stream to a port needs no name.",
    ),
    Change(
        "pjmedia/include/pjmedia/stream_common.h",
        "    pjmedia_av_sync_media   *av_sync_media;         /**< Media sync media   */\n",
        "    pjmedia_av_sync_media   *av_sync_media;         /**< Media sync media   */\n    void *wecall;\n",
        "A stream has a receiver of ours (native/line.c): the library's jitter buffer knows no redundancy, throws frames "
        "away in the middle of words, and plays Opus a packet later for the sake of FEC.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    /* Create group lock & attach handler */\n",
        "    {\n"
        "        extern pj_status_t wecall_line_open(pjmedia_stream_common *, const pjmedia_codec_info *,\n"
        "                                            pjmedia_codec *, const pjmedia_codec_param *, unsigned);\n"
        "        status = wecall_line_open(c_strm, &info->fmt, stream->codec, &stream->codec_param,\n"
        "                                  stream->enc_samples_per_pkt);\n"
        "        if (status != PJ_SUCCESS) goto err_cleanup;\n"
        "    }\n",
        "The same: it begins.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    /* Free codec. */\n",
        "    extern void wecall_line_close(pjmedia_stream_common *);\n    wecall_line_close(&stream->base);\n",
        "The same: it ends.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    pj_mutex_lock( c_strm->jb_mutex );\n    if (seq_st.status.flag.restart) {\n",
        "    pj_mutex_lock( c_strm->jb_mutex );\n"
        "    extern int wecall_line_receive(pjmedia_stream_common *, const pjmedia_rtp_hdr *, const void *, unsigned, int);\n"
        "    if (1) {\n"
        "        if (!wecall_line_receive(c_strm, hdr, payload, payloadlen, seq_st.status.flag.restart))\n"
        "            *pkt_discarded = PJ_TRUE;\n"
        "    } else if (seq_st.status.flag.restart) {\n",
        "The same: it takes packets in.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    if (hdr->pt == stream->rx_event_pt) {\n",
        "    if (hdr->pt == stream->rx_event_pt) {\n"
        "        extern void wecall_line_pass(pjmedia_stream_common *, const pjmedia_rtp_hdr *);\n"
        "        wecall_line_pass(c_strm, hdr);\n",
        "The same: what a digit takes the place of is not lost.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    samples_required = PJMEDIA_PIA_SPF(&c_strm->port.info);\n    samples_per_frame = stream->dec_ptime *\n",
        "    {\n"
        "        extern void wecall_line_play(pjmedia_stream_common *, pjmedia_frame *);\n"
        "        wecall_line_play(c_strm, frame);\n"
        "        pj_mutex_unlock(c_strm->jb_mutex);\n"
        "        return PJ_SUCCESS;\n"
        "    }\n"
        "    samples_required = PJMEDIA_PIA_SPF(&c_strm->port.info);\n    samples_per_frame = stream->dec_ptime *\n",
        "The same: it plays.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    samples_per_frame = stream->enc_samples_per_pkt;\n",
        "    extern int wecall_line_gather(pjmedia_stream_common *, pjmedia_frame *);\n"
        "    pjmedia_frame gathered = *frame;\n\n"
        "    frame = &gathered;\n"
        "    if (!wecall_line_gather(c_strm, frame)) return PJ_SUCCESS;\n"
        "    samples_per_frame = stream->enc_samples_per_pkt;\n",
        "The same: sound is exchanged every 10 ms, so that a packet waits for the next turn and not for the one after.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    stream->is_streaming = PJ_TRUE;\n\n    /* Send the RTP packet to the transport. */\n",
        "    stream->is_streaming = PJ_TRUE;\n"
        "    {\n"
        "        extern unsigned wecall_line_send(pjmedia_stream_common *, unsigned);\n"
        "        frame_out.size = wecall_line_send(c_strm, (unsigned)frame_out.size);\n"
        "    }\n",
        "The same: a packet carries older ones again (RFC 2198).",
    ),
    Change(
        "pjmedia/src/pjmedia/stream.c",
        "    if (status != PJ_SUCCESS) {\n        if (c_strm->rtp_tx_err_cnt++ == 0) {\n",
        "    if (status != PJ_SUCCESS) {\n"
        "        extern void wecall_line_not_sent(pjmedia_stream_common *, pj_status_t);\n"
        "        wecall_line_not_sent(c_strm, status);\n"
        "        if (c_strm->rtp_tx_err_cnt++ == 0) {\n",
        "The same: it knows what this machine's own firewall keeps in.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "    /* Check if multiplexing is allowed and the payload indicates RTCP. */\n",
        "    {\n"
        "        extern int wecall_rtp_source(pjmedia_stream_common *, const pjmedia_rtp_hdr *,\n"
        "                                     pjmedia_tp_cb_param *);\n"
        "        if (!wecall_rtp_source(c_strm, hdr, param)) return;\n"
        "    }\n",
        "A stranger's packets were heard, and got the microphone sent to them.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "    if (param->src_addr) {\n",
        "    if (0) {\n",
        "wecall_rtp_source has decided.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "    pjmedia_rtcp_rx_rtcp(&c_strm->rtcp, pkt, bytes_read);\n",
        "    extern void wecall_report_take(const pjmedia_stream_common *, const void *, long);\n"
        "    wecall_report_take(c_strm, pkt, (long)bytes_read);\n"
        "    pjmedia_rtcp_rx_rtcp(&c_strm->rtcp, pkt, bytes_read);\n",
        "The library knows of extended reports only where it sends them too, and reads no fraction that was lost.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_udp.c",
        "        call_rtcp_cb(udp, bytes_read);\n\n        /* Transport may be",
        "        extern int wecall_rtcp_source(const pj_sockaddr_t *, const pj_sockaddr_t *);\n"
        "        if (bytes_read <= 0 || wecall_rtcp_source(&udp->rem_rtcp_addr, &udp->rtcp_src_addr))\n"
        "            call_rtcp_cb(udp, bytes_read);\n\n        /* Transport may be",
        "The same for RTCP.",
    ),
    Change(
        "pjlib/src/pj/sock_common.c",
        "    const pj_sockaddr *a1 = (const pj_sockaddr*) addr1;\n"
        "    const pj_sockaddr *a2 = (const pj_sockaddr*) addr2;\n"
        "    int port1, port2;\n",
        "    extern pj_sockaddr wecall_address(const pj_sockaddr_t *);\n"
        "    const pj_sockaddr first = wecall_address(addr1), second = wecall_address(addr2);\n"
        "    const pj_sockaddr *a1 = &first, *a2 = &second;\n"
        "    int port1, port2;\n",
        "A packet was held against an address that signalling wrote meanwhile, whose family was gone at the second look.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_ice.c",
        "    if (comp_id == 1) {\n        ++tp_ice->rtp_src_cnt;\n",
        "    {\n"
        "        extern int wecall_ice_source(pj_ice_strans *, unsigned, const pj_sockaddr_t *,\n"
        "                                     const pj_sockaddr_t *);\n"
        "        const pj_sockaddr *named = comp_id == 1 ? &tp_ice->remote_rtp : &tp_ice->remote_rtcp;\n"
        "        if (tp_ice->use_ice && !wecall_ice_source(ice_st, comp_id, src_addr, named)) return;\n"
        "    }\n"
        "    if (comp_id == 1) {\n        ++tp_ice->rtp_src_cnt;\n",
        "The same for sockets of ICE.",
    ),
    Change(
        "pjsip/src/pjsip-simple/evsub.c",
        "    if (mod_evsub.allow_events_hdr->count !=\n",
        '    if (pj_strcmp2(&pkg->pkg_name, "presence") && pj_strcmp2(&pkg->pkg_name, "dialog") &&\n'
        "        mod_evsub.allow_events_hdr->count !=\n",
        "Allow-Events promised subscriptions to presence and to calls, which the gate refuses.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "#include <pjmedia/clock.h>\n",
        "#include <pjmedia/clock.h>\n"
        "#define pjmedia_clock_create wecall_clock_create\n"
        "#define pjmedia_clock_start wecall_clock_start\n"
        "#define pjmedia_clock_stop wecall_clock_stop\n"
        "#define pjmedia_clock_destroy wecall_clock_stop\n"
        "pj_status_t wecall_clock_create(pj_pool_t *, unsigned, unsigned, unsigned, unsigned, pjmedia_clock_callback *,\n"
        "                                void *, pjmedia_clock **);\n"
        "pj_status_t wecall_clock_start(pjmedia_clock *);\n"
        "pj_status_t wecall_clock_stop(pjmedia_clock *);\n",
        "The thread behind each handshake was waited for twice, or for ever, where a re-INVITE began it anew.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    rsa_key = RSA_new();\n"
        "    if (!rsa_key) goto on_error;\n"
        "    if (!RSA_generate_key_ex(rsa_key, 2048, bne, NULL)) goto on_error;\n",
        "",
        "Finding an RSA key took 10 % of the handset's start, and seconds of it on a Raspberry Pi.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    priv_key = EVP_PKEY_new();\n"
        "    if (!priv_key) goto on_error;\n"
        "    if (!EVP_PKEY_assign_RSA(priv_key, rsa_key)) goto on_error;\n",
        '    priv_key = EVP_EC_gen("P-256");\n    if (!priv_key) goto on_error;\n',
        "The curve that every peer has (RFC 8827 section 6.5); a key on it is there at once.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        pj_thread_sleep(20);\n",
        "        return;\n",
        "The thread for audio does this now and must not wait; the next time is soon.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        DTLS_UNLOCK(ds);\n        ssl_flush_wbio(ds, idx);\n",
        "        ssl_flush_wbio(ds, idx);\n        DTLS_UNLOCK(ds);\n",
        "The same: it would have to wait for the lock again.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "typedef struct dtls_srtp dtls_srtp;\n",
        "typedef struct dtls_srtp dtls_srtp;\n"
        "static void dtls_media_stop_channel(dtls_srtp *, unsigned);\n"
        "int wecall_first_hello(const void *, pj_size_t, pj_uint8_t *);\n",
        "Whoever handshakes anew within a call, as Asterisk does after each re-INVITE without ICE, was ignored, and sent "
        "nothing any more. What follows is RFC 6347 section 4.2.8: the keys in use stay until others have been proved.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    pjmedia_srtp_crypto  tx_crypto[NUM_CHANNEL];\n",
        "    pj_bool_t            renewable[NUM_CHANNEL];\n"
        "    pj_bool_t            defers;\n"
        "    pj_uint8_t           kept[NUM_CHANNEL][PJMEDIA_MAX_MTU];\n"
        "    pj_size_t            kept_len[NUM_CHANNEL];\n"
        "    pj_uint8_t           hello[NUM_CHANNEL][32];\n"
        "    pjmedia_srtp_crypto  tx_crypto[NUM_CHANNEL];\n",
        "The same: whether an offer or an answer has gone since the last handshake, which hello began it, and one that waits "
        "until the other end speaks: Asterisk, on hold, greets and sends nothing more, but ever more rarely.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    if (ds->nego_completed[RTP_CHANNEL]) {\n",
        "    if (ds->got_keys)\n"
        "        ds->defers = ds->renewable[RTP_CHANNEL] = ds->renewable[RTCP_CHANNEL] = PJ_TRUE;\n"
        "    if (ds->nego_completed[RTP_CHANNEL] || ds->got_keys) {\n",
        "The same: there is one.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        if (reattach_tp) {\n",
        "        if (reattach_tp || !ds->nego_started[idx]) {\n",
        "Until the answer has been applied, what is sent goes to the phone's own port: a hello that came just then was answered "
        "there, the answer ended the handshake, and the call was silent.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        get_rem_addrs(ds, sdp_remote, media_index, &ds->rem_addr,\n"
        "                      &ds->rem_rtcp, NULL);\n",
        "        DTLS_LOCK(ds);\n"
        "        get_rem_addrs(ds, sdp_remote, media_index, &ds->rem_addr,\n"
        "                      &ds->rem_rtcp, NULL);\n"
        "        DTLS_UNLOCK(ds);\n",
        "The same: a hello was held against an address that was half written.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    if (!ds->use_ice && !ds->nego_completed[idx]) {\n",
        "    const pj_bool_t renews = ds->got_keys && ds->renewable[idx];\n"
        "    if (!ds->use_ice && !ds->nego_completed[idx] && !renews) {\n",
        "The same: audio goes where it went.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    /* If our setup is ACTPASS, incoming packet may be a client hello,\n",
        "    if (renews && ds->setup == DTLS_SETUP_PASSIVE) {\n"
        "        pjmedia_transport_info info;\n\n"
        "        pjmedia_transport_info_init(&info);\n"
        "        pjmedia_transport_get_info(ds->srtp->member_tp, &info);\n"
        "        if ((ds->use_ice || !pj_sockaddr_cmp(idx == RTP_CHANNEL ? &ds->rem_addr : &ds->rem_rtcp,\n"
        "                                             idx == RTP_CHANNEL ? &info.src_rtp_name : &info.src_rtcp_name)) &&\n"
        "            size <= sizeof(ds->kept[idx]) && wecall_first_hello(pkt, size, ds->hello[idx])) {\n"
        "            if (ds->defers) {\n"
        "                pj_memcpy(ds->kept[idx], pkt, size);\n"
        "                ds->kept_len[idx] = size;\n"
        "                DTLS_UNLOCK(ds);\n"
        "                return PJ_SUCCESS;\n"
        "            }\n"
        "            dtls_media_stop_channel(ds, idx);\n"
        "        }\n"
        "    }\n"
        "    /* If our setup is ACTPASS, incoming packet may be a client hello,\n",
        "The same: it begins, for whom signalling has named (ICE has judged the source below).",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    /* Get SRTP key material */\n    status = ssl_get_srtp_material(ds, idx);\n",
        "    if (ds->rem_fingerprint.slen && (status = ssl_match_fingerprint(ds, idx)) != PJ_SUCCESS) {\n"
        "        if (ds->got_keys) return status;\n"
        "        ds->rem_fprint_status = status;\n"
        "        goto on_return;\n"
        "    }\n"
        "    ds->renewable[idx] = PJ_FALSE;\n"
        "    status = ssl_get_srtp_material(ds, idx);\n",
        "The same: nobody's keys are kept before their fingerprint is right, which was looked at once, behind them, and never for RTCP.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    /* Check if the background DTLS nego has completed */\n",
        "    DTLS_LOCK(ds);\n"
        "    {\n"
        "        const pjmedia_sdp_media *theirs = sdp_remote->media[media_index];\n"
        '        const pj_bool_t named = !ds->use_ice && pjmedia_sdp_media_find_attr2(theirs, "connection", NULL);\n'
        "        unsigned idx;\n\n"
        '        ds->defers = pjmedia_sdp_media_find_attr2(theirs, "recvonly", NULL) ||\n'
        '                     pjmedia_sdp_media_find_attr2(theirs, "inactive", NULL);\n'
        "        for (idx = RTP_CHANNEL; idx <= RTCP_CHANNEL; ++idx) {\n"
        "            const pj_size_t kept = ds->kept_len[idx];\n\n"
        "            if (ds->defers || !ds->got_keys || !ds->srtp->session_inited ||\n"
        "                !(ds->setup == DTLS_SETUP_ACTIVE ? named && ds->nego_completed[idx] : kept > 0))\n"
        "                continue;\n"
        "            dtls_media_stop_channel(ds, idx);\n"
        "            if (ssl_handshake_channel(ds, idx) == PJ_SUCCESS && kept)\n"
        "                ssl_on_recv_packet(ds, idx, ds->kept[idx], kept);\n"
        "        }\n"
        "    }\n"
        "    DTLS_UNLOCK(ds);\n"
        "    /* Check if the background DTLS nego has completed */\n",
        "The same: it begins now that the other end speaks. Where it is ours to begin, Asterisk, which alone names a "
        "connection, waits for it, whatever it names.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    ds->nego_started[idx] = PJ_FALSE;\n",
        "    ds->nego_started[idx] = PJ_FALSE;\n    ds->kept_len[idx] = 0;\n",
        "The same.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        ds->got_keys = PJ_TRUE;\n",
        "        if (idx == RTP_CHANNEL) ds->got_keys = PJ_TRUE;\n",
        "Where RTCP's handshake ended first, audio was taken to have keys, too.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        if (ds->rem_fingerprint.slen && ds->rem_fprint_status == PJ_EPENDING)\n",
        "        if (ds->rem_fingerprint.slen && ds->rem_fprint_status != PJ_SUCCESS)\n",
        "A fingerprint that was wrong once was not looked at again.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "    } else if (idx == RTCP_CHANNEL) {\n        pjmedia_srtp_setting setting;\n",
        "    } else if (idx == RTCP_CHANNEL || ds->srtp->session_inited) {\n"
        "        pjmedia_srtp_setting setting;\n"
        "        srtp_context *context = idx == RTCP_CHANNEL ? &ds->srtp->srtp_rtcp : &ds->srtp->srtp_ctx;\n",
        "The same: the new keys take the place of the old.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        ds->srtp->srtp_rtcp.tx_policy_neg = ds->tx_crypto[idx];\n"
        "        ds->srtp->srtp_rtcp.rx_policy_neg = ds->rx_crypto[idx];\n",
        "        context->tx_policy_neg = ds->tx_crypto[idx];\n        context->rx_policy_neg = ds->rx_crypto[idx];\n",
        "The same.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_srtp_dtls.c",
        "        status = create_srtp_ctx(ds->srtp, &ds->srtp->srtp_rtcp,\n"
        "                                 &setting, &ds->srtp->srtp_rtcp.tx_policy_neg,\n"
        "                                 &ds->srtp->srtp_rtcp.rx_policy_neg);\n",
        "        status = create_srtp_ctx(ds->srtp, context, &setting, &context->tx_policy_neg, &context->rx_policy_neg);\n",
        "The same.",
    ),
    Change(
        "pjnath/src/pjnath/ice_strans.c",
        "            status = pj_stun_sock_sendto(comp->stun[tp_idx].sock, NULL, buf,\n",
        "            pj_stun_sock *sock = comp->stun[tp_idx].sock;\n\n"
        "            status = PJ_EINVALIDOP;\n"
        "            if (!sock) goto on_return;\n"
        "            status = pj_stun_sock_sendto(sock, NULL, buf,\n",
        "Audio of a call that was just ending met an assertion: its sockets had gone, as those of TURN may.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "            pjsua_handle_events(100);\n",
        "            pj_timer_heap_poll(pjsip_endpt_get_timer_heap(pjsua_var.endpt), NULL);\n"
        "            pj_thread_sleep(1);\n",
        "In a re-INVITE without an offer other messages were read while ICE began: a BYE took the call away meanwhile.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "                *sip_err_code = PJSIP_SC_INTERNAL_SERVER_ERROR;\n            call_med->tp_ready = status;\n",
        "                *sip_err_code = PJSIP_SC_INTERNAL_SERVER_ERROR;\n"
        "            if (!call_med->call) return status;\n"
        "            call_med->tp_ready = status;\n",
        "The same, where a timer ended the call.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_ice.c",
        "    pj_status_t status;\n\n    /* Encode ICE in SDP */\n",
        "    pj_status_t status;\n\n"
        "    if (!pj_ice_strans_has_sess(tp_ice->ice_st)) return PJ_SUCCESS;\n"
        "    /* Encode ICE in SDP */\n",
        "A re-INVITE without an offer, in a call whose ICE had ended, met an assertion.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_ice.c",
        "            addr = &tp_ice->remote_rtcp;\n",
        "            addr = &tp_ice->remote_rtcp;\n"
        "            if (!tp_ice->remote_rtcp.addr.sa_family) return PJ_SUCCESS;\n",
        "A re-INVITE that ended ICE met an assertion, for want of an address to send RTCP to.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_ice.c",
        "                                   tp_ice->comp_cnt, PJ_FALSE,\n"
        "                                   tp_ice->enable_rtcp_mux,\n",
        "                                   pj_ice_strans_get_running_comp_cnt(tp_ice->ice_st), PJ_FALSE,\n"
        "                                   tp_ice->enable_rtcp_mux,\n",
        "The same, where RTCP had come to share the port of RTP.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_ice.c",
        "        if (m->bandw_count + 2 <= PJ_ARRAY_SIZE(m->bandw)) {\n",
        "        if (!rtcp_mux && m->bandw_count + 2 <= PJ_ARRAY_SIZE(m->bandw)) {\n",
        "Whoever shared a port for RTP and RTCP was told to send no RTCP, and so nothing of what is lost (RFC 3556).",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "    pj_assert(answer->media_count == offer->media_count);\n",
        "    if (answer->media_count != offer->media_count) goto on_return;\n",
        "An offer with fewer media lines than the one before was read beyond its end.",
    ),
    Change(
        "pjmedia/src/pjmedia/endpoint.c",
        '        pj_assert(!"Invalid address family");\n',
        "",
        "An offer, in a call that has no stream left, is answered with an error; it need not end the fuzzer's build.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "    /* Initialize each media line */\n    for (mi=0; mi < call->med_prov_cnt; ++mi) {\n",
        "    call->med_prov_cnt = PJ_MIN(call->med_prov_cnt, PJSUA_MAX_CALL_MEDIA);\n"
        "    for (mi=0; mi < call->med_prov_cnt; ++mi) {\n"
        "        if (!call->media_prov[mi].call)\n"
        "            pj_memcpy(&call->media_prov[mi], &call->media[mi], sizeof(call->media[mi]));\n\n",
        "An offer of ours could begin with a media line that nothing had been written to.",
    ),
    Change(
        "pjmedia/src/pjmedia/transport_udp.c",
        "    /* Synthesize address, if necessary. */\n",
        "    pj_sockaddr_init(sock_addr.addr.sa_family, &remote_addr, NULL, 0);\n"
        "    pj_sockaddr_init(sock_addr.addr.sa_family, &remote_rtcp, NULL, 0);\n",
        "An offer with an address of the other family, in a call of this one, left what had been on the stack.",
    ),
    Change(
        "pjsip/src/pjsip-ua/sip_inv.c",
        '        pj_assert(!"Unable to send ACK!");\n',
        "",
        "An answer may name a place that nothing can be sent to; it need not end the fuzzer's build.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "    pj_assert(call->med_prov_cnt >= local_sdp->media_count);\n",
        "    if (call->med_prov_cnt < local_sdp->media_count) {\n"
        "        pj_log_pop_indent();\n"
        "        return PJ_EINVALIDOP;\n"
        "    }\n",
        "An UPDATE that was refused while a call rang left fewer media lines than had been agreed on before.",
    ),
    Change(
        "pjsip/src/pjsip/sip_dialog.c",
        "    PJ_ASSERT_RETURN(rdata->msg_info.to->tag.slen != 0, PJSIP_EMISSINGTAG);\n",
        "    if (rdata->msg_info.to->tag.slen == 0) return PJSIP_EMISSINGTAG;\n",
        "A second answer to a call of ours may come without a tag; it need not end the fuzzer's build.",
    ),
    Change(
        "pjmedia/src/pjmedia/endpoint.c",
        '"%d 0-15", pt);\n#endif\n'
        "            attr->value = pj_strdup3(pool, buf);\n"
        "            m->attr[m->attr_count++] = attr;\n"
        "        }\n    }\n#endif\n",
        '"%d 0-15", pt);\n#endif\n'
        "            attr->value = pj_strdup3(pool, buf);\n"
        "            m->attr[m->attr_count++] = attr;\n"
        "        }\n    }\n#endif\n"
        "    {\n"
        "        extern void wecall_red_offer(pj_pool_t *, pjmedia_sdp_media *);\n"
        "        wecall_red_offer(pool, m);\n"
        "    }\n",
        "Audio has redundancy (RFC 2198) named; the library knows it of text alone. native/sdp.c has what it means.",
    ),
    Change(
        "pjmedia/src/pjmedia/sdp_neg.c",
        "                    is_red = 1;",
        "                    continue;",
        "Whatever is called redundancy was taken into an answer, for other codecs too.",
    ),
    Change(
        "pjmedia/src/pjmedia/sdp_neg.c",
        "    apply_answer_symmetric_pt(pool, answer, pt_answer_count,\n"
        "                              pt_offer, pt_answer);\n"
        "#endif\n",
        "    apply_answer_symmetric_pt(pool, answer, pt_answer_count,\n"
        "                              pt_offer, pt_answer);\n"
        "#endif\n"
        "    {\n"
        "        extern void wecall_red_answer(pj_pool_t *, const pjmedia_sdp_media *, pjmedia_sdp_media *);\n"
        "        wecall_red_answer(pool, offer, answer);\n"
        "    }\n",
        "An answer keeps the redundancy of the codec that was agreed on.",
    ),
    Change(
        "pjmedia/src/pjmedia/sdp_neg.c",
        "            rewrite_pt2(pool, &sdp_m->desc.fmt[j],\n                        pt, new_pt);\n        }\n",
        "            rewrite_pt2(pool, &sdp_m->desc.fmt[j],\n                        pt, new_pt);\n        }\n"
        "        {\n"
        "            extern void wecall_red_rename(pj_pool_t *, pjmedia_sdp_media *);\n"
        "            wecall_red_rename(pool, sdp_m);\n"
        "        }\n",
        "A codec got another number, and its redundancy went on naming the old one.",
    ),
    Change(
        "pjmedia/src/pjmedia/stream_info.c",
        "    status = get_audio_codec_info_param(si, pool, mgr, local_m, rem_m);\n"
        "    if (status != PJ_SUCCESS)\n"
        "        return status;\n",
        "    status = get_audio_codec_info_param(si, pool, mgr, local_m, rem_m);\n"
        "    if (status != PJ_SUCCESS)\n"
        "        return status;\n"
        "    {\n"
        "        extern void wecall_red_agreed(pjmedia_stream_info *, const pjmedia_sdp_media *, const pjmedia_sdp_media *);\n"
        "        extern void wecall_packet_time(pjmedia_stream_info *, const pjmedia_sdp_media *);\n"
        "        wecall_red_agreed(si, local_m, rem_m);\n"
        "        wecall_packet_time(si, rem_m);\n"
        "    }\n",
        "The stream learns which packets hold redundancy, and how long the other end wants them.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "            old_si->tx_event_pt != new_si->tx_event_pt)\n",
        "            old_si->tx_event_pt != new_si->tx_event_pt ||\n"
        "            old_si->rx_red_pt != new_si->rx_red_pt ||\n"
        "            old_si->tx_red_pt != new_si->tx_red_pt ||\n"
        "            old_si->tx_red_level != new_si->tx_red_level)\n",
        "A stream went on as it was where redundancy alone had changed.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "        if (old_cp->setting.frm_per_pkt != new_cp->setting.frm_per_pkt ||\n",
        "        if (old_cp->info.frm_ptime != new_cp->info.frm_ptime ||\n"
        "            old_cp->setting.frm_per_pkt != new_cp->setting.frm_per_pkt ||\n",
        "The same where the length of Opus's frames had.",
    ),
    Change(
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "    /* Dynamic PT, check the format name */\n    if (pt >= 96) {\n",
        "    /* Dynamic PT, check the format name */\n    if (pt >= 35) {\n",
        "Redundancy on one of the numbers below 96, where browsers have it, counted as a second codec and got a re-INVITE.",
    ),
    Change(
        "pjmedia/src/pjmedia-codec/opus.c",
        "    pj_bool_t auto_bit_rate = PJ_TRUE;\n",
        "    pj_bool_t auto_bit_rate = !attr->info.avg_bps;\n",
        "The bit rate that the handset sets was told to the other end and not kept to: Opus took 17 kbit/s.",
    ),
    Change(
        "pjmedia/src/pjmedia-codec/opus.c",
        "        if (rate < attr->info.max_bps) {\n",
        "        if (auto_bit_rate || rate < attr->info.avg_bps) {\n",
        "The other end's limit took the place of a lower one of ours, and counted for nothing above 32 kbit/s.",
    ),
    Change(
        "pjmedia/src/pjmedia-codec/opus.c",
        "    output->size      = (unsigned)size;\n",
        "    if (opus_data->cfg.cbr && size > 0 && out_pos <= output_buf_len &&\n"
        "        opus_packet_pad(output->buf, size, out_pos) == OPUS_OK)\n"
        "        size = out_pos;\n"
        "    output->size      = (unsigned)size;\n",
        "A constant bit rate, for which another end may have asked so that lengths tell nothing, lost its padding.",
    ),
)


def apply_changes(source: Path) -> None:
    """Change the unpacked source.

    Raises:
        EngineError: a line that should be changed is not there once.
    """
    for change in CHANGES:
        file = source / change.file
        text = file.read_text(encoding="utf-8")
        if not change.old:
            text += change.new
        elif text.count(change.old) == 1:
            text = text.replace(change.old, change.new)
        else:
            raise EngineError(
                f"{change.file} of the SIP library does not have the line that engine/changes.py changes: "
                f"{change.old.strip()!r}. Look at that change again for this release."
            )
        file.write_text(text, encoding="utf-8")
