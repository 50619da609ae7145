/* Session descriptions: redundancy (RFC 2198), and how long packets of audio are. Called from the lines that
   engine/changes.py changes. */

#include "wecall.h"
#include <pjlib.h>
#include <pjmedia.h>

/* How many packets each packet holds once more, at the most. */
#define DEPTH 2
#define TEXT_DEPTH PJMEDIA_TXT_STREAM_MAX_RED_LEVELS
/* No payload type has it: they have seven bits. */
#define NO_TYPE ((unsigned)-1)

static const pj_str_t RTPMAP = { "rtpmap", 6 };
static const pj_str_t FMTP = { "fmtp", 4 };

/* --- redundancy ------------------------------------------------------------------------------------------------------ */

static pj_bool_t is_named(const pjmedia_sdp_media *media, const pj_str_t *format, const char *name,
                          pjmedia_sdp_rtpmap *map)
{
    const pjmedia_sdp_attr *found = pjmedia_sdp_media_find_attr(media, &RTPMAP, format);

    return found && pjmedia_sdp_attr_get_rtpmap(found, map) == PJ_SUCCESS && !pj_stricmp2(&map->enc_name, name);
}

static pj_bool_t is_text(const pjmedia_sdp_media *media)
{
    return !pj_stricmp2(&media->desc.media, "text");
}

/* A codec that redundancy is worth its bandwidth for. */
static pj_bool_t is_repeated(const pjmedia_sdp_media *media, const pj_str_t *format, pjmedia_sdp_rtpmap *map)
{
    return is_named(media, format, "opus", map) || is_named(media, format, "G722", map) ||
           is_named(media, format, "t140", map);
}

/* The payload type that repeats a codec and nothing else, and how many packets it repeats. */
static unsigned type_of(const pjmedia_sdp_media *media, unsigned codec, unsigned *depth)
{
    unsigned at, place;

    for (at = 0; at < media->desc.fmt_count; ++at) {
        unsigned type = (unsigned)pj_strtoul(&media->desc.fmt[at]);
        pjmedia_sdp_rtpmap map;
        pjmedia_codec_fmtp list;

        if (!is_named(media, &media->desc.fmt[at], "red", &map) ||
            pjmedia_stream_info_parse_fmtp(NULL, media, type, &list) != PJ_SUCCESS)
            continue;
        for (place = 0; place < list.cnt; ++place)
            if (pj_strtoul(&list.param[place].val) != codec) break;
        if (list.cnt > 1 && place == list.cnt) {
            *depth = list.cnt - 1;
            return type;
        }
    }
    *depth = 0;
    return NO_TYPE;
}

static pj_str_t list_of(pj_pool_t *pool, unsigned type, unsigned codec, unsigned depth)
{
    char text[32];
    int length = pj_ansi_snprintf(text, sizeof(text), "%u %u", type, codec);
    pj_str_t list;

    for (; depth; --depth)
        length += pj_ansi_snprintf(text + length, sizeof(text) - length, "/%u", codec);
    pj_strdup2_with_null(pool, &list, text); /* pjmedia writes other numbers over it, end and all */
    return list;
}

static void add(pj_pool_t *pool, pjmedia_sdp_media *media, unsigned type, pjmedia_sdp_rtpmap codec, unsigned depth)
{
    unsigned codec_type = (unsigned)pj_strtoul(&codec.pt);
    pjmedia_sdp_attr *attribute;
    char number[8];

    if (media->desc.fmt_count >= PJMEDIA_MAX_SDP_FMT || media->attr_count + 2 > PJMEDIA_MAX_SDP_ATTR) return;
    pj_utoa(type, number);
    codec.pt = pj_strdup3(pool, number);
    /* What stands first is sent: of text that is what repeats it (RFC 4103 section 10), of audio the codec. */
    pj_array_insert(media->desc.fmt, sizeof(codec.pt), media->desc.fmt_count, is_text(media) ? 0 : media->desc.fmt_count,
                    &codec.pt);
    ++media->desc.fmt_count;
    codec.enc_name = pj_str("red");
    pjmedia_sdp_rtpmap_to_attr(pool, &codec, &attribute);
    media->attr[media->attr_count++] = attribute;
    attribute = PJ_POOL_ZALLOC_T(pool, pjmedia_sdp_attr);
    attribute->name = FMTP;
    attribute->value = list_of(pool, type, codec_type, PJ_MIN(depth, is_text(media) ? TEXT_DEPTH : DEPTH));
    media->attr[media->attr_count++] = attribute;
}

static unsigned free_type(const pjmedia_sdp_media *media)
{
    unsigned type, at;

    for (type = PJMEDIA_RTP_PT_DYNAMIC; type < 128; ++type) {
        for (at = 0; at < media->desc.fmt_count; ++at)
            if (pj_strtoul(&media->desc.fmt[at]) == type) break;
        if (at == media->desc.fmt_count) return type;
    }
    return NO_TYPE;
}

/* Name redundancy for each codec that has it behind all that this handset can do, so that whoever has none sees codecs
   first. */
void wecall_red_offer(pj_pool_t *pool, pjmedia_sdp_media *media)
{
    unsigned at, count = media->desc.fmt_count;
    pjmedia_sdp_rtpmap codec;

    for (at = 0; at < count; ++at) {
        unsigned type = free_type(media);

        if (type != NO_TYPE && is_repeated(media, &media->desc.fmt[at], &codec))
            add(pool, media, type, codec, DEPTH);
    }
}

/* Keep, in an answer, what the offer names for the codec that was agreed on, by the offer's numbers (RFC 3264 section
   6.1). */
void wecall_red_answer(pj_pool_t *pool, const pjmedia_sdp_media *offer, pjmedia_sdp_media *answer)
{
    unsigned at, depth, count = answer->desc.fmt_count;
    pjmedia_sdp_rtpmap codec;

    for (at = count; at-- > 0;) {
        const unsigned type = type_of(offer, (unsigned)pj_strtoul(&answer->desc.fmt[at]), &depth);

        if (type != NO_TYPE && is_repeated(answer, &answer->desc.fmt[at], &codec)) add(pool, answer, type, codec, depth);
    }
}

/* Let redundancy follow its codec, whose number pjmedia keeps for as long as a session lasts (RFC 3264 section 8.3.2). */
void wecall_red_rename(pj_pool_t *pool, pjmedia_sdp_media *media)
{
    unsigned at, other;

    for (at = 0; at < media->desc.fmt_count; ++at) {
        const pj_str_t *format = &media->desc.fmt[at];
        pjmedia_sdp_attr *list = pjmedia_sdp_media_find_attr(media, &FMTP, format);
        unsigned type = (unsigned)pj_strtoul(format);
        pjmedia_sdp_rtpmap map, codec;
        pjmedia_codec_fmtp old;

        if (!list || !is_named(media, format, "red", &map) ||
            pjmedia_stream_info_parse_fmtp(NULL, media, type, &old) != PJ_SUCCESS || old.cnt < 2)
            continue;
        for (other = 0; other < media->desc.fmt_count; ++other)
            if (is_repeated(media, &media->desc.fmt[other], &codec) && codec.clock_rate == map.clock_rate)
                list->value = list_of(pool, type, (unsigned)pj_strtoul(&codec.pt),
                                      PJ_MIN(old.cnt - 1, is_text(media) ? TEXT_DEPTH : DEPTH));
    }
}

/* Say which payload types carry redundancy of the codec in each direction, and how much: a depth of 0 and no payload
   type where it has not been agreed on. Zero, which pjmedia leaves there, is the payload type of PCMU. */
void wecall_red_agreed(pjmedia_stream_info *stream, const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote)
{
    unsigned received, sent;

    stream->rx_red_pt = type_of(local, stream->rx_pt, &received);
    stream->tx_red_pt = type_of(remote, stream->tx_pt, &sent);
    if (!received || !sent) {
        stream->rx_red_pt = stream->tx_red_pt = NO_TYPE;
        received = sent = 0;
    }
    stream->rx_red_level = (int)received;
    stream->tx_red_level = (int)PJ_MIN(sent, DEPTH);
}

/* --- one codec ------------------------------------------------------------------------------------------------------- */

static void drop(pjmedia_sdp_media *media, unsigned at)
{
    const pj_str_t *names[] = { &RTPMAP, &FMTP };
    const pj_str_t format = media->desc.fmt[at];
    unsigned name;

    for (name = 0; name < PJ_ARRAY_SIZE(names); ++name) {
        pjmedia_sdp_attr *found = pjmedia_sdp_media_find_attr(media, names[name], &format);

        if (found) pjmedia_sdp_attr_remove(&media->attr_count, media->attr, found);
    }
    pj_array_erase(media->desc.fmt, sizeof(format), media->desc.fmt_count, at);
    --media->desc.fmt_count;
}

/* Leave in the audio lines of an offer of ours, which is about to be sent, one codec, such as "opus", with what goes with
   it: its redundancy, and keys by its clock. A line without it stays as it is. */
WECALL void wecall_name_only(pjmedia_sdp_session *session, const char *codec)
{
    unsigned line, at, depth;

    for (line = 0; line < session->media_count; ++line) {
        pjmedia_sdp_media *media = session->media[line];
        pjmedia_sdp_rtpmap kept, other;
        unsigned type, repeated;

        if (pj_strcmp2(&media->desc.media, "audio") != 0) continue;
        for (at = 0; at < media->desc.fmt_count; ++at)
            if (is_named(media, &media->desc.fmt[at], codec, &kept)) break;
        if (at == media->desc.fmt_count) continue;
        type = (unsigned)pj_strtoul(&media->desc.fmt[at]);
        repeated = type_of(media, type, &depth);
        for (at = media->desc.fmt_count; at-- > 0;) {
            const unsigned own = (unsigned)pj_strtoul(&media->desc.fmt[at]);
            const pj_bool_t is_key = is_named(media, &media->desc.fmt[at], "telephone-event", &other) &&
                                     other.clock_rate == kept.clock_rate;

            if (own != type && own != repeated && !is_key) drop(media, at);
        }
    }
}

/* --- packets --------------------------------------------------------------------------------------------------------- */

static unsigned number_of(const pjmedia_sdp_media *media, const char *name)
{
    const pjmedia_sdp_attr *found = pjmedia_sdp_media_find_attr2(media, name, NULL);

    return found ? (unsigned)pj_strtoul(&found->value) : 0;
}

/* Send packets as short as the other end wants them (RFC 8866 section 6.4). pjmedia keeps to no maxptime, and has frames
   of 20 ms alone for Opus. */
void wecall_packet_time(pjmedia_stream_info *stream, const pjmedia_sdp_media *remote)
{
    pjmedia_codec_param *param = stream->param;
    unsigned longest = stream->tx_maxptime, wanted = number_of(remote, "ptime");

    if (longest && (!wanted || wanted > longest)) wanted = longest;
    if (wanted && wanted < 20 && !pj_stricmp2(&stream->fmt.encoding_name, "opus")) {
        param->info.frm_ptime = 10;
        param->setting.frm_per_pkt = 1;
    }
    if (longest && param->setting.frm_per_pkt * (unsigned)param->info.frm_ptime > longest)
        param->setting.frm_per_pkt = (pj_uint8_t)PJ_MAX(1, longest / param->info.frm_ptime);
}
