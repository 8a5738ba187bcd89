/* order.c: what the list of a customer's orders can be asked. Data only; its columns come with the orders themselves. */
#include "resource/resources.h"

#include <stddef.h>

static const char *const status[] = { "pending", "completed", "archived", "canceled", "requires_action", NULL };
static const char *const fulfillment_status[] = {
    "not_fulfilled", "partially_fulfilled", "fulfilled", "partially_shipped", "shipped", "partially_returned", "returned",
    "canceled", "requires_action", NULL
};
static const char *const payment_status[] = {
    "not_paid", "awaiting", "captured", "partially_refunded", "refunded", "canceled", "requires_action", NULL
};

/* In the order in which they are checked. */
static const ms_rule_t date_filter[] = {
    MS_RULE("lt",  MS_CHECK_DATE, MS_OPTIONAL, "Before"),
    MS_RULE("gt",  MS_CHECK_DATE, MS_OPTIONAL, "After"),
    MS_RULE("gte", MS_CHECK_DATE, MS_OPTIONAL, "At or after"),
    MS_RULE("lte", MS_CHECK_DATE, MS_OPTIONAL, "At or before"),
    MS_RULES_END
};

#define DATES(field, doc) MS_RULE_NESTED(field, MS_CHECK_NESTED, MS_OPTIONAL, doc, date_filter, "DateComparisonOperator")

const ms_rule_t ms_order_list_query[] = {
    MS_RULE("id", MS_CHECK_STRING, MS_OPTIONAL, "Identifier"),
    MS_RULE("q", MS_CHECK_STRING, MS_OPTIONAL, "Text to look for"),
    MS_RULE_ONE_OF("status", MS_OPTIONAL, "Status", status),
    MS_RULE_ONE_OF("fulfillment_status", MS_OPTIONAL, "Fulfillment status", fulfillment_status),
    MS_RULE_ONE_OF("payment_status", MS_OPTIONAL, "Payment status", payment_status),
    MS_RULE("display_id", MS_CHECK_STRING, MS_OPTIONAL, "Number shown to the customer"),
    MS_RULE("cart_id", MS_CHECK_STRING, MS_OPTIONAL, "Cart it was made from"),
    MS_RULE("email", MS_CHECK_STRING, MS_OPTIONAL, "E-mail address"),
    MS_RULE("region_id", MS_CHECK_STRING, MS_OPTIONAL, "Region"),
    MS_RULE("currency_code", MS_CHECK_STRING, MS_OPTIONAL, "Currency"),
    MS_RULE("tax_rate", MS_CHECK_STRING, MS_OPTIONAL, "Tax rate"),
    DATES("created_at", "Time of the order"),
    DATES("updated_at", "Time of its last change"),
    DATES("canceled_at", "Time of its cancellation"),
    MS_RULE("limit", MS_CHECK_NUMBER, MS_OPTIONAL, "Most orders to answer with"),
    MS_RULE("offset", MS_CHECK_NUMBER, MS_OPTIONAL, "Orders to leave out at the beginning"),
    MS_RULE("fields", MS_CHECK_STRING, MS_OPTIONAL, "Columns to show"),
    MS_RULE("expand", MS_CHECK_STRING, MS_OPTIONAL, "Relations to show"),
    MS_RULES_END
};

static const ms_member_t list_answer[] = {
    MS_MEMBER_MANY("orders", NULL, "A page of the orders; there are none before there are carts"),
    MS_MEMBER("count", MS_INT, 0, "All that match"),
    MS_MEMBER("offset", MS_INT, 0, "Orders left out at the beginning"),
    MS_MEMBER("limit", MS_INT, 0, "Most orders of a page"),
    MS_MEMBERS_END
};

const ms_shape_t ms_order_list_answer = { "StoreCustomersListOrdersRes", NULL, NULL, list_answer, NULL, "A page of my orders" };

static const char *const fields[] = {
    "id", "created_at", "updated_at", "status", "fulfillment_status", "payment_status", "display_id", "cart_id", "customer_id",
    "email", "billing_address_id", "shipping_address_id", "region_id", "currency_code", "tax_rate", "draft_order_id",
    "canceled_at", "metadata", "no_notification", "idempotency_key", "external_id", "sales_channel_id",
    "shipping_total", "shipping_tax_total", "raw_discount_total", "discount_total", "tax_total", "item_tax_total",
    "refunded_total", "total", "subtotal", "paid_total", "refundable_amount", "gift_card_total", "gift_card_tax_total", NULL
};
static const char *const relations[] = {
    "cart", "customer", "billing_address", "billing_address.country", "shipping_address", "shipping_address.country", "region",
    "region.countries", "region.currency", "region.payment_providers", "currency", "discounts", "discounts.rule", "discounts.regions",
    "gift_cards", "shipping_methods", "shipping_methods.shipping_option", "shipping_methods.tax_lines", "payments", "fulfillments",
    "fulfillments.items", "fulfillments.tracking_links", "returns", "returns.items", "returns.shipping_method", "claims",
    "claims.claim_items", "claims.additional_items", "refunds", "swaps", "swaps.additional_items", "swaps.return_order", "draft_order",
    "items", "items.adjustments", "items.tax_lines", "items.variant", "items.variant.product", "edits", "gift_card_transactions",
    "sales_channel", "sales_channels", NULL
};
static const char *const default_fields[] = {
    "id", "status", "fulfillment_status", "payment_status", "display_id", "cart_id", "customer_id", "email", "region_id",
    "currency_code", "tax_rate", "created_at", NULL
};
static const char *const default_relations[] = {
    "shipping_address", "fulfillments", "fulfillments.tracking_links", "items", "items.variant", "shipping_methods",
    "shipping_methods.shipping_option", "discounts", "discounts.rule", "customer", "payments", "region", NULL
};

const ms_select_conf_t ms_order_select = { fields, relations, default_fields, default_relations };
