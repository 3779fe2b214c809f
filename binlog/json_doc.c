/* SPDX-License-Identifier: Apache-2.0 */
#include "json_doc_int.h"

static unsigned offset_bytes(bool is_large)
{
    return is_large ? 4 : 2;
}

static size_t key_entry_bytes(bool is_object, bool is_large)
{
    return is_object ? offset_bytes(is_large) + 2 : 0;
}

static size_t value_entry_bytes(bool is_large)
{
    return 1 + offset_bytes(is_large);
}

size_t json_doc_head_bytes(bool is_object, bool is_large, uint32_t count)
{
    return 2 * offset_bytes(is_large) +
           count * (key_entry_bytes(is_object, is_large) + value_entry_bytes(is_large));
}

static size_t head_bytes(const struct json_doc_container *container)
{
    return json_doc_head_bytes(container->is_object, container->is_large, container->count);
}

const char *json_doc_open(uint8_t type, struct slice bytes, struct json_doc_container *container)
{
    *container = (struct json_doc_container){
        .is_object = type == JSON_SMALL_OBJECT || type == JSON_LARGE_OBJECT,
        .is_large = type == JSON_LARGE_OBJECT || type == JSON_LARGE_ARRAY,
    };
    unsigned width = offset_bytes(container->is_large);
    if (bytes.len < 2 * width)
        return "an object or array is cut off";
    container->count = (uint32_t)load_uint_le(bytes.ptr, width);
    uint64_t size = load_uint_le(bytes.ptr + width, width);
    if (size > bytes.len || head_bytes(container) > size)
        return "an object or array reaches beyond the end";
    container->bytes = slice_of(bytes.ptr, (size_t)size);
    return NULL;
}

const char *json_doc_key(const struct json_doc_container *container, uint32_t index,
                         struct slice *key)
{
    ASSERT(container->is_object && index < container->count);
    unsigned width = offset_bytes(container->is_large);
    const uint8_t *entry = container->bytes.ptr + 2 * width +
                           (size_t)index * key_entry_bytes(true, container->is_large);
    size_t offset = (size_t)load_uint_le(entry, width);
    size_t length = load_u16le(entry + width);
    if (offset < head_bytes(container) || offset > container->bytes.len ||
        length > container->bytes.len - offset)
        return "a key lies outside of its object";
    *key = slice_of(container->bytes.ptr + offset, length);
    return NULL;
}

const char *json_doc_element(const struct json_doc_container *container, uint32_t index,
                             uint8_t *type, struct slice *bytes)
{
    ASSERT(index < container->count);
    bool is_large = container->is_large;
    unsigned width = offset_bytes(is_large);
    const uint8_t *entry = container->bytes.ptr + 2 * width +
                           container->count * key_entry_bytes(container->is_object, is_large) +
                           (size_t)index * value_entry_bytes(is_large);
    *type = entry[0];
    if (json_doc_is_inlined(is_large, *type)) {
        *bytes = slice_of(entry + 1, width);
        return NULL;
    }
    size_t offset = (size_t)load_uint_le(entry + 1, width);
    if (offset < head_bytes(container) || offset > container->bytes.len)
        return "a value lies outside of its object or array";
    *bytes = slice_of(container->bytes.ptr + offset, container->bytes.len - offset);
    return NULL;
}

const char *json_doc_length(struct slice *bytes, size_t *length)
{
    enum { GROUPS_MAX = 5 };
    uint64_t value = 0;
    for (unsigned i = 0; i < GROUPS_MAX && i < bytes->len; i++) {
        uint8_t byte = bytes->ptr[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        *bytes = slice_of(bytes->ptr + i + 1, bytes->len - i - 1);
        if (value > bytes->len)
            return "a length reaches beyond the end";
        *length = (size_t)value;
        return NULL;
    }
    return "a length does not end";
}

/* Strings: length and bytes. Opaque values: a field type in front of them. */
static const char *string_extent(struct slice bytes, size_t before, size_t *len)
{
    if (bytes.len < before)
        return "an opaque value is cut off";
    size_t length;
    struct slice rest = slice_of(bytes.ptr + before, bytes.len - before);
    const char *why = json_doc_length(&rest, &length);
    if (why == NULL)
        *len = (size_t)(rest.ptr - bytes.ptr) + length;
    return why;
}

const char *json_doc_extent(uint8_t type, struct slice bytes, size_t *len)
{
    struct json_doc_container container;
    const char *why = NULL;
    switch (type) {
    case JSON_SMALL_OBJECT:
    case JSON_LARGE_OBJECT:
    case JSON_SMALL_ARRAY:
    case JSON_LARGE_ARRAY:
        why = json_doc_open(type, bytes, &container);
        if (why == NULL)
            *len = container.bytes.len;
        return why;
    case JSON_LITERAL:
        *len = 1;
        return bytes.len < 1 ? "a literal is cut off" : NULL;
    case JSON_INT16:
    case JSON_UINT16:
    case JSON_INT32:
    case JSON_UINT32:
    case JSON_INT64:
    case JSON_UINT64:
    case JSON_DOUBLE:
        *len = json_doc_number_bytes(type);
        return bytes.len < *len ? "a number is cut off" : NULL;
    case JSON_STRING:
        return string_extent(bytes, 0, len);
    case JSON_OPAQUE:
        return string_extent(bytes, 1, len);
    default:
        return "it has a value of an unknown type";
    }
}
