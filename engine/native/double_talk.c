/* The loudspeaker while both ends speak. WebRTC's AEC3 leaves no echo, and takes most of a voice that speaks meanwhile
   with it. A linear filter (speexdsp's, an MDF) leaves the voice as it is, and some of the echo. So the far end gets what
   AEC3 sent, and what the filter sent for as long as the voice drowns what is left of the echo there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <speex/speex_echo.h>
#include "wecall.h"

#define STEPS_A_SECOND 100
#define TAIL_MS 250          /* of what the echo's delay and the room's answer may take together */
#define CANCELLER_MS 8       /* by how much AEC3 is later than the filter; both lower noise in the same time */
#define ENTER_DB 12.0f       /* a voice is there when it is this much above what is left of the echo, */
#define ENTER_STEPS 2        /* for so long, */
#define LEAVE_DB 6.0f        /* and is gone when it is less than this */
#define HOLD_STEPS 20        /* longer than a pause between two syllables */
/* While an echo path is new the filter knows nothing of it, and its echo sounds like a voice. AEC3 knows better: it lets
   more than this through now and then where there is a voice, and nothing where there is none. */
#define WITNESS_DB -15.0f
#define WITNESS_STEPS 80
#define REVERBERATION 0.85f  /* how much of the echo's power a room keeps for 10 ms */
#define LEARN 0.05f          /* what the filter leaves is learned within some 200 ms; */
#define FORGET_DB 0.01f      /* that it leaves more, by this a step where there may be a voice: it is that as a rule */
#define KNOWS_DB -6.0f       /* a filter that leaves more knows nothing, and what it leaves is not measured by what it took */
#define FAR_ABOVE_NOISE 20.0f
#define NOISE_RISE 1.005f
#define QUIETEST 5.0f
#define STEPS_A_REPORT 500

struct wecall_double_talk {
    SpeexEchoState *filter;
    unsigned rate, samples, lag, filled;
    spx_int16_t *filtered, *waiting;
    float residual, echo, noise, left_db, mix;
    unsigned loud, held, witnessed, steps;
    int delay_ms; /* written here, read by any thread */
    int taken_db;
};

WECALL void wecall_double_talk_destroy(struct wecall_double_talk *own)
{
    if (!own) return;
    if (own->filter) speex_echo_state_destroy(own->filter);
    free(own->filtered);
    free(own->waiting);
    free(own);
}

/* Returns NULL where there is no memory. */
WECALL struct wecall_double_talk *wecall_double_talk_create(unsigned rate)
{
    struct wecall_double_talk *own = calloc(1, sizeof(*own));
    spx_int32_t rate_hz = (spx_int32_t)rate;

    if (!own) return NULL;
    own->rate = rate;
    own->samples = rate / STEPS_A_SECOND;
    own->lag = rate * CANCELLER_MS / 1000;
    own->noise = 1000;
    own->delay_ms = -1;
    own->filtered = calloc(own->samples, sizeof(spx_int16_t));
    own->waiting = calloc(own->lag + own->samples, sizeof(spx_int16_t));
    own->filter = speex_echo_state_init((int)own->samples, (int)(rate * TAIL_MS / 1000));
    if (!own->filtered || !own->waiting || !own->filter) {
        wecall_double_talk_destroy(own);
        return NULL;
    }
    speex_echo_ctl(own->filter, SPEEX_ECHO_SET_SAMPLING_RATE, &rate_hz);
    return own;
}

/* The power of a step where speech differs from rumble: in its upper half. */
static float power(const spx_int16_t *one, const spx_int16_t *less, unsigned samples)
{
    float sum = 0, before = 0;
    unsigned at;

    for (at = 0; at < samples; ++at) {
        const float now = less ? (float)one[at] - less[at] : one[at];
        const float rise = at ? now - before : 0;

        sum += rise * rise + 0.01f * now * now;
        before = now;
    }
    return sum / samples + 1;
}

static float db(float ratio)
{
    return 10 * log10f(ratio);
}

/* Learn where the echo comes from the filter's largest tap. */
static void look_at_delay(struct wecall_double_talk *own)
{
    spx_int32_t size = 0, *taps, at, largest = 0;

    speex_echo_ctl(own->filter, SPEEX_ECHO_GET_IMPULSE_RESPONSE_SIZE, &size);
    if (size <= 0 || !(taps = calloc((size_t)size, sizeof(*taps)))) return;
    speex_echo_ctl(own->filter, SPEEX_ECHO_GET_IMPULSE_RESPONSE, taps);
    for (at = 1; at < size; ++at)
        if (labs((long)taps[at]) > labs((long)taps[largest])) largest = at;
    __atomic_store_n(&own->taken_db, (int)lrintf(-own->left_db), __ATOMIC_RELAXED);
    __atomic_store_n(&own->delay_ms, taps[largest] ? (int)(largest * 1000 / (spx_int32_t)own->rate) : -1, __ATOMIC_RELAXED);
    free(taps);
}

/* Take a step of 10 ms of the microphone and of the loudspeaker; `out` is the microphone less the echo that the filter
   knows, as late as AEC3 sends it. */
WECALL void wecall_double_talk_filter(struct wecall_double_talk *own, const spx_int16_t *near, const spx_int16_t *far,
                                      spx_int16_t *out)
{
    float residual, echo;

    speex_echo_cancellation(own->filter, near, far, own->filtered);
    residual = power(own->filtered, NULL, own->samples);
    echo = power(near, own->filtered, own->samples);
    own->echo = fmaxf(echo, REVERBERATION * own->echo);
    own->residual += 0.4f * (residual - own->residual);
    own->noise = fminf(own->noise * NOISE_RISE, fmaxf(residual, QUIETEST));
    if (own->echo > FAR_ABOVE_NOISE * own->noise) {
        const float left_db = db(own->residual / own->echo);

        own->left_db += left_db > own->left_db && own->witnessed ? FORGET_DB : LEARN * (left_db - own->left_db);
        own->left_db = fminf(own->left_db, 0);
    }
    memcpy(own->waiting + own->lag, own->filtered, own->samples * sizeof(spx_int16_t));
    memcpy(out, own->waiting, own->samples * sizeof(spx_int16_t));
    memmove(own->waiting, own->waiting + own->samples, own->lag * sizeof(spx_int16_t));
    if (++own->steps % STEPS_A_REPORT == 0) look_at_delay(own);
}

/* Choose what to send of a step: what AEC3 made of it, or what the filter did. `out` may be either. */
WECALL void wecall_double_talk_choose(struct wecall_double_talk *own, const spx_int16_t *cancelled,
                                      const spx_int16_t *filtered, spx_int16_t *out)
{
    const float heard = power(cancelled, NULL, own->samples);
    const float left = powf(10, own->left_db / 10) * own->echo + 2 * own->noise;
    float mix = own->mix, step;
    unsigned at;

    if (heard > own->noise && db(heard / own->residual) > WITNESS_DB) own->witnessed = WITNESS_STEPS;
    else if (own->witnessed) --own->witnessed;
    own->loud = db(own->residual / left) > (own->held ? LEAVE_DB : ENTER_DB) ? own->loud + 1 : 0;
    if (own->left_db > KNOWS_DB) own->held = 0;
    else if (own->witnessed && own->loud >= (own->held ? 1 : ENTER_STEPS)) own->held = HOLD_STEPS;
    else if (own->held) --own->held;
    step = ((own->held ? 1.0f : 0.0f) - mix) / own->samples;
    for (at = 0; at < own->samples; ++at) {
        mix += step;
        out[at] = (spx_int16_t)lrintf(mix * filtered[at] + (1 - mix) * cancelled[at]);
    }
    own->mix = own->held ? 1.0f : 0.0f;
}

/* How late the echo comes in ms, -1 while none is known, and how much of it the filter takes, in dB. */
WECALL void wecall_double_talk_report(struct wecall_double_talk *own, int *delay_ms, int *taken_db)
{
    *delay_ms = __atomic_load_n(&own->delay_ms, __ATOMIC_RELAXED);
    *taken_db = __atomic_load_n(&own->taken_db, __ATOMIC_RELAXED);
}
