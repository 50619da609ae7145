/* What the other end tells of our audio, by RTCP: receiver reports (RFC 3550 section 6.4), and the VoIP metrics of
   extended reports (RFC 3611 section 4.7). The library reads the former loosely and would send the latter; here they are
   read strictly, and nothing is sent. */

#include "wecall.h"
#include <pthread.h>
#include <pjlib.h>
#include <pjmedia.h>
#include <pjmedia/stream_common.h>

#define MOST_STREAMS 64

enum {
    BLOCK_HEADER = 4,
    HEADER = 8,             /* of a packet: how long it is, and who sent it */
    SENDER = 20,            /* what a sender report tells before its report blocks */
    PACKET_COUNT = 12,      /* where that says how many packets were sent */
    REPORT = 24,
    METRICS = 36,
    VERSION = 2,
    FIRST_TYPE = 192,       /* RFC 5761 section 4: 192 to 223 are RTCP's */
    LAST_TYPE = 223,
    SENDER_REPORT = 200,
    RECEIVER_REPORT = 201,
    EXTENDED_REPORT = 207,
    VOIP_METRICS = 7,
    UNAVAILABLE = 127
};

/* firmware/voice/sip/native.py has the same members. */
struct wecall_far_report {
    unsigned reports;           /* report blocks about this stream so far */
    int lost;                   /* by the newest, since the peer began to count; below 0 where packets came twice */
    unsigned metrics;           /* blocks of VoIP metrics about this stream so far; the rest is the newest's */
    unsigned loss_rate;         /* 256ths since the stream began that never came, what was repaired left out */
    unsigned discard_rate;      /* 256ths that came too early or too late */
    unsigned mos_lq;            /* tenths of a mean opinion score of listening, UNAVAILABLE where not told */
    unsigned mos_cq;            /* the same of the conversation */
    unsigned told;              /* compound packets so far that say what came there of this stream, or that nothing did */
    unsigned highest;           /* by the newest block about this stream: extended highest sequence number (6.4.1) */
    unsigned far_sent;          /* packets that the peer has sent, by its newest sender report */
    unsigned sent;              /* packets of this stream when the newest that counts as told came */
    unsigned received;          /* packets that had come over this stream by then */
};

static unsigned word(const unsigned char *at)
{
    return (unsigned)at[0] << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
}

static long length_of(const unsigned char *at)
{
    return 4 * (((long)at[2] << 8 | at[3]) + 1);
}

/* How much of the packet that begins here tells something, 0 where it is none (RFC 3550 appendix A.2). */
static long content_of(const unsigned char *packet, long left)
{
    long length, padding = 0;

    if (left < HEADER || packet[0] >> 6 != VERSION || packet[1] < FIRST_TYPE || packet[1] > LAST_TYPE) return 0;
    length = length_of(packet);
    if (length < HEADER || length > left) return 0;
    if (packet[0] & 0x20) {
        /* Only the last may be padded. */
        padding = packet[length - 1];
        if (length != left || !padding || padding % 4 || padding > length - HEADER) return 0;
    }
    return length - padding;
}

static int read_reports(const unsigned char *packet, long length, unsigned ssrc, struct wecall_far_report *into)
{
    long at = HEADER + (packet[1] == SENDER_REPORT ? SENDER : 0);
    long end = at + (long)(packet[0] & 0x1F) * REPORT;

    if (end > length) return 0;
    if (packet[1] == SENDER_REPORT) into->far_sent = word(packet + HEADER + PACKET_COUNT);
    /* Whoever has heard nobody lists nobody or, as pjproject does, a source 0. */
    if (at == end) into->told++;
    for (; at < end; at += REPORT) {
        const unsigned char *block = packet + at;

        if (word(block) == ssrc || !word(block)) into->told++;
        if (word(block) != ssrc) continue;
        into->reports++;
        into->highest = word(block + 8);
        into->lost = (int)(word(block + 4) & 0xFFFFFF) - (block[5] & 0x80 ? 0x1000000 : 0);
    }
    return 1;
}

/* What is not on the scale counts as not told (RFC 3611 section 4.7.5). */
static unsigned opinion(unsigned tenths)
{
    return tenths >= 10 && tenths <= 50 ? tenths : UNAVAILABLE;
}

static int read_extended(const unsigned char *packet, long length, unsigned ssrc, struct wecall_far_report *into)
{
    long at, size;

    for (at = HEADER; at < length; at += size) {
        const unsigned char *block = packet + at;

        if (length - at < BLOCK_HEADER) return 0;
        size = length_of(block);
        if (size > length - at) return 0;
        if (block[0] != VOIP_METRICS) continue;
        /* Without a shortest gap there are no bursts (RFC 3611 section 4.7.6). */
        if (size != METRICS || !block[23]) return 0;
        if (word(block + 4) != ssrc) continue;
        into->metrics++;
        into->loss_rate = block[8];
        into->discard_rate = block[9];
        into->mos_lq = opinion(block[26]);
        into->mos_cq = opinion(block[27]);
    }
    return 1;
}

/* Read a compound packet, decrypted, into what was known of the stream that sends with this SSRC. Returns 1; 0 where
   anything in it is wrong, and then nothing was read. */
WECALL int wecall_report_read(const unsigned char *packet, long size, unsigned ssrc, struct wecall_far_report *into)
{
    struct wecall_far_report found = *into;
    long at, length;

    for (at = 0; at < size; at += length_of(packet + at)) {
        const unsigned char *part = packet + at;
        int reports;

        length = content_of(part, size - at);
        if (!length) return 0;
        reports = part[1] == SENDER_REPORT || part[1] == RECEIVER_REPORT;
        /* A compound packet begins with a report (RFC 3550 section 6.1). */
        if (!at && !reports) return 0;
        if (reports && !read_reports(part, length, ssrc, &found)) return 0;
        if (part[1] == EXTENDED_REPORT &&
            (word(part + 4) != word(packet + 4) || !read_extended(part, length, ssrc, &found)))
            return 0;
    }
    /* Two about one stream contradict each other. */
    if (found.reports - into->reports > 1 || found.metrics - into->metrics > 1) return 0;
    *into = found;
    return size > 0;
}

/* --- by stream ------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const void *stream; /* NULL: free */
    struct wecall_far_report report;
} places[MOST_STREAMS];

/* The place of a stream or, of NULL, a free one; MOST_STREAMS where there is none. Call it with the lock. */
static unsigned place_of(const void *stream)
{
    unsigned at;

    for (at = 0; at < MOST_STREAMS && places[at].stream != stream; ++at) { }
    return at;
}

/* Keep what is told about a stream from now on. */
WECALL void wecall_report_begin(const void *stream)
{
    static const struct wecall_far_report nothing = { .mos_lq = UNAVAILABLE, .mos_cq = UNAVAILABLE };
    unsigned at;

    pthread_mutex_lock(&places_lock);
    at = place_of(stream);
    if (at == MOST_STREAMS) at = place_of(NULL);
    if (at < MOST_STREAMS) {
        places[at].stream = stream;
        places[at].report = nothing;
    }
    pthread_mutex_unlock(&places_lock);
}

/* What was told about a stream so far. Returns whether it is kept. */
WECALL int wecall_report_get(const void *stream, struct wecall_far_report *into)
{
    unsigned at;

    pthread_mutex_lock(&places_lock);
    at = place_of(stream);
    if (at < MOST_STREAMS) *into = places[at].report;
    pthread_mutex_unlock(&places_lock);
    return at < MOST_STREAMS;
}

/* Forget a stream, which is about to be destroyed. */
WECALL void wecall_report_end(const void *stream)
{
    unsigned at;

    pthread_mutex_lock(&places_lock);
    at = place_of(stream);
    if (at < MOST_STREAMS) places[at].stream = NULL;
    pthread_mutex_unlock(&places_lock);
}

/* Read what came for a stream, by RTCP that has passed wecall_rtcp_source and SRTP. */
void wecall_report_take(const pjmedia_stream_common *stream, const void *packet, long size)
{
    unsigned at;

    pthread_mutex_lock(&places_lock);
    at = place_of(stream);
    if (at < MOST_STREAMS) {
        struct wecall_far_report *report = &places[at].report;
        const unsigned told = report->told;

        wecall_report_read(packet, size, pj_ntohl(stream->enc->rtp.out_hdr.ssrc), report);
        if (report->told != told) {
            report->sent = stream->rtcp.stat.tx.pkt;
            report->received = stream->rtcp.stat.rx.pkt;
        }
    }
    pthread_mutex_unlock(&places_lock);
}
