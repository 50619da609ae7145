/* Audio of a call between pjmedia's stream and the line: what comes goes through a receiver of our own, and what is sent
   carries older packets again where the line loses some (RFC 2198). In place of the library's jitter buffer. */

#define _GNU_SOURCE 1
#include "receiver.h"
#include "wecall.h"
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <pjlib.h>
#include <pjmedia.h>
#include <pjmedia/stream_common.h>

#define LONGEST_PACKET_MS 120
#define HEADER sizeof(pjmedia_rtp_hdr)
#define MOST_SENT 8
#define MOST_COPIES 2
/* What the fields of RFC 2198 section 3 hold. */
#define MOST_OFFSET 0x3FFF
#define MOST_BLOCK 0x3FF
/* With all headers, and SRTP's tag, it must fit in one packet on any line. */
#define MOST_PAYLOAD 1100

int wecall_opus_decoder(struct wecall_decoder *decoder, unsigned rate_hz);
void wecall_opus_decoder_free(struct wecall_decoder *decoder);

struct sent {
    pj_uint32_t timestamp;
    unsigned size;
    char payload[MOST_BLOCK];
};

struct line {
    pjmedia_codec *codec;
    pjmedia_codec_param param;
    struct wecall_decoder decoder;
    struct wecall_receiver *receiver;
    int is_opus;
    unsigned frame_samples;
    /* The microphone's turns until there is a packet of them. */
    pj_int16_t *gathered;
    unsigned gathered_count, packet_samples, turn_samples;
    int is_voiced;
    pj_uint16_t sequence; /* of the packet that came last, its time, and how many samples it lasted */
    pj_uint32_t timestamp;
    unsigned samples;
    int is_g722, sure; /* how often in a row its timestamps counted samples */
    struct sent sent[MOST_SENT]; /* a ring */
    unsigned sent_count, distances[MOST_COPIES], most_payload;
    unsigned forbidden; /* packets that this machine's firewall did not let out */
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000.0 * (double)now.tv_sec + (double)now.tv_nsec / 1e6;
}

/* --- codecs of pjmedia's -------------------------------------------------------------------------------------------- */

static unsigned frames_in(struct line *line, const void *payload, size_t size, pjmedia_frame *frames, unsigned most)
{
    const pj_timestamp start = { .u64 = 0 };
    unsigned count = most;

    if (pjmedia_codec_parse(line->codec, (void *)payload, size, &start, &count, frames) != PJ_SUCCESS) return 0;
    return count;
}

enum { MOST_FRAMES = 16 };

static unsigned duration(void *context, const void *payload, size_t size)
{
    struct line *line = context;
    pjmedia_frame frames[MOST_FRAMES];

    return frames_in(line, payload, size, frames, MOST_FRAMES) * line->frame_samples;
}

static int has_earlier(void *context, const void *payload, size_t size)
{
    PJ_UNUSED_ARG(context);
    PJ_UNUSED_ARG(payload);
    PJ_UNUSED_ARG(size);
    return 0;
}

static unsigned decode(void *context, const void *payload, size_t size, int earlier, int16_t *into, unsigned samples)
{
    struct line *line = context;
    pjmedia_frame frames[MOST_FRAMES];
    const unsigned count = frames_in(line, payload, size, frames, MOST_FRAMES);
    unsigned each;

    PJ_UNUSED_ARG(earlier);
    for (each = 0; each < count && (each + 1) * line->frame_samples <= samples; ++each) {
        pjmedia_frame made = { .type = PJMEDIA_FRAME_TYPE_AUDIO, .buf = into + each * line->frame_samples,
                               .size = 2 * line->frame_samples };

        if (pjmedia_codec_decode(line->codec, &frames[each], (unsigned)made.size, &made) != PJ_SUCCESS ||
            made.size != 2 * line->frame_samples)
            break;
    }
    return each * line->frame_samples;
}

static void conceal(void *context, int16_t *into, unsigned samples)
{
    struct line *line = context;
    pjmedia_frame made = { .type = PJMEDIA_FRAME_TYPE_AUDIO, .buf = into, .size = 2 * samples };

    if (line->frame_samples != samples || !line->codec->op->recover ||
        pjmedia_codec_recover(line->codec, 2 * samples, &made) != PJ_SUCCESS)
        pjmedia_zero_samples(into, samples);
}

/* --- from when a stream begins until it ends -------------------------------------------------------------------------- */

void wecall_line_close(pjmedia_stream_common *stream)
{
    struct line *line = stream->wecall;

    stream->wecall = NULL;
    if (!line) return;
    wecall_receiver_free(line->receiver);
    if (line->is_opus && line->decoder.context) wecall_opus_decoder_free(&line->decoder);
    free(line->gathered);
    free(line);
}

/* Take the place of the stream's jitter buffer. Its port gets and gives 10 ms at a time from now on, packets keep their
   length. */
pj_status_t wecall_line_open(pjmedia_stream_common *stream, const pjmedia_codec_info *named, pjmedia_codec *codec,
                             const pjmedia_codec_param *param, unsigned packet_samples)
{
    const unsigned rate_hz = param->info.clock_rate;
    const unsigned ptime_denum = param->info.frm_ptime_denum ? param->info.frm_ptime_denum : 1;
    pjmedia_audio_format_detail *format = pjmedia_format_get_audio_format_detail(&stream->port.info.fmt, 1);
    struct line *line;
    unsigned clock_hz = rate_hz;

    if (param->info.fmt_id != PJMEDIA_FORMAT_L16 || param->info.channel_cnt != 1) return PJMEDIA_CODEC_EUNSUP;
    if (!(stream->wecall = line = calloc(1, sizeof(*line)))) return PJ_ENOMEM;
    line->codec = codec;
    line->param = *param;
    line->frame_samples = rate_hz * param->info.frm_ptime / ptime_denum / 1000;
    line->turn_samples = rate_hz / 100;
    line->packet_samples = packet_samples;
    line->gathered = calloc(packet_samples, sizeof(*line->gathered));
    line->is_opus = pj_stricmp2(&named->encoding_name, "opus") == 0;
    if (line->is_opus) {
        clock_hz = 48000; /* RFC 7587 section 4.1 */
        if (!wecall_opus_decoder(&line->decoder, rate_hz)) return PJ_ENOMEM;
    } else {
        line->is_g722 = named->pt == PJMEDIA_RTP_PT_G722;
        if (line->is_g722) clock_hz = 8000; /* RFC 3551 section 4.5.2 */
        line->decoder = (struct wecall_decoder){ line, duration, has_earlier, decode, conceal };
    }
    line->receiver = wecall_receiver_new(&line->decoder, rate_hz, clock_hz);
    if (!line->receiver || !line->gathered || !line->frame_samples) return PJ_ENOMEM;
    if (packet_samples % line->turn_samples == 0) format->frame_time_usec = 10000;
    else line->turn_samples = packet_samples;
    return PJ_SUCCESS;
}

/* --- what comes ------------------------------------------------------------------------------------------------------ */

/* Look at how a packet follows the one before it. */
static void follow(struct line *line, const pjmedia_rtp_hdr *header, unsigned samples, unsigned clock_hz)
{
    enum { SURE = 3 };
    const pj_uint16_t sequence = pj_ntohs(header->seq);
    const pj_uint32_t timestamp = pj_ntohl(header->ts);
    const pj_int32_t step = (pj_int32_t)(timestamp - line->timestamp);

    if ((pj_uint16_t)(sequence - line->sequence) == 1) {
        /* More time between them than any packet lasts: the sender was silent. */
        if (step > (pj_int32_t)(clock_hz / 1000 * LONGEST_PACKET_MS)) wecall_receiver_silence(line->receiver);
        /* Some senders count the samples of G.722, of which RFC 3551 counts the half. */
        line->sure = line->is_g722 && line->samples && step == (pj_int32_t)line->samples ? line->sure + 1 : 0;
        if (line->sure == SURE) wecall_receiver_tick(line->receiver, line->param.info.clock_rate);
    }
    line->sequence = sequence;
    line->timestamp = timestamp;
    line->samples = samples;
}

/* Let a packet by that is no sound: whoever sends a digit (RFC 4733) sends no sound meanwhile. */
void wecall_line_pass(pjmedia_stream_common *stream, const pjmedia_rtp_hdr *header)
{
    struct line *line = stream->wecall;

    pj_mutex_lock(stream->jb_mutex);
    if (line) {
        if ((pj_uint16_t)(pj_ntohs(header->seq) - line->sequence) == 1) line->sequence = pj_ntohs(header->seq);
        line->samples = 0;
        wecall_receiver_silence(line->receiver);
    }
    pj_mutex_unlock(stream->jb_mutex);
}

/* Take a packet in; the caller holds the stream's lock. Returns whether anything was in time. */
int wecall_line_receive(pjmedia_stream_common *stream, const pjmedia_rtp_hdr *header, const void *payload,
                        unsigned size, int restarts)
{
    struct line *line = stream->wecall;
    struct wecall_line before, after;

    if (!line) return 0;
    if (restarts) wecall_receiver_restart(line->receiver);
    wecall_receiver_look(line->receiver, &before);
    follow(line, header, header->pt == stream->si->rx_pt ? line->decoder.duration(line->decoder.context, payload, size) : 0,
           before.clock_hz);
    if (header->pt == stream->si->rx_red_pt)
        wecall_receiver_put_redundant(line->receiver, now_ms(), pj_ntohl(header->ts), payload, size, stream->si->rx_pt);
    else if (header->pt == stream->si->rx_pt)
        wecall_receiver_put(line->receiver, now_ms(), pj_ntohl(header->ts), payload, size, WECALL_ITSELF);
    else return 0;
    wecall_receiver_look(line->receiver, &after);
    return after.late == before.late && after.refused == before.refused;
}

/* Play a turn; the caller holds the stream's lock. */
void wecall_line_play(pjmedia_stream_common *stream, pjmedia_frame *frame)
{
    struct line *line = stream->wecall;
    const unsigned room = (unsigned)frame->size / 2;
    const unsigned samples = line ? PJ_MIN(line->turn_samples, room) : 0;

    frame->size = samples ? 2 * wecall_receiver_get(line->receiver, now_ms(), frame->buf, samples) : 0;
    frame->type = frame->size ? PJMEDIA_FRAME_TYPE_AUDIO : PJMEDIA_FRAME_TYPE_NONE;
    frame->timestamp.u64 = 0;
}

/* Keep how long sound waits within bounds; begin with what an earlier call on this line ended with. */
WECALL void wecall_line_bound(pjmedia_stream *stream, float least_ms, float most_ms, float first_ms)
{
    pjmedia_stream_common *common = (pjmedia_stream_common *)stream;

    pj_mutex_lock(common->jb_mutex);
    if (common->wecall) wecall_receiver_bound(((struct line *)common->wecall)->receiver, least_ms, most_ms, first_ms);
    pj_mutex_unlock(common->jb_mutex);
}

/* Say what a line has shown so far. */
WECALL void wecall_line_look(pjmedia_stream *stream, struct wecall_line *found)
{
    pjmedia_stream_common *common = (pjmedia_stream_common *)stream;

    pj_bzero(found, sizeof(*found));
    pj_mutex_lock(common->jb_mutex);
    if (common->wecall) {
        const struct line *line = common->wecall;

        wecall_receiver_look(line->receiver, found);
        found->forbidden = __atomic_load_n(&line->forbidden, __ATOMIC_RELAXED);
    }
    pj_mutex_unlock(common->jb_mutex);
}

/* --- what is sent ---------------------------------------------------------------------------------------------------- */

/* Gather the microphone's turns. Returns whether a packet is whole, which the frame is then. */
int wecall_line_gather(pjmedia_stream_common *stream, pjmedia_frame *frame)
{
    struct line *line = stream->wecall;
    const int is_sound = frame->type == PJMEDIA_FRAME_TYPE_AUDIO && frame->buf;
    unsigned samples;

    if (!line || line->turn_samples == line->packet_samples) return 1;
    samples = is_sound ? (unsigned)frame->size / 2 : line->turn_samples;
    samples = PJ_MIN(samples, line->packet_samples - line->gathered_count);
    if (is_sound) pjmedia_copy_samples(line->gathered + line->gathered_count, frame->buf, samples);
    else pjmedia_zero_samples(line->gathered + line->gathered_count, samples);
    line->is_voiced |= is_sound;
    line->gathered_count += samples;
    if (line->gathered_count < line->packet_samples) return 0;
    if (line->is_voiced) {
        frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
        frame->buf = line->gathered;
        frame->size = 2 * line->packet_samples;
    }
    line->gathered_count = 0;
    line->is_voiced = 0;
    return 1;
}

static const struct sent *sent_before(const struct line *line, unsigned distance)
{
    if (!distance || distance > PJ_MIN(line->sent_count, MOST_SENT)) return NULL;
    return &line->sent[(line->sent_count - distance) % MOST_SENT];
}

static void remember(struct line *line, pj_uint32_t timestamp, const char *payload, unsigned size)
{
    struct sent *place = &line->sent[line->sent_count++ % MOST_SENT];

    place->timestamp = timestamp;
    place->size = size <= MOST_BLOCK ? size : 0;
    pj_memcpy(place->payload, payload, place->size);
}

/* Whether the other end takes older packets again, of the codec that is spoken. */
static int is_taken_again(const pjmedia_stream_common *stream)
{
    return stream->si->tx_red_level > 0 && stream->si->tx_red_pt < 128;
}

/* Put older payloads ahead of the one in a packet that is about to be sent. Returns how long its payload is now. */
unsigned wecall_line_send(pjmedia_stream_common *stream, unsigned size)
{
    struct line *line = stream->wecall;
    pjmedia_channel *channel = stream->enc;
    pjmedia_rtp_hdr *header = channel->buf;
    char *payload = (char *)channel->buf + HEADER;
    char copies[4 * MOST_COPIES + 1 + MOST_COPIES * MOST_BLOCK];
    const pj_uint32_t timestamp = pj_ntohl(header->ts);
    unsigned room = channel->buf_size - HEADER;
    const struct sent *chosen[MOST_COPIES];
    unsigned count = 0, at, length = 0, each, total = size;

    if (!line) return size;
    room = PJ_MIN(room, line->most_payload);
    if (header->pt != channel->pt) {
        line->sent_count = 0; /* a digit's packets are repeated as they are */
        return size;
    }
    if (is_taken_again(stream)) {
        /* The oldest goes first. */
        for (at = PJ_MIN(MOST_COPIES, stream->si->tx_red_level); at-- > 0;) {
            const struct sent *old = sent_before(line, line->distances[at]);

            if (!old || !old->size || timestamp == old->timestamp || timestamp - old->timestamp > MOST_OFFSET) continue;
            if (total + old->size + 4 * (count + 1) + 1 > room) continue;
            total += old->size;
            chosen[count++] = old;
        }
    }
    for (each = 0; each < count; ++each) {
        const pj_uint32_t offset = timestamp - chosen[each]->timestamp;

        copies[length++] = (char)(0x80 | channel->pt);
        copies[length++] = (char)(offset >> 6);
        copies[length++] = (char)((offset & 0x3F) << 2 | chosen[each]->size >> 8);
        copies[length++] = (char)(chosen[each]->size & 0xFF);
    }
    if (count) copies[length++] = (char)channel->pt;
    for (each = 0; each < count; ++each) {
        pj_memcpy(copies + length, chosen[each]->payload, chosen[each]->size);
        length += chosen[each]->size;
    }
    remember(line, timestamp, payload, size);
    if (!count) return size;
    pj_memmove(payload + length, payload, size);
    pj_memcpy(payload, copies, length);
    header->pt = stream->si->tx_red_pt & 0x7F;
    return length + size;
}

/* Count a packet that was not sent, where this machine's firewall keeps it in. */
void wecall_line_not_sent(pjmedia_stream_common *stream, pj_status_t why)
{
    struct line *line = stream->wecall;

    if (line && why == PJ_STATUS_FROM_OS(EPERM)) __atomic_add_fetch(&line->forbidden, 1, __ATOMIC_RELAXED);
}

/* Send each packet once more with the one so many packets later, and with another; 0 is never. With all headers no more
   than so many kbit/s are sent. Returns whether the other end takes that. */
WECALL int wecall_line_repeat(pjmedia_stream *stream, unsigned first, unsigned second, unsigned most_kbit_s)
{
    enum { HEADERS = 40 + 8 + 12 + 10 }; /* of IPv6, UDP and RTP, and the tag of SRTP */
    pjmedia_stream_common *common = (pjmedia_stream_common *)stream;
    struct line *line;
    unsigned most;

    pj_mutex_lock(common->jb_mutex);
    if ((line = common->wecall)) {
        line->distances[0] = PJ_MIN(first, MOST_SENT);
        line->distances[1] = PJ_MIN(second, MOST_SENT);
        most = most_kbit_s * (line->packet_samples * 1000 / line->param.info.clock_rate) / 8;
        line->most_payload = most > HEADERS ? PJ_MIN(most - HEADERS, MOST_PAYLOAD) : 0;
    }
    pj_mutex_unlock(common->jb_mutex);
    return is_taken_again(common);
}

/* Whether the other end has asked for something in its description of the codec. */
static int is_asked_for(const struct line *line, const char *name)
{
    const pjmedia_codec_fmtp *theirs = &line->param.setting.enc_fmtp;
    unsigned at;

    for (at = 0; at < theirs->cnt; ++at)
        if (pj_stricmp2(&theirs->param[at].name, name) == 0) return pj_strtoul(&theirs->param[at].val) > 0;
    return 0;
}

/* Let Opus put a coarse form of each packet into the next one, as much of it as fits such a loss (LBRR). */
WECALL void wecall_line_expect_loss(pjmedia_stream *stream, unsigned percent)
{
    struct line *line = ((pjmedia_stream_common *)stream)->wecall;

    /* Only the thread of SIP does this, and the codec has a lock of its own: the one for audio does not wait here. */
    if (!line || !line->is_opus || line->param.setting.packet_loss == percent) return;
    line->param.setting.packet_loss = PJ_MIN(percent, 99);
    line->param.setting.plc = percent > 0 && is_asked_for(line, "useinbandfec");
    line->param.setting.cbr = is_asked_for(line, "cbr");
    pjmedia_codec_modify(line->codec, &line->param);
}
