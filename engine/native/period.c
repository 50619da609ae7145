#include "period.h"
#include <math.h>

unsigned wecall_period(const int16_t *sound, int direction, unsigned window, unsigned rate_hz, double *like)
{
    const unsigned shortest = rate_hz / 400, longest = rate_hz / 80;
    const int16_t *other = sound + direction * (int)shortest;
    unsigned lag, at, best = longest;
    double own = 0.0, energy = 0.0;

    *like = -1.0;
    for (at = 0; at < window; ++at) {
        own += (double)sound[at] * sound[at];
        energy += (double)other[at] * other[at];
    }
    for (lag = shortest; lag <= longest; ++lag, other += direction) {
        const double comes = other[direction > 0 ? (int)window : -1], goes = other[direction > 0 ? 0 : window - 1];
        double product = 0.0, here;

        for (at = 0; at < window; ++at) product += (double)sound[at] * other[at];
        here = product / sqrt(own * energy + 1.0);
        if (here > *like) {
            *like = here;
            best = lag;
        }
        energy += comes * comes - goes * goes;
    }
    return best;
}
