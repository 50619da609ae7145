/* What a receiver asks of Opus (RFC 6716). pjmedia's own decoder plays a whole packet later, for the sake of FEC. */

#include "receiver.h"
#include <opus/opus.h>
#include <stdlib.h>

struct opus {
    OpusDecoder *decoder;
    int rate_hz;
};

/* How long a packet's first frame is, in bytes; -1 where it is no packet as RFC 6716 section 3.4 has it. */
static int first_frame(const void *payload, size_t size)
{
    enum { MOST_FRAMES = 48 };
    const unsigned char *frames[MOST_FRAMES];
    opus_int16 sizes[MOST_FRAMES];

    return opus_packet_parse(payload, (opus_int32)size, NULL, frames, sizes, NULL) > 0 ? sizes[0] : -1;
}

static unsigned duration(void *context, const void *payload, size_t size)
{
    const struct opus *self = context;
    const int samples =
        first_frame(payload, size) < 0 ? 0 : opus_packet_get_nb_samples(payload, (opus_int32)size, self->rate_hz);

    return samples > 0 ? (unsigned)samples : 0;
}

static int has_earlier(void *context, const void *payload, size_t size)
{
    (void)context;
    /* libopus 1.5 reads a byte of the first frame even where that has none. */
    return first_frame(payload, size) > 0 && opus_packet_has_lbrr(payload, (opus_int32)size) > 0;
}

static unsigned decode(void *context, const void *payload, size_t size, int earlier, int16_t *into, unsigned samples)
{
    const struct opus *self = context;
    const int made = opus_decode(self->decoder, payload, (opus_int32)size, into, (int)samples, earlier);

    return made > 0 ? (unsigned)made : 0;
}

static void conceal(void *context, int16_t *into, unsigned samples)
{
    const struct opus *self = context;
    int made = opus_decode(self->decoder, NULL, 0, into, (int)samples, 0);

    for (made = made > 0 ? made : 0; made < (int)samples; ++made) into[made] = 0;
}

/* Set up a decoder into mono sound of a rate. Returns whether that could be done. */
int wecall_opus_decoder(struct wecall_decoder *decoder, unsigned rate_hz)
{
    struct opus *self = calloc(1, sizeof(*self));
    int error = OPUS_OK;

    if (!self) return 0;
    self->rate_hz = (int)rate_hz;
    self->decoder = opus_decoder_create((opus_int32)rate_hz, 1, &error);
    if (!self->decoder) {
        free(self);
        return 0;
    }
    *decoder = (struct wecall_decoder){ self, duration, has_earlier, decode, conceal };
    return 1;
}

void wecall_opus_decoder_free(struct wecall_decoder *decoder)
{
    struct opus *self = decoder->context;

    opus_decoder_destroy(self->decoder);
    free(self);
}
