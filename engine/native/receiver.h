/* What comes over a line, made into even sound. It knows of RTP's timestamps and of no SIP library. */
#ifndef WECALL_RECEIVER_H
#define WECALL_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

/* What a codec does for a receiver; `samples` are of the sound that it makes. */
struct wecall_decoder {
    void *context;
    /* How long a payload lasts, in samples; 0 where it is none of this codec's. */
    unsigned (*duration)(void *context, const void *payload, size_t size);
    /* Whether a payload also holds, in a coarser form, what came before it (Opus' LBRR, RFC 6716 section 2.1.7). */
    int (*has_earlier)(void *context, const void *payload, size_t size);
    /* Decode a payload, or what it holds of before it, into exactly as many samples as it lasts; 0 where it cannot. */
    unsigned (*decode)(void *context, const void *payload, size_t size, int earlier, int16_t *into, unsigned samples);
    /* Make up 10 ms that go on from what was decoded last. */
    void (*conceal)(void *context, int16_t *into, unsigned samples);
};

/* Where a payload comes from; the lower is the better. */
enum wecall_rank { WECALL_ITSELF, WECALL_COPY, WECALL_COARSE };

/* What a receiver has seen and done so far. */
struct wecall_line {
    uint64_t played;    /* samples */
    uint64_t concealed; /* of those: made up */
    uint64_t gaps;      /* how often something had to be made up */
    uint64_t copied;    /* of those played: decoded from a redundant copy */
    uint64_t coarse;    /* of those played: decoded from what a later packet holds of it */
    uint64_t squeezed;  /* taken out to be nearer */
    uint64_t stretched; /* put in to wait for more */
    uint32_t frames;    /* whose time has come */
    uint32_t lost;      /* of those: never came themselves, or too late */
    uint32_t bursts;    /* how often some in a row were lost */
    uint32_t late;      /* packets that came when their time was over */
    uint32_t refused;   /* packets that hold nothing that can be decoded */
    uint32_t forbidden; /* packets of ours that this machine's firewall did not let out */
    uint32_t rate_hz;
    uint32_t clock_hz;  /* of timestamps */
    float wait_ms;      /* how long sound waits now, after the soonest that the line has shown */
    float wanted_ms;    /* how long it should */
};

struct wecall_receiver;

/* Begin. `clock_hz` is of the timestamps, which may differ from the sound's rate. NULL: there is no memory. */
struct wecall_receiver *wecall_receiver_new(const struct wecall_decoder *decoder, unsigned rate_hz, unsigned clock_hz);
void wecall_receiver_free(struct wecall_receiver *receiver);

/* Keep the wait within bounds, and begin with one that an earlier call on this line ended with. */
void wecall_receiver_bound(struct wecall_receiver *receiver, float least_ms, float most_ms, float first_ms);

/* Forget the sender's clock: another one begins. */
void wecall_receiver_restart(struct wecall_receiver *receiver);

/* Go on with timestamps of another clock. */
void wecall_receiver_tick(struct wecall_receiver *receiver, unsigned clock_hz);

/* Say that nothing was sent between what came before and what comes next: the sender suppresses silence. */
void wecall_receiver_silence(struct wecall_receiver *receiver);

/* Take in a payload at a moment. */
void wecall_receiver_put(struct wecall_receiver *receiver, double now_ms, uint32_t timestamp, const void *payload,
                         size_t size, enum wecall_rank rank);

/* Take in a payload of RFC 2198, all or nothing: of blocks that are not of this payload type, or that lie about their
   length or time, nothing is taken. Returns whether it was taken. */
int wecall_receiver_put_redundant(struct wecall_receiver *receiver, double now_ms, uint32_t timestamp,
                                  const void *payload, size_t size, unsigned type);

/* Play the next samples at a moment. Returns how many of them are sound; 0 before the first packet. */
unsigned wecall_receiver_get(struct wecall_receiver *receiver, double now_ms, int16_t *into, unsigned samples);

void wecall_receiver_look(const struct wecall_receiver *receiver, struct wecall_line *line);

#endif
