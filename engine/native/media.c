/* Audio: who may send it, and how it gets in and out. */

#define _GNU_SOURCE 1
#include "wecall.h"
#include <pthread.h>
#include <pjlib.h>
#include <pjmedia.h>
#include <pjmedia/stream_common.h>
#include <pjnath.h>
#include <pjsua-lib/pjsua.h>

#define MOST_TRUSTED 64

/* --- from whom ------------------------------------------------------------------------------------------------------ */

static pthread_mutex_t trusted_lock = PTHREAD_MUTEX_INITIALIZER;
static pj_sockaddr trusted[MOST_TRUSTED];
static unsigned trusted_count;
static unsigned long refused;

/* Replace the addresses that audio may come from at another port than signalling says: a server's, behind whose NAT or
   relay ports change. Returns 0, or an error where one is no address. */
WECALL int wecall_media_trust(const char *const *addresses, unsigned count)
{
    pj_sockaddr read[MOST_TRUSTED];
    unsigned at;

    if (count > MOST_TRUSTED) return PJ_ETOOMANY;
    for (at = 0; at < count; ++at) {
        pj_str_t text = pj_str((char *)addresses[at]);

        if (pj_sockaddr_parse(pj_AF_UNSPEC(), 0, &text, &read[at]) != PJ_SUCCESS) return PJ_EINVAL;
    }
    pthread_mutex_lock(&trusted_lock);
    pj_memcpy(trusted, read, count * sizeof(read[0]));
    trusted_count = count;
    pthread_mutex_unlock(&trusted_lock);
    return PJ_SUCCESS;
}

/* How many packets came from where nobody was expected. */
WECALL unsigned long wecall_media_refused(void)
{
    return __atomic_load_n(&refused, __ATOMIC_RELAXED);
}

/* What an address is now. Signalling may write it meanwhile: what is looked at twice must be a copy, whose family does not
   change between. A copy that was taken half written is nobody's address. */
pj_sockaddr wecall_address(const pj_sockaddr_t *address)
{
    const pj_uint16_t family = *(const volatile pj_uint16_t *)&((const pj_sockaddr *)address)->addr.sa_family;
    pj_sockaddr copy;

    pj_bzero(&copy, sizeof(copy));
    if (family == pj_AF_INET6()) pj_memcpy(&copy, address, sizeof(copy.ipv6));
    if (family == pj_AF_INET()) pj_memcpy(&copy, address, sizeof(copy.ipv4));
    copy.addr.sa_family = family;
    return copy;
}

static int same_host(const pj_sockaddr_t *one, const pj_sockaddr_t *other)
{
    const pj_sockaddr first = wecall_address(one), second = wecall_address(other);

    return first.addr.sa_family == second.addr.sa_family && first.addr.sa_family != 0 &&
           pj_memcmp(pj_sockaddr_get_addr(&first), pj_sockaddr_get_addr(&second), pj_sockaddr_get_addr_len(&first)) == 0;
}

static int is_trusted(const pj_sockaddr_t *source)
{
    unsigned at;
    int found = 0;

    pthread_mutex_lock(&trusted_lock);
    for (at = 0; at < trusted_count && !found; ++at) found = same_host(&trusted[at], source);
    pthread_mutex_unlock(&trusted_lock);
    return found;
}

static int refuse(void)
{
    __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
    return 0;
}

/* Let a stream's audio come from this host, too, at any port: signalling names it as well, in a Contact. The library
   has no use of its own for the member. */
WECALL void wecall_media_name(pjmedia_stream *stream, const char *host)
{
    pjmedia_stream_common *common = (pjmedia_stream_common *)stream;
    pj_str_t text = pj_str((char *)host);

    if (pj_sockaddr_parse(pj_AF_UNSPEC(), 0, &text, &common->rtp_src_addr) != PJ_SUCCESS)
        pj_bzero(&common->rtp_src_addr, sizeof(common->rtp_src_addr));
}

static int is_named(const pjmedia_stream_common *stream, const pj_sockaddr_t *source)
{
    return same_host(&stream->rtp_src_addr, source);
}

/* Whether a stream takes this packet, which has passed SRTP where there is SRTP. It may move once, before it has heard
   the address that signalling named, and to a trusted or named host alone (RFC 4961, RFC 7362 section 4). */
int wecall_rtp_source(pjmedia_stream_common *stream, const pjmedia_rtp_hdr *header, pjmedia_tp_cb_param *packet)
{
    enum { SILENT, SETTLED };
    pj_sockaddr source;

    if (!packet->src_addr) return 1; /* ICE has judged it below */
    source = wecall_address(packet->src_addr);
    if (pj_sockaddr_cmp(&stream->rem_rtp_addr, &source) == 0) {
        stream->rem_rtp_flag = SETTLED;
        return 1;
    }
    if (stream->rem_rtp_flag != SILENT || !(is_trusted(&source) || is_named(stream, &source))) return refuse();
    stream->rem_rtp_flag = SETTLED;
    pj_sockaddr_cp(&stream->rem_rtp_addr, &source);
    stream->rtcp.peer_ssrc = pj_ntohl(header->ssrc);
    packet->rem_switch = PJ_TRUE;
    return 1;
}

/* Whether RTCP comes from where it is expected. */
int wecall_rtcp_source(const pj_sockaddr_t *expected, const pj_sockaddr_t *source)
{
    return pj_sockaddr_cmp(expected, source) == 0 || refuse();
}

/* Whether a packet to a socket of ICE comes from the other end of the pair that was checked or, until then, from the
   address that signalling named. */
int wecall_ice_source(pj_ice_strans *ice, unsigned component, const pj_sockaddr_t *source, const pj_sockaddr_t *expected)
{
    const pj_ice_sess_check *pair = pj_ice_strans_get_valid_pair(ice, component);

    if (pair && pj_sockaddr_cmp(&pair->rcand->addr, source) == 0) return 1;
    return (!pair && pj_sockaddr_has_addr(expected) && pj_sockaddr_cmp(expected, source) == 0) || refuse();
}

/* --- handshakes of DTLS ------------------------------------------------------------------------------------------------ */

#define MOST_CLOCKS 128

/* What repeats a handshake's lost packets, from the thread for audio. */
struct wecall_clock {
    pjmedia_clock_callback *cb;
    void *user_data;
};

/* Whether a packet is the hello that begins a handshake of DTLS (RFC 6347 section 4.3.2), and another than the one whose
   random number is known, which it then replaces: one that is sent again begins nothing. */
int wecall_first_hello(const void *packet, pj_size_t size, pj_uint8_t *known)
{
    enum { EPOCH = 3, MESSAGE = 13, SEQUENCE = 17, RANDOM = 27, LENGTH = 32 };
    static const pj_uint8_t none[5];
    const pj_uint8_t *bytes = packet;

    if (size < RANDOM + LENGTH || bytes[0] != 22 || bytes[MESSAGE] != 1) return 0;
    /* The first message of the first epoch, from its beginning. */
    if (pj_memcmp(bytes + EPOCH, none, 2) || pj_memcmp(bytes + SEQUENCE, none, 5)) return 0;
    if (!pj_memcmp(bytes + RANDOM, known, LENGTH)) return 0;
    pj_memcpy(known, bytes + RANDOM, LENGTH);
    return 1;
}

static pthread_mutex_t clock_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct wecall_clock *clocks[MOST_CLOCKS];

static void put_clock(struct wecall_clock *old, struct wecall_clock *with)
{
    unsigned at;

    pthread_mutex_lock(&clock_lock);
    for (at = 0; at < MOST_CLOCKS && clocks[at] != old; ++at) { }
    if (at < MOST_CLOCKS) clocks[at] = with;
    pthread_mutex_unlock(&clock_lock);
}

pj_status_t wecall_clock_create(pj_pool_t *pool, unsigned rate, unsigned channels, unsigned samples, unsigned options,
                                pjmedia_clock_callback *cb, void *user_data, pjmedia_clock **made)
{
    struct wecall_clock *own = PJ_POOL_ZALLOC_T(pool, struct wecall_clock);

    PJ_UNUSED_ARG(rate);
    PJ_UNUSED_ARG(channels);
    PJ_UNUSED_ARG(samples);
    PJ_UNUSED_ARG(options);
    own->cb = cb;
    own->user_data = user_data;
    *made = (pjmedia_clock *)own;
    return PJ_SUCCESS;
}

/* Forget it; nobody else does anything with it when this has returned. */
pj_status_t wecall_clock_stop(pjmedia_clock *clock)
{
    put_clock((struct wecall_clock *)clock, NULL);
    return PJ_SUCCESS;
}

pj_status_t wecall_clock_start(pjmedia_clock *clock)
{
    wecall_clock_stop(clock);
    put_clock(NULL, (struct wecall_clock *)clock);
    return PJ_SUCCESS;
}

static void run_clocks(void)
{
    unsigned at;

    pthread_mutex_lock(&clock_lock);
    for (at = 0; at < MOST_CLOCKS; ++at)
        if (clocks[at]) clocks[at]->cb(NULL, clocks[at]->user_data);
    pthread_mutex_unlock(&clock_lock);
}

/* --- in and out ----------------------------------------------------------------------------------------------------- */

/* Give the bridge a frame of the microphone and take one for the earpiece. Returns whether there was sound. */
WECALL int wecall_bridge_exchange(pjmedia_port *port, void *near, void *far, unsigned long size)
{
    pjmedia_frame in, out;

    pj_bzero(&in, sizeof(in));
    pj_bzero(&out, sizeof(out));
    in.type = out.type = PJMEDIA_FRAME_TYPE_AUDIO;
    in.buf = near;
    out.buf = far;
    in.size = out.size = size;
    pjmedia_port_put_frame(port, &in);
    pjmedia_port_get_frame(port, &out);
    if (out.type != PJMEDIA_FRAME_TYPE_AUDIO || out.size != size) pj_bzero(far, size);
    return wecall_carry((int16_t *)far, (unsigned)(size / sizeof(int16_t)), PJMEDIA_PIA_SRATE(&port->info));
}

/* End the library's thread for audio packets and return the queue that ours polls. */
WECALL pj_ioqueue_t *wecall_media_queue(void)
{
    pjmedia_endpt_stop_threads(pjsua_get_pjmedia_endpt());
    return pjmedia_endpt_get_ioqueue(pjsua_get_pjmedia_endpt());
}

WECALL int wecall_media_poll(pj_ioqueue_t *queue, unsigned wait_ms)
{
    pj_time_val wait = { 0, (long)wait_ms };

    run_clocks();
    return pj_ioqueue_poll(queue, &wait);
}
