/* What comes over a line, made into even sound: packets wait as long as the line's own lateness asks for, what is
   missing is taken from redundant copies or made up, and time is won and lost by whole periods of the voice.

   Sound that is not there in time is made up: while the wait is shorter than wanted, in addition to what is missing;
   afterwards, in its place. */

#include "receiver.h"
#include "lateness.h"
#include "period.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FRAMES 96
#define MOST_SEEN 128
#define MOST_BYTES 1500
#define LONGEST_FRAME_MS 120
#define MOST_READY_MS 400
#define JUMP_MS 1500.0
#define MOST_PAST 1920 /* 40 ms at 48 kHz */

/* The playing clock follows the moments at which sound is asked for, and not their jitter. */
static const double FOLLOW = 0.02;
static const double CLOCK_JUMP_MS = 150.0;
/* Shorter differences from what is wanted are let be. */
static const double SHORT_MS = 4.0, SLACK_MS = 8.0;
static const double FAR_MS = 60.0;
static const double LONGEST_MADE_UP_MS = 240.0, FADING_MS = 80.0;
/* A voice repeated for longer than this hums. */
static const double LONGEST_REPEATED_MS = 25.0;
static const double LIKE = 0.85, LIKE_WHEN_FAR = 0.6;
/* Nobody hears where sound is cut that is quieter than this, squared. */
static const double QUIET = 1600.0;

struct frame {
    int64_t at; /* timestamp, without its wrapping */
    unsigned samples;
    size_t size;
    enum wecall_rank rank;
    unsigned char *payload;
};

struct wecall_receiver {
    struct wecall_decoder decoder;
    unsigned rate_hz, clock_hz, step;
    struct frame frames[MOST_FRAMES]; /* by their timestamps */
    unsigned count;
    int has_begun, is_playing, begins_at_once;
    int64_t newest, next;
    double newest_ms; /* when it came */
    int64_t seen[MOST_SEEN];
    unsigned seen_at;
    struct wecall_lateness lateness;
    double clock_ms;
    int has_clock;
    int64_t made_up;      /* in ticks, beyond `next`: how long was waited for it */
    double made_up_ms;    /* without a break */
    unsigned made_up_samples, repeated;
    int64_t missing; /* in ticks, since what came last */
    unsigned span;   /* of what came last, in ticks */
    int is_burst, says_silence;
    int64_t silent_before;
    unsigned since_change; /* samples */
    int16_t *ready;
    unsigned ready_count, ready_room;
    unsigned asked; /* samples in a turn */
    int16_t past[MOST_PAST]; /* what was played last, to its end */
    struct wecall_line line;
};

static double ms_of(const struct wecall_receiver *self, int64_t ticks)
{
    return 1000.0 * (double)ticks / self->clock_hz;
}

static int64_t ticks_of(const struct wecall_receiver *self, unsigned samples)
{
    return (int64_t)samples * self->clock_hz / self->rate_hz;
}

struct wecall_receiver *wecall_receiver_new(const struct wecall_decoder *decoder, unsigned rate_hz, unsigned clock_hz)
{
    struct wecall_receiver *self = calloc(1, sizeof(*self));

    if (!self) return NULL;
    self->decoder = *decoder;
    self->rate_hz = self->line.rate_hz = rate_hz;
    self->clock_hz = self->line.clock_hz = clock_hz;
    self->step = rate_hz / 100;
    self->ready_room = rate_hz * MOST_READY_MS / 1000;
    self->ready = calloc(self->ready_room, sizeof(*self->ready));
    wecall_lateness_bound(&self->lateness, 0.0, 300.0, 0.0);
    if (!self->ready) {
        free(self);
        return NULL;
    }
    return self;
}

static void drop(struct wecall_receiver *self, unsigned at)
{
    free(self->frames[at].payload);
    memmove(&self->frames[at], &self->frames[at + 1], (self->count - at - 1) * sizeof(self->frames[0]));
    --self->count;
}

void wecall_receiver_free(struct wecall_receiver *self)
{
    if (!self) return;
    while (self->count) drop(self, self->count - 1);
    free(self->ready);
    free(self);
}

void wecall_receiver_bound(struct wecall_receiver *self, float least_ms, float most_ms, float first_ms)
{
    wecall_lateness_bound(&self->lateness, least_ms, most_ms, first_ms);
}

void wecall_receiver_restart(struct wecall_receiver *self)
{
    while (self->count) drop(self, self->count - 1);
    self->begins_at_once |= self->has_begun;
    self->has_begun = self->is_playing = 0;
    wecall_lateness_restart(&self->lateness);
    self->made_up = 0;
    memset(self->seen, 0, sizeof(self->seen));
}

void wecall_receiver_tick(struct wecall_receiver *self, unsigned clock_hz)
{
    if (clock_hz == self->clock_hz) return;
    self->clock_hz = self->line.clock_hz = clock_hz;
    wecall_receiver_restart(self);
}

void wecall_receiver_silence(struct wecall_receiver *self)
{
    self->says_silence = 1;
}

/* --- what comes ------------------------------------------------------------------------------------------------------ */

/* How long a payload lasts, in samples; 0 where it cannot be played. */
static unsigned duration(const struct wecall_receiver *self, const void *payload, size_t size)
{
    const unsigned samples =
        size && size <= MOST_BYTES ? self->decoder.duration(self->decoder.context, payload, size) : 0;

    return samples <= self->rate_hz * LONGEST_FRAME_MS / 1000 ? samples : 0;
}

/* Whether a frame has come for the first time. */
static int is_first(struct wecall_receiver *self, int64_t at)
{
    unsigned each;

    for (each = 0; each < MOST_SEEN; ++each)
        if (self->seen[each] == at) return 0;
    self->seen[self->seen_at++ % MOST_SEEN] = at;
    return 1;
}

static void keep(struct wecall_receiver *self, const struct frame *frame, const void *payload)
{
    unsigned at = self->count;
    struct frame *place;
    unsigned char *copy;

    while (at && self->frames[at - 1].at > frame->at) --at;
    if (at && self->frames[at - 1].at == frame->at && self->frames[at - 1].rank <= frame->rank) return;
    if (!(copy = malloc(frame->size))) return;
    memcpy(copy, payload, frame->size);
    if (at && self->frames[at - 1].at == frame->at) {
        place = &self->frames[at - 1];
        free(place->payload);
    } else {
        if (self->count == MOST_FRAMES) {
            /* Nobody has asked for them: playing begins anew, with what is newer. */
            self->is_playing = 0;
            drop(self, 0);
            if (at) --at;
        }
        place = &self->frames[at];
        memmove(place + 1, place, (self->count - at) * sizeof(*place));
        ++self->count;
    }
    *place = *frame;
    place->payload = copy;
}

void wecall_receiver_put(struct wecall_receiver *self, double now_ms, uint32_t timestamp, const void *payload,
                         size_t size, enum wecall_rank rank)
{
    struct frame frame;
    int64_t span;

    if (!(frame.samples = duration(self, payload, size))) {
        ++self->line.refused;
        return;
    }
    frame.at = self->newest + (int32_t)(timestamp - (uint32_t)self->newest);
    /* Timestamps go on as time does; others are of another clock. */
    if (rank == WECALL_ITSELF && fabs(ms_of(self, frame.at - self->newest) - (now_ms - self->newest_ms)) > JUMP_MS)
        wecall_receiver_restart(self);
    if (!self->has_begun) {
        self->newest = frame.at = ((int64_t)1 << 32) + timestamp;
        self->newest_ms = now_ms;
        self->has_begun = 1;
    }
    if (rank == WECALL_ITSELF) {
        if (frame.at > self->newest) {
            self->newest = frame.at;
            self->newest_ms = now_ms;
        }
        if (self->says_silence) self->silent_before = frame.at;
        self->says_silence = 0;
    }
    span = ticks_of(self, frame.samples);
    frame.size = size;
    frame.rank = rank;
    if (is_first(self, frame.at)) {
        wecall_lateness_learn(&self->lateness, now_ms - ms_of(self, frame.at));
        if (rank == WECALL_ITSELF && self->is_playing && frame.at + span <= self->next) ++self->line.late;
    }
    if (!self->is_playing || frame.at + span > self->next) keep(self, &frame, payload);
    if (rank != WECALL_COARSE && self->decoder.has_earlier(self->decoder.context, payload, size))
        wecall_receiver_put(self, now_ms, timestamp - (uint32_t)span, payload, size, WECALL_COARSE);
}

int wecall_receiver_put_redundant(struct wecall_receiver *self, double now_ms, uint32_t timestamp,
                                  const void *payload, size_t size, unsigned type)
{
    enum { MOST_BLOCKS = 4 };
    struct { unsigned offset; size_t size; } blocks[MOST_BLOCKS];
    const unsigned char *bytes = payload, *end = bytes + size;
    /* Some senders are off by a tick or so. */
    const unsigned slack = (unsigned)ticks_of(self, self->step) / 2;
    unsigned count = 0, each, samples, ticks, ends = UINT_MAX - slack;
    size_t total = 0;

    for (; bytes < end && (*bytes & 0x80); bytes += 4) {
        if (count == MOST_BLOCKS || end - bytes < 5 || (*bytes & 0x7Fu) != type) goto refuse;
        blocks[count].offset = (unsigned)bytes[1] << 6 | bytes[2] >> 2;
        blocks[count].size = (size_t)(bytes[2] & 3u) << 8 | bytes[3];
        total += blocks[count++].size;
    }
    if (bytes >= end || *bytes++ != type || (size_t)(end - bytes) <= total) goto refuse;
    for (each = 0, payload = bytes; each < count; bytes += blocks[each++].size) {
        /* A sender that has no older packet yet says so by an empty block. */
        if (!blocks[each].size) continue;
        samples = duration(self, bytes, blocks[each].size);
        /* A block ends where the next one begins, or before. */
        ticks = (unsigned)ticks_of(self, samples);
        if (!samples || blocks[each].offset > ends + slack || ticks > blocks[each].offset + slack) goto refuse;
        ends = blocks[each].offset > ticks ? blocks[each].offset - ticks : 0;
    }
    if (!duration(self, bytes, (size_t)(end - bytes))) goto refuse;
    wecall_receiver_put(self, now_ms, timestamp, bytes, (size_t)(end - bytes), WECALL_ITSELF);
    for (bytes = payload, each = 0; each < count; bytes += blocks[each++].size)
        if (blocks[each].size)
            wecall_receiver_put(self, now_ms, timestamp - blocks[each].offset, bytes, blocks[each].size, WECALL_COPY);
    return 1;
refuse:
    ++self->line.refused;
    return 0;
}

/* --- what is played -------------------------------------------------------------------------------------------------- */

/* How much later than at the soonest the next frame is needed, with so much ready before it: it is asked for at the
   turn in which that runs out. */
static double wait_behind(const struct wecall_receiver *self, unsigned ready)
{
    const unsigned turns = self->asked ? ready / self->asked : 0;

    return self->clock_ms + 1000.0 * turns * self->asked / self->rate_hz - ms_of(self, self->next) -
           self->lateness.soonest_ms;
}

static double wait_ms(const struct wecall_receiver *self)
{
    return wait_behind(self, self->ready_count);
}

static int64_t smaller(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* The last samples before what is played next, oldest first. */
static void recent(const struct wecall_receiver *self, int16_t *into, unsigned samples)
{
    const unsigned new = self->ready_count < samples ? self->ready_count : samples, old = samples - new;

    memcpy(into, self->past + MOST_PAST - old, old * sizeof(*into));
    memcpy(into + old, self->ready + self->ready_count - new, new * sizeof(*into));
}

/* Wait by repeating the voice's last period: the decoder knows nothing of it, and what comes goes on from there. */
static void repeat(struct wecall_receiver *self)
{
    int16_t last[MOST_PAST], *into = self->ready + self->ready_count;
    const unsigned window = self->rate_hz / 125, longest = self->rate_hz / 80, all = longest + window + 1;
    const unsigned ramp = self->rate_hz / 500;
    unsigned lag, at;
    double like, step;

    recent(self, last, all);
    lag = wecall_period(last + all - window, -1, window, self->rate_hz, &like);
    step = last[all - 1] - last[all - 1 - lag];
    for (at = 0; at < lag; ++at) {
        double value = last[all - lag + at];

        if (at < ramp) value += step * (ramp - at) / ramp;
        into[at] = (int16_t)fmin(fmax(value, INT16_MIN), INT16_MAX);
    }
    self->repeated += lag;
    self->ready_count += lag;
    self->made_up += ticks_of(self, lag);
    self->made_up_ms += 1000.0 * lag / self->rate_hz;
    self->line.stretched += lag;
}

static void make_up(struct wecall_receiver *self)
{
    int16_t *into = self->ready + self->ready_count;
    unsigned at;

    if (self->made_up_samples == 0) ++self->line.gaps;
    if (self->made_up_ms < LONGEST_MADE_UP_MS) self->decoder.conceal(self->decoder.context, into, self->step);
    for (at = 0; at < self->step; ++at) {
        const double left_ms = LONGEST_MADE_UP_MS - self->made_up_ms - 10.0 * at / self->step;

        into[at] = left_ms > 0.0 ? (int16_t)(into[at] * fmin(left_ms / FADING_MS, 1.0)) : 0;
    }
    self->made_up_ms += 10.0;
    self->made_up_samples += self->step;
    self->ready_count += self->step;
    self->line.concealed += self->step;
}

static void count(struct wecall_receiver *self, uint32_t frames, int is_lost)
{
    if (!frames) return;
    self->line.frames += frames;
    if (is_lost) {
        self->line.lost += frames;
        if (!self->is_burst) ++self->line.bursts;
    }
    self->is_burst = is_lost;
}

/* Whether what comes next was preceded by silence: what was made up stands for nothing then. */
static int is_after_silence(struct wecall_receiver *self)
{
    if (self->frames[0].at != self->silent_before) return 0;
    if (self->made_up_samples) --self->line.gaps;
    self->line.concealed -= self->made_up_samples;
    self->made_up_samples = self->repeated = 0;
    return 1;
}

/* Go on to what comes later: this much is missing, or was never sent. */
static void skip(struct wecall_receiver *self, int64_t ticks)
{
    self->next += ticks;
    if (is_after_silence(self)) return;
    if (self->repeated) {
        /* It was no wait: it stands for what is missing. */
        const uint64_t samples = self->repeated;

        self->repeated = 0;
        if (self->made_up_samples == 0) ++self->line.gaps;
        self->made_up_samples += (unsigned)samples;
        self->line.stretched -= samples;
        self->line.concealed += samples;
    }
    self->missing += ticks;
    if (!self->span) return;
    count(self, (uint32_t)(self->missing / self->span), 1);
    self->missing %= self->span;
}

/* Decode the frame whose turn it is. */
static void decode(struct wecall_receiver *self)
{
    struct frame *frame = &self->frames[0];
    int16_t *into = self->ready + self->ready_count;
    unsigned made = self->decoder.decode(self->decoder.context, frame->payload, frame->size,
                                         frame->rank == WECALL_COARSE, into, frame->samples);

    (void)is_after_silence(self);
    if (made != frame->samples) {
        memset(into, 0, frame->samples * sizeof(*into));
        self->line.concealed += frame->samples;
        ++self->line.refused;
    }
    if (frame->rank == WECALL_COPY) self->line.copied += frame->samples;
    if (frame->rank == WECALL_COARSE) self->line.coarse += frame->samples;
    self->ready_count += frame->samples;
    count(self, 1, frame->rank != WECALL_ITSELF);
    self->span = (unsigned)ticks_of(self, frame->samples);
    self->next = frame->at + self->span;
    self->made_up = self->missing = 0;
    self->made_up_ms = 0.0;
    self->made_up_samples = self->repeated = 0;
    drop(self, 0);
}

/* Whether the frame whose turn it is has come; what is older goes. */
static int has_next(struct wecall_receiver *self)
{
    while (self->count && self->frames[0].at + ticks_of(self, self->frames[0].samples) / 2 < self->next) drop(self, 0);
    return self->count && self->frames[0].at <= self->next;
}

static int has_room(const struct wecall_receiver *self)
{
    return self->ready_count + self->rate_hz * LONGEST_FRAME_MS / 1000 <= self->ready_room;
}

static void wait_for_it(struct wecall_receiver *self, int64_t step)
{
    if (self->made_up_ms < LONGEST_REPEATED_MS) {
        repeat(self);
        return;
    }
    self->made_up += step;
    make_up(self);
}

/* Add to what is ready: the next frame or, where it is not there, something in its place. */
static void produce(struct wecall_receiver *self)
{
    int64_t missing, step = ticks_of(self, self->step);
    double surplus_ms;

    if (has_next(self)) {
        decode(self);
        return;
    }
    if (!self->count) {
        /* Late or lost: the next packet will tell. */
        wait_for_it(self, step);
        return;
    }
    missing = self->frames[0].at - self->next;
    if (missing < step / 2) {
        /* Some senders' timestamps are not exact. */
        skip(self, missing);
        return;
    }
    surplus_ms = wait_ms(self) - self->lateness.wanted_ms;
    if (surplus_ms < 0.0) {
        wait_for_it(self, step);
        return;
    }
    if (self->made_up) {
        /* It was lost, and something is in its place already. */
        missing = smaller(missing, self->made_up);
        self->made_up -= missing;
        skip(self, missing);
        return;
    }
    make_up(self);
    /* Whoever is far behind leaves out what is missing. */
    skip(self, smaller(missing, surplus_ms > FAR_MS ? (int64_t)(surplus_ms * self->clock_hz / 1000.0) : step));
}

/* --- time won and lost ----------------------------------------------------------------------------------------------- */

static void blend(int16_t *into, const int16_t *from, const int16_t *to, unsigned samples)
{
    unsigned at;

    for (at = 0; at < samples; ++at)
        into[at] = (int16_t)(((int64_t)from[at] * (samples - at) + (int64_t)to[at] * at) / samples);
}

/* Play one period fewer. */
static void squeeze(struct wecall_receiver *self, unsigned lag, unsigned window)
{
    blend(self->ready, self->ready, self->ready + lag, window);
    memmove(self->ready + window, self->ready + lag + window,
            (self->ready_count - lag - window) * sizeof(*self->ready));
    self->ready_count -= lag;
    self->line.squeezed += lag;
}

/* Play one period twice. */
static void stretch(struct wecall_receiver *self, unsigned lag, unsigned window)
{
    memmove(self->ready + lag, self->ready, self->ready_count * sizeof(*self->ready));
    /* What stands at `lag` is the beginning once more; it is come to from where the first pass would have gone on. */
    blend(self->ready + lag, self->ready + lag + lag, self->ready + lag, window);
    self->ready_count += lag;
    self->line.stretched += lag;
}

static int is_quiet(const int16_t *sound, unsigned samples)
{
    double energy = 0.0;
    unsigned at;

    for (at = 0; at < samples; ++at) energy += (double)sound[at] * sound[at];
    return energy < QUIET * samples;
}

/* Come nearer to the wait that is wanted, by a period of the voice at most. */
static void approach(struct wecall_receiver *self)
{
    const unsigned window = self->rate_hz / 125, longest = self->rate_hz / 80;
    const double surplus_ms = wait_ms(self) - self->lateness.wanted_ms;
    const int is_far = fabs(surplus_ms) > FAR_MS;
    double like;
    unsigned lag;

    if (-SHORT_MS <= surplus_ms && surplus_ms <= SLACK_MS) return;
    if (self->since_change < self->rate_hz / (is_far ? 50 : 25)) return;
    while (self->ready_count < longest + 2 * window && has_room(self) && has_next(self)) decode(self);
    if (self->ready_count < longest + window + 1 || self->made_up_ms > 0.0) return;
    if (is_quiet(self->ready, window)) {
        lag = longest;
    } else {
        lag = wecall_period(self->ready, 1, window, self->rate_hz, &like);
        if (like < (is_far ? LIKE_WHEN_FAR : LIKE)) return;
    }
    if (surplus_ms < 0.0) {
        if (self->ready_count + lag > self->ready_room) return;
        stretch(self, lag, window);
    } else {
        if (wait_behind(self, self->ready_count - lag) < self->lateness.wanted_ms) return;
        squeeze(self, lag, window);
    }
    self->since_change = 0;
}

/* Set the clock by the moment at which sound is asked for. Returns whether it was asked for long ago or never. */
static int follow(struct wecall_receiver *self, double now_ms)
{
    const int jumps = !self->has_clock || fabs(now_ms - self->clock_ms) > CLOCK_JUMP_MS;

    if (jumps) self->clock_ms = now_ms;
    else self->clock_ms += FOLLOW * (now_ms - self->clock_ms);
    self->has_clock = 1;
    return jumps;
}

/* Begin where the oldest frame has waited for long enough, and not with what has waited for longer. Returns whether there
   is sound. */
static int begin(struct wecall_receiver *self)
{
    self->next = self->frames[0].at;
    /* Where sound breaks off and begins anew, it has been waited for before. */
    if (!self->begins_at_once && wait_ms(self) < self->lateness.wanted_ms) return 0;
    while (self->count > 1 && wait_ms(self) > self->lateness.wanted_ms + SLACK_MS) {
        drop(self, 0);
        self->next = self->frames[0].at;
    }
    self->begins_at_once = 1;
    self->is_playing = 1;
    self->made_up = 0;
    self->made_up_ms = 0.0;
    return 1;
}

static void remember(struct wecall_receiver *self, const int16_t *played, unsigned samples)
{
    if (samples > MOST_PAST) {
        played += samples - MOST_PAST;
        samples = MOST_PAST;
    }
    memmove(self->past, self->past + samples, (MOST_PAST - samples) * sizeof(*self->past));
    memcpy(self->past + MOST_PAST - samples, played, samples * sizeof(*self->past));
}

unsigned wecall_receiver_get(struct wecall_receiver *self, double now_ms, int16_t *into, unsigned samples)
{
    if (follow(self, now_ms) && self->count) {
        /* What was said meanwhile is old. */
        self->is_playing = 0;
        self->ready_count = 0;
    }
    self->asked = samples;
    if (samples > self->ready_room / 2) return 0;
    if (!self->is_playing) {
        if (!self->count) {
            self->has_clock = 0;
            return 0;
        }
        if (!begin(self)) {
            self->clock_ms += 1000.0 * samples / self->rate_hz;
            return 0;
        }
    }
    while (self->ready_count < samples) produce(self);
    if (self->count || self->made_up_ms == 0.0) approach(self);
    while (self->ready_count < samples) produce(self);
    memcpy(into, self->ready, samples * sizeof(*into));
    remember(self, into, samples);
    self->ready_count -= samples;
    memmove(self->ready, self->ready + samples, self->ready_count * sizeof(*self->ready));
    self->since_change += samples;
    self->line.played += samples;
    self->clock_ms += 1000.0 * samples / self->rate_hz;
    return samples;
}

void wecall_receiver_look(const struct wecall_receiver *self, struct wecall_line *line)
{
    *line = self->line;
    line->wait_ms = self->is_playing ? (float)wait_ms(self) : 0.0f;
    line->wanted_ms = (float)self->lateness.wanted_ms;
}
