/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.properties.*: headers that the user adds to every load. A header can change what a body
 * means or take the label away, so a dialect lists every name that it knows with what becomes of
 * it, and any other name is refused.
 */
#include "dialect_int.h"

const char *dialect_map_find(const struct cfg_map *map, const char *key)
{
    for (unsigned i = 0; i < map->count; i++)
        if (slice_equal_nocase(slice_str(map->items[i].key), slice_str(key)))
            return map->items[i].value;
    return NULL;
}

static const struct dialect_property_rule *rule_find(const struct dialect_property_rule *rules,
                                                     unsigned rule_count, const char *name)
{
    for (unsigned i = 0; i < rule_count; i++)
        if (slice_equal_nocase(slice_str(rules[i].name), slice_str(name)))
            return &rules[i];
    return NULL;
}

/* A header's value must stay on its line: anything else would be a header of its own. */
static bool value_is_clean(const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

/* "0", "0.0" and "false" in the spelling that the file has. */
static bool value_is(const char *value, const char *fixed)
{
    struct slice text = slice_trim(slice_str(value));
    if (strcmp(fixed, "0") != 0)
        return slice_equal_nocase(text, slice_str(fixed));
    bool zero = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        zero = zero && (text.ptr[i] == '0' || text.ptr[i] == '.');
    return zero && text.ptr[0] == '0';
}

static enum rc property_check(const struct dialect_property_rule *rule, const struct cfg_pair *pair,
                              uint64_t *timeout_s, struct error *err)
{
    uint64_t seconds = 0;
    switch (rule->use) {
    case DIALECT_PROPERTY_PASS:
        if (!value_is_clean(pair->value))
            return error_set(err, RC_CONFIG,
                             "The key 'sink.properties.%s' holds a control character.", pair->key);
        return RC_OK;
    case DIALECT_PROPERTY_FIXED:
        if (!value_is(pair->value, rule->fixed))
            return error_set(err, RC_CONFIG,
                             "The key 'sink.properties.%s' may only be '%s' here: %s.", pair->key,
                             rule->fixed, rule->reason);
        return RC_OK;
    case DIALECT_PROPERTY_TIMEOUT:
        if (!text_parse_u64(slice_trim(slice_str(pair->value)), &seconds) || seconds == 0 ||
            seconds > 259200)
            return error_set(err, RC_CONFIG,
                             "The key 'sink.properties.%s' must be a number of seconds from 1 to "
                             "259200.",
                             pair->key);
        *timeout_s = seconds;
        return RC_OK;
    case DIALECT_PROPERTY_IGNORED:
        return RC_OK;
    case DIALECT_PROPERTY_REFUSED:
    default:
        return error_set(err, RC_CONFIG, "The key 'sink.properties.%s' is refused: %s.", pair->key,
                         rule->reason);
    }
}

enum rc dialect_properties_check(const struct dialect_property_rule *rules, unsigned rule_count,
                                 const struct cfg_map *map, uint64_t *timeout_s, struct error *err)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct cfg_pair *pair = &map->items[i];
        const struct dialect_property_rule *rule = rule_find(rules, rule_count, pair->key);
        if (rule == NULL)
            return error_set(err, RC_CONFIG,
                             "The key 'sink.properties.%s' is refused: it is not a Stream Load "
                             "header that is known to leave the load's meaning alone.",
                             pair->key);
        enum rc rc = property_check(rule, pair, timeout_s, err);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

void dialect_properties_add(const struct dialect_property_rule *rules, unsigned rule_count,
                            const struct cfg_map *map, struct buf *out)
{
    for (unsigned i = 0; i < map->count; i++) {
        const struct dialect_property_rule *rule = rule_find(rules, rule_count, map->items[i].key);
        if (rule == NULL || rule->use != DIALECT_PROPERTY_PASS)
            continue;
        buf_add_slice(out, slice_str(rule->name));
        buf_add_str(out, ": ");
        buf_add_slice(out, slice_trim(slice_str(map->items[i].value)));
        buf_add_byte(out, '\n');
    }
}

enum rc dialect_label_prefix_check(const char *prefix, struct error *err)
{
    for (const char *p = prefix; p != NULL && *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '_' || *p == '-'))
            return error_set(err, RC_CONFIG,
                             "The key 'sink.label-prefix' may hold letters, digits, '_' and '-' "
                             "only.");
    return RC_OK;
}
