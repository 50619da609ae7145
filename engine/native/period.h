/* The period of a voice. */
#ifndef WECALL_PERIOD_H
#define WECALL_PERIOD_H

#include <stdint.h>

/* Find how far from some sound lies what is most like its first `window` samples: ahead of it (`direction` 1) or behind
   (-1). Voices are looked for between 80 and 400 Hz; one sample more than the longest period and a window is read.
   Returns samples, and in `like` how much it is the same: 1 is wholly. */
unsigned wecall_period(const int16_t *sound, int direction, unsigned window, unsigned rate_hz, double *like);

#endif
