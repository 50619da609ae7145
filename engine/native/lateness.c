#include "lateness.h"
#include <math.h>

#define BIN_MS 4.0
#define JUMP_MS 1500.0

/* What comes too late costs as much as waiting so much longer would, for each hundred of it. */
static const double LATE_COSTS_MS = 6000.0;
/* What was seen some 300 frames ago counts a third. */
static const double MEMORY = 0.997;

void wecall_lateness_bound(struct wecall_lateness *self, double least_ms, double most_ms, double first_ms)
{
    const int bin = (int)(first_ms / BIN_MS) - 1;
    const double share = fmin(2.0 * first_ms / LATE_COSTS_MS, 0.3);

    self->least_ms = least_ms;
    self->most_ms = fmax(most_ms, least_ms);
    self->wanted_ms = fmin(fmax(first_ms, least_ms), self->most_ms);
    /* As if the line had shown so lately: it may show better, which takes a few seconds. */
    if (bin < 1 || bin >= WECALL_LATENESS_BINS) return;
    self->bins[0] = 1.0 - share;
    self->bins[bin] = share;
    self->measured = 300;
}

void wecall_lateness_restart(struct wecall_lateness *self)
{
    self->count = 0;
}

/* Choose the wait at which delay and what comes too late are the least evil together. */
static void want(struct wecall_lateness *self)
{
    double late = 0.0, least = INFINITY, best_ms = 0.0;
    int bin;

    for (bin = WECALL_LATENESS_BINS - 1; bin >= 0; --bin) {
        const double wait = bin ? BIN_MS * (bin + 1) : 0.0, evil = wait + LATE_COSTS_MS * late;

        if (evil <= least) {
            least = evil;
            best_ms = wait;
        }
        late += self->bins[bin];
    }
    self->wanted_ms = fmin(fmax(best_ms, self->least_ms), self->most_ms);
}

void wecall_lateness_learn(struct wecall_lateness *self, double lateness_ms)
{
    double soonest, late_ms, keep;
    unsigned each, kept;
    int bin;

    if (self->count && lateness_ms - self->soonest_ms > JUMP_MS) self->count = 0;
    self->latest[self->count++ % WECALL_SOONEST_OF] = lateness_ms;
    kept = self->count < WECALL_SOONEST_OF ? self->count : WECALL_SOONEST_OF;
    soonest = lateness_ms;
    for (each = 0; each < kept; ++each) soonest = fmin(soonest, self->latest[each]);
    self->soonest_ms = soonest;
    late_ms = lateness_ms - soonest;
    bin = (int)fmin(late_ms / BIN_MS, WECALL_LATENESS_BINS - 1);
    keep = fmin(MEMORY, 1.0 - 1.0 / (++self->measured + 1.0));
    for (each = 0; each < WECALL_LATENESS_BINS; ++each) self->bins[each] *= keep;
    self->bins[bin] += 1.0 - keep;
    want(self);
}
