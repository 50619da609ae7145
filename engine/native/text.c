/* Real-time text (RFC 4103) between pjmedia's text stream and firmware/voice/sip/real_time_text.py: what comes waits here as
   it came, from whom signalling names and decrypted, and what is sent goes out as it is given. Nothing of it is read here. */

#include "wecall.h"
#include <pjlib.h>
#include <pjmedia.h>
#include <pjmedia/stream_common.h>
#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#define MOST_PACKETS 16
#define MOST_BYTES 1200

struct packet {
    unsigned sequence, repeats, size;
    unsigned char payload[MOST_BYTES];
};

/* Packets that wait, a ring; with the lock of the stream's jitter buffer, which has no other use. */
struct waiting {
    unsigned first, count;
    struct packet packets[MOST_PACKETS];
};

/* firmware/voice/sip/native.py has the same members. */
struct wecall_text {
    int sends, receives;
    unsigned sent_type, received_type; /* the payload types of text, by which redundancy names it */
    unsigned depth;                    /* how many packets each packet sent may hold once more */
};

static int heard;

/* Make the place where packets of a stream wait; it goes with the stream. */
void *wecall_text_open(pj_pool_t *pool)
{
    return PJ_POOL_ZALLOC_T(pool, struct waiting);
}

/* Keep a packet until it is taken; one that there is no room for counts as lost. */
void wecall_text_receive(pjmedia_stream_common *stream, const pjmedia_rtp_hdr *header, const void *payload, unsigned size)
{
    struct waiting *waiting = stream->wecall;

    if (!waiting || size > MOST_BYTES) return;
    pj_mutex_lock(stream->jb_mutex);
    if (waiting->count < MOST_PACKETS) {
        struct packet *packet = &waiting->packets[(waiting->first + waiting->count++) % MOST_PACKETS];

        packet->sequence = pj_ntohs(header->seq);
        packet->repeats = stream->si->rx_red_pt && header->pt == stream->si->rx_red_pt;
        packet->size = size;
        if (size) pj_memcpy(packet->payload, payload, size);
    }
    pj_mutex_unlock(stream->jb_mutex);
    __atomic_store_n(&heard, 1, __ATOMIC_RELEASE);
}

/* Whether text has come since the last time that this was asked. */
WECALL int wecall_text_heard(void)
{
    return __atomic_exchange_n(&heard, 0, __ATOMIC_ACQ_REL);
}

/* The text stream of a call; NULL where it has none. On the thread that makes and ends streams alone. */
static pjmedia_stream_common *stream_of(int number)
{
    unsigned at;

    if (number < 0 || number >= (int)pjsua_var.ua_cfg.max_calls) return NULL;
    for (at = 0; at < pjsua_var.calls[number].med_cnt; ++at) {
        const pjsua_call_media *media = &pjsua_var.calls[number].media[at];

        if (media->type == PJMEDIA_TYPE_TEXT && media->strm.t.stream)
            return (pjmedia_stream_common *)media->strm.t.stream;
    }
    return NULL;
}

/* How the text of a call, by the library's number, was agreed on. Returns whether it has any. */
WECALL int wecall_text_look(int number, struct wecall_text *into)
{
    const pjmedia_stream_common *stream = stream_of(number);

    if (!stream) return 0;
    into->sends = (stream->dir & PJMEDIA_DIR_ENCODING) != 0;
    into->receives = (stream->dir & PJMEDIA_DIR_DECODING) != 0;
    into->sent_type = stream->si->tx_pt;
    into->received_type = stream->si->rx_pt;
    into->depth = stream->si->tx_red_pt && stream->si->tx_red_level > 0 ? (unsigned)stream->si->tx_red_level : 0;
    return 1;
}

/* Take the packet that has waited the longest. Returns how long it is, -1 where none waits; `sequence` is the number in its
   header, and it `repeats` others where it is redundancy (RFC 2198). */
WECALL int wecall_text_take(int number, void *payload, unsigned room, unsigned *sequence, unsigned *repeats)
{
    pjmedia_stream_common *stream = stream_of(number);
    struct waiting *waiting = stream ? stream->wecall : NULL;
    int size = -1;

    if (!waiting) return size;
    pj_mutex_lock(stream->jb_mutex);
    if (waiting->count) {
        const struct packet *packet = &waiting->packets[waiting->first];

        size = (int)PJ_MIN(packet->size, room);
        pj_memcpy(payload, packet->payload, (unsigned)size);
        *sequence = packet->sequence;
        *repeats = packet->repeats;
        waiting->first = (waiting->first + 1) % MOST_PACKETS;
        --waiting->count;
    }
    pj_mutex_unlock(stream->jb_mutex);
    return size;
}

/* Send a packet, `elapsed_ms` after the one before; it is `marked` after a silence, and `repeats` others where it is
   redundancy. Returns 0, or why it was not sent. */
WECALL int wecall_text_send(int number, const void *payload, unsigned size, int repeats, int marked, unsigned elapsed_ms)
{
    pjmedia_stream_common *stream = stream_of(number);
    unsigned char packet[sizeof(pjmedia_rtp_hdr) + MOST_BYTES];
    const void *header;
    int length;
    pj_status_t status;

    if (!stream || !(stream->dir & PJMEDIA_DIR_ENCODING)) return PJ_EINVALIDOP;
    if (size > MOST_BYTES) return PJ_ETOOBIG;
    pj_mutex_lock(stream->jb_mutex);
    status = pjmedia_rtp_encode_rtp(&stream->enc->rtp, (int)(repeats ? stream->si->tx_red_pt : stream->enc->pt), marked,
                                    (int)size, (int)elapsed_ms, &header, &length);
    pj_mutex_unlock(stream->jb_mutex);
    if (status != PJ_SUCCESS) return status;
    pj_memcpy(packet, header, sizeof(pjmedia_rtp_hdr));
    pj_memcpy(packet + sizeof(pjmedia_rtp_hdr), payload, size);
    status = pjmedia_transport_send_rtp(stream->transport, packet, sizeof(pjmedia_rtp_hdr) + size);
    pj_mutex_lock(stream->jb_mutex);
    /* A stream that takes this one's place goes on from here. */
    pjmedia_rtcp_tx_rtp(&stream->rtcp, size);
    stream->rtcp.stat.rtp_tx_last_ts = pj_ntohl(stream->enc->rtp.out_hdr.ts);
    stream->rtcp.stat.rtp_tx_last_seq = pj_ntohs(stream->enc->rtp.out_hdr.seq);
    pj_mutex_unlock(stream->jb_mutex);
    return status;
}
