/* How late packets come over a line, and how long they are worth waiting for.

   A frame's lateness is how much later its first copy came than the soonest of late. The wait follows a high quantile of
   that (the idea is that of WebRTC's NetEQ), so it covers both jitter and what redundancy needs, and nothing that never
   comes. */
#ifndef WECALL_LATENESS_H
#define WECALL_LATENESS_H

#define WECALL_SOONEST_OF 100
#define WECALL_LATENESS_BINS 128

struct wecall_lateness {
    double latest[WECALL_SOONEST_OF]; /* lately seen, by the sender's clock and ours */
    unsigned count;
    double soonest_ms; /* of these */
    double bins[WECALL_LATENESS_BINS]; /* how often it was so late, later than the soonest */
    unsigned measured;
    double least_ms, most_ms;
    double wanted_ms; /* how long sound should wait */
};

/* Keep the wait within bounds, and begin with one that an earlier call on this line ended with. */
void wecall_lateness_bound(struct wecall_lateness *self, double least_ms, double most_ms, double first_ms);

/* Learn how late a frame's first copy is, by the sender's clock and ours, which began at any time. */
void wecall_lateness_learn(struct wecall_lateness *self, double lateness_ms);

/* Forget the sender's clock. What is known of the line stays. */
void wecall_lateness_restart(struct wecall_lateness *self);

#endif
