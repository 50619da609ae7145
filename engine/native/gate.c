/* Every SIP message passes here before the library handles it: Python judges, and may hand on another body. */

#include "wecall.h"
#include <string.h>
#include <pjsip.h>
#include <pjsua-lib/pjsua.h>

#define TYPE_CHARACTERS 256

/* What the judge sees and says; firmware/voice/sip/gate.py has the same members. Texts are not terminated. */
struct wecall_message {
    const char *source;             /* address, terminated */
    const char *text;               /* as it came */
    const char *method;             /* of the request that it is or answers */
    const char *content_type;
    const char *body;               /* NULL without one */
    const char *new_body;           /* out: with `replace`, what the library reads instead; NULL for none */
    const char *new_type;           /* out: its type and subtype, terminated */
    long text_length, method_length, content_type_length, body_length, new_body_length;
    int source_port;
    int status;                     /* 0 for a request */
    int in_dialog;                  /* its To header has a tag */
    int knows_call;                 /* the library has a running call with this Call-ID */
    int replace;                    /* out: `new_body` takes the body's place */
};

/* Returns 0 to go on, a status code to refuse a request with, -1 to drop the message unanswered. */
typedef int (*wecall_judge)(struct wecall_message *);

static wecall_judge judge;

static int knows_call(const pj_str_t *call_id)
{
    unsigned number;

    for (number = 0; number < pjsua_call_get_max_count(); ++number) {
        pjsua_call_info info;

        if (pjsua_call_is_active((int)number) && pjsua_call_get_info((int)number, &info) == PJ_SUCCESS &&
            pj_strcmp(&info.call_id, call_id) == 0)
            return 1;
    }
    return 0;
}

static void read_body(pjsip_msg_body *body, struct wecall_message *message, char *type)
{
    int length = pjsip_media_type_print(type, TYPE_CHARACTERS, &body->content_type);

    message->content_type = type;
    message->content_type_length = length > 0 ? length : 0;
    message->body = body->data ? body->data : "";
    message->body_length = body->data ? (long)body->len : 0;
}

static void replace_body(pjsip_rx_data *rdata, const struct wecall_message *message)
{
    pj_pool_t *pool = rdata->tp_info.pool;
    const char *slash = message->new_body ? strchr(message->new_type, '/') : NULL;
    pj_str_t type, subtype, given, text;

    if (!slash) {
        rdata->msg_info.msg->body = NULL;
        return;
    }
    pj_strset(&given, (char *)message->new_type, slash - message->new_type);
    pj_strdup(pool, &type, &given);
    pj_strdup2(pool, &subtype, slash + 1);
    pj_strset(&given, (char *)message->new_body, message->new_body_length);
    /* Some of the library's readers look for the end of the text themselves. */
    pj_strdup_with_null(pool, &text, &given);
    rdata->msg_info.msg->body = pjsip_msg_body_create(pool, &type, &subtype, &text);
    rdata->msg_info.msg->body->data = text.ptr;
    if (rdata->msg_info.ctype) pjsip_media_type_init(&rdata->msg_info.ctype->media, &type, &subtype);
}

static pj_bool_t on_message(pjsip_rx_data *rdata)
{
    struct wecall_message message;
    pjsip_msg *msg = rdata->msg_info.msg;
    char type[TYPE_CHARACTERS];
    int verdict;

    pj_bzero(&message, sizeof(message));
    message.source = rdata->pkt_info.src_name;
    message.source_port = rdata->pkt_info.src_port;
    message.text = rdata->msg_info.msg_buf;
    message.text_length = rdata->msg_info.len;
    if (msg->type == PJSIP_RESPONSE_MSG) message.status = msg->line.status.code;
    if (rdata->msg_info.cseq) {
        message.method = rdata->msg_info.cseq->method.name.ptr;
        message.method_length = rdata->msg_info.cseq->method.name.slen;
    }
    if (msg->type == PJSIP_REQUEST_MSG) {
        message.method = msg->line.req.method.name.ptr;
        message.method_length = msg->line.req.method.name.slen;
    }
    if (rdata->msg_info.to) message.in_dialog = rdata->msg_info.to->tag.slen > 0;
    if (rdata->msg_info.cid && message.in_dialog) message.knows_call = knows_call(&rdata->msg_info.cid->id);
    if (msg->body) read_body(msg->body, &message, type);
    verdict = judge(&message);
    if (verdict == 0) {
        if (message.replace) replace_body(rdata, &message);
        return PJ_FALSE;
    }
    if (verdict > 0 && msg->type == PJSIP_REQUEST_MSG && msg->line.req.method.id != PJSIP_ACK_METHOD)
        pjsip_endpt_respond_stateless(pjsua_get_pjsip_endpt(), rdata, verdict, NULL, NULL, NULL);
    return PJ_TRUE;
}

/* Just above the transport layer, and below the transactions. */
static pjsip_module gate = {
    NULL, NULL, { "mod-wecall-gate", 15 }, -1, PJSIP_MOD_PRIORITY_TRANSPORT_LAYER + 1,
    NULL, NULL, NULL, NULL, &on_message, &on_message, NULL, NULL, NULL
};

WECALL int wecall_gate_start(wecall_judge with)
{
    judge = with;
    gate.id = -1;
    return pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &gate);
}
