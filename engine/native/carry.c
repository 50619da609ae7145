/* What is heard while one stream of a call takes another's place. Audio of the old codec that is still under way is lost
   then, and the new one's first packet has to come and to be buffered. Until then what was heard last goes on and fades
   away, as G.711 appendix I has it for lost packets. */

#include "wecall.h"
#include "period.h"
#include <string.h>

#define FADE_MS 160     /* longer, a vowel that is held becomes a tone */
#define PATIENCE_MS 300 /* from the change on: a silence that begins later is the other end's */
#define LATE_MS 20      /* by the time that this is asked for the old stream may have been silent for a frame or two */
#define MOST_SAMPLES 4800 /* 100 ms of 48 kHz */

static int asked;
static int16_t last[MOST_SAMPLES]; /* what was heard, the latest at the end */
static unsigned silence_ms, patience_ms, made_up, period;

/* Carry on from now on: a stream has taken another's place. */
WECALL void wecall_carry_on(void)
{
    __atomic_store_n(&asked, 1, __ATOMIC_RELAXED);
}

static int is_silent(const int16_t *frame, unsigned count)
{
    while (count--)
        if (*frame++) return 0;
    return 1;
}

static unsigned last_period(unsigned rate_hz)
{
    const unsigned compared = rate_hz / 50;
    double like;

    return wecall_period(last + MOST_SAMPLES - compared, -1, compared, rate_hz, &like);
}

/* The next sample of what goes on. */
static int made_up_sample(unsigned rate_hz)
{
    const int fade = (int)(rate_hz * FADE_MS / 1000), left = fade - (int)made_up;
    const int16_t sample = last[MOST_SAMPLES - period + made_up % period];

    ++made_up;
    return left > 0 ? sample * left / fade : 0;
}

/* Look at a frame that is about to be heard, and fill it where it has nothing while that is asked for. Returns whether it
   has sound. */
WECALL int wecall_carry(int16_t *frame, unsigned count, unsigned rate_hz)
{
    const unsigned frame_ms = count * 1000 / rate_hz;
    unsigned at;

    if (count > MOST_SAMPLES) return 1;
    if (__atomic_exchange_n(&asked, 0, __ATOMIC_RELAXED)) patience_ms = silence_ms > LATE_MS ? 0 : PATIENCE_MS;
    if (is_silent(frame, count)) {
        silence_ms += frame_ms;
        if (patience_ms) {
            if (!made_up) period = last_period(rate_hz);
            for (at = 0; at < count; ++at) frame[at] = (int16_t)made_up_sample(rate_hz);
        }
    } else {
        silence_ms = 0;
        for (at = 0; made_up && at < count; ++at) {
            const int fading = made_up_sample(rate_hz);

            frame[at] = (int16_t)(fading + (frame[at] - fading) * (int)at / (int)count);
        }
        made_up = 0;
        memmove(last, last + count, sizeof(last) - count * sizeof(*last));
        memcpy(last + MOST_SAMPLES - count, frame, count * sizeof(*last));
    }
    patience_ms -= patience_ms < frame_ms ? patience_ms : frame_ms;
    return made_up || !silence_ms;
}
