/* answer.c: what a request is answered with, as text or as a value.
 *
 * What is only shown is an object; what was changed on the way, or is no row, a value of jansson's. Called by api/, and by httpd/ to
 * send it. */
#include "core/answer.h"
#include "core/json.h"
#include "core/route.h"

ms_rc_t ms_answer_object(ms_ctx_t *c, const ms_object_t *object)
{
    ms_slot_t *slots = ms_slots_make(c->pool, c->route->answer);
    ms_object_t *answer = apr_pcalloc(c->pool, sizeof *answer);

    slots[0].objects = object;
    answer->slots = slots;
    c->object = answer;
    return MS_OK;
}

const char *ms_answer_write(ms_ctx_t *c, size_t *length)
{
    return c->object ? ms_object_write(c->pool, c->route->answer, c->object, length) : ms_json_write(c->pool, c->answer, length);
}

json_t *ms_answer_tree(ms_ctx_t *c)
{
    return c->object ? ms_own(c->pool, ms_object_tree(c->pool, c->route->answer, c->object)) : c->answer;
}
