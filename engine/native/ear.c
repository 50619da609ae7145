/* What is played in the ear, for whoever hears less: an equaliser, a gain, and a limiter that adds no delay. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "wecall.h"

#define MOST_SAMPLES 960     /* of a period: 20 ms at 48 kHz */
#define BOUND 29204.0f       /* 1 dB below full scale: a sidetone finds room above it */
#define FULL 32767.0f
#define ATTACK_S 0.003f
#define RELEASE_S 0.2f

enum { NORMAL, CLEAR, LOUD };
enum { FILTERS = 2 };

struct filter { float b0, b1, b2, a1, a2; };
struct chain { int preset; float gain, past[FILTERS][2]; };

struct wecall_ear {
    unsigned rate;
    struct filter clear[FILTERS];
    struct chain now, before;
    float limit;
};

/* R. Bristow-Johnson, Cookbook formulae for audio EQ biquad filter coefficients: a low shelf of slope 1. */
static struct filter low_shelf(float rate, float hz, float db)
{
    const float a = powf(10, db / 40), w = 2 * (float)M_PI * hz / rate, c = cosf(w);
    const float root = 2 * sqrtf(a) * sinf(w) / 2 * sqrtf(2), a0 = (a + 1) + (a - 1) * c + root;

    return (struct filter){ a * ((a + 1) - (a - 1) * c + root) / a0, 2 * a * ((a - 1) - (a + 1) * c) / a0,
                            a * ((a + 1) - (a - 1) * c - root) / a0, -2 * ((a - 1) + (a + 1) * c) / a0,
                            ((a + 1) + (a - 1) * c - root) / a0 };
}

/* The same source: a peak. */
static struct filter peak(float rate, float hz, float q, float db)
{
    const float a = powf(10, db / 40), w = 2 * (float)M_PI * hz / rate, c = cosf(w);
    const float alpha = sinf(w) / (2 * q), a0 = 1 + alpha / a;

    return (struct filter){ (1 + alpha * a) / a0, -2 * c / a0, (1 - alpha * a) / a0, -2 * c / a0, (1 - alpha / a) / a0 };
}

/* Returns NULL where there is no memory. */
WECALL struct wecall_ear *wecall_ear_create(unsigned rate)
{
    struct wecall_ear *own = calloc(1, sizeof(*own));

    if (!own) return NULL;
    own->rate = rate;
    own->clear[0] = low_shelf(rate, 350, -9); /* hum and the room's boom, which cover consonants */
    own->clear[1] = peak(rate, 2700, 0.7f, 6); /* where consonants are told apart, and hearing goes first */
    own->now.gain = own->limit = 1;
    return own;
}

WECALL void wecall_ear_destroy(struct wecall_ear *own)
{
    free(own);
}

static float pass(const struct filter *filter, float past[2], float in)
{
    const float out = filter->b0 * in + past[0];

    past[0] = filter->b1 * in - filter->a1 * out + past[1];
    past[1] = filter->b2 * in - filter->a2 * out;
    return out;
}

static float through(const struct wecall_ear *own, struct chain *chain, float in)
{
    unsigned at;

    for (at = 0; chain->preset == CLEAR && at < FILTERS; ++at) in = pass(&own->clear[at], chain->past[at], in);
    return in * chain->gain;
}

/* Bring a period below the bound. All of it is known, so the gain is down before what is too loud comes, as a rule, and
   stays there: nothing is cut off but what comes within the first milliseconds. */
static void limit(struct wecall_ear *own, float *sound, unsigned samples, float bound)
{
    const float attack = ATTACK_S * own->rate, rise = 1 / (RELEASE_S * own->rate), before = own->limit;
    float loudest = bound;
    unsigned at;

    for (at = 0; at < samples; ++at) loudest = fmaxf(loudest, fabsf(sound[at]));
    for (at = 0; at < samples; ++at) {
        const float wanted = bound / loudest;
        const float gain = wanted < before ? before + (wanted - before) * fminf(1, (at + 1) / attack)
                                           : fminf(wanted, before + rise * (at + 1));

        sound[at] = fminf(fmaxf(sound[at] * gain, -bound), bound);
        own->limit = gain;
    }
}

/* Play a period by a preset and a gain in dB; what was chosen before fades into it within the period. Returns whether
   the next one may be left as it is: nothing is chosen, and nothing is limited any more. */
WECALL int wecall_ear_play(struct wecall_ear *own, int preset, int gain_db, int16_t *period, unsigned samples)
{
    const float gain = powf(10, (gain_db + (preset == LOUD ? 6 : 0)) / 20.0f);
    const int changed = own->now.preset != preset || own->now.gain != gain;
    const int plain = preset == NORMAL && gain_db == 0;
    float sound[MOST_SAMPLES];
    unsigned at;

    if (samples == 0 || samples > MOST_SAMPLES) return 0;
    if (changed) {
        own->before = own->now;
        if (own->now.preset != preset) memset(own->now.past, 0, sizeof(own->now.past));
        own->now.preset = preset;
        own->now.gain = gain;
    }
    for (at = 0; at < samples; ++at) {
        sound[at] = through(own, &own->now, period[at]);
        if (changed) {
            const float share = (at + 1) / (float)samples;

            sound[at] = share * sound[at] + (1 - share) * through(own, &own->before, period[at]);
        }
    }
    limit(own, sound, samples, plain ? FULL : BOUND);
    for (at = 0; at < samples; ++at) period[at] = (int16_t)lrintf(sound[at]);
    return plain && own->limit > 0.999f;
}
