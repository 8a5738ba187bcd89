/* answer.c: what operations answer that is no row of a table of ours: tokens, yes and no, errors. Data only. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_member_t access_token[] = { MS_MEMBER("access_token", MS_TEXT, 0, "JWT for `Authorization: Bearer`"), MS_MEMBERS_END };
static const ms_member_t exists[] = { MS_MEMBER("exists", MS_BOOL, 0, "true: an account has this e-mail"), MS_MEMBERS_END };

static const ms_member_t payment_method[] = {
    MS_MEMBER("provider_id", MS_TEXT, 0, "Payment provider that keeps it"),
    MS_MEMBER("data", MS_JSON, 0, "What the provider tells about it"),
    MS_MEMBERS_END
};
static const ms_shape_t payment_method_shape = { "PaymentMethod", "payment_method", NULL, payment_method, NULL, "A saved payment method" };
static const ms_member_t payment_methods[] = {
    MS_MEMBER_MANY("payment_methods", &payment_method_shape, "Saved payment methods of all providers"),
    MS_MEMBERS_END
};

static const ms_member_t error[] = {
    MS_MEMBER("code", MS_TEXT, MS_ABSENT, "Kind of problem, for some types"),
    MS_MEMBER("type", MS_TEXT, 0, "Kind of problem"),
    MS_MEMBER("message", MS_TEXT, 0, "What is wrong, for people"),
    MS_MEMBER("request_id", MS_TEXT, MS_ABSENT, "Of a failure of the server (5xx): how its logs call the request; also the header X-Request-Id"),
    MS_MEMBERS_END
};

const ms_shape_t ms_access_token_answer = { "StoreBearerAuthRes", NULL, NULL, access_token, NULL, "A bearer token" };
const ms_shape_t ms_exists_answer = { "StoreGetAuthEmailRes", NULL, NULL, exists, NULL, "Whether an account has the e-mail" };
const ms_shape_t ms_payment_methods_answer = { "StoreCustomersListPaymentMethodsRes", NULL, NULL, payment_methods, NULL, "My saved payment methods" };
const ms_shape_t ms_ok_answer = { "OK", "result", NULL, NULL, "OK", "Done" };
const ms_shape_t ms_empty_answer = { "Nothing", NULL, NULL, NULL, NULL, "Done; there is nothing to say" };
const ms_shape_t ms_error_answer = { "Error", "error", NULL, error, NULL, "Why a request failed" };
