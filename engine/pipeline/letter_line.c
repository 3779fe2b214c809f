/* SPDX-License-Identifier: Apache-2.0 */
#include "letter_line_int.h"

#include "../base/clock.h"
#include "../base/text.h"
#include "../model/json.h"
#include "../model/json_read.h"

bool letter_line_text(struct slice object, const char *name, struct buf *out)
{
    struct slice written;
    return json_member(object, name, &written) && written.ptr != NULL &&
           json_string_text(written, out);
}

/* The member "key", which a table without a key does not have. */
static bool member_key(struct slice object, struct buf *out)
{
    struct slice hex;
    if (!json_member(object, "key", &hex))
        return false;
    if (hex.ptr == NULL)
        return true;
    if (hex.len < 2 || hex.len % 2 != 0 || hex.ptr[0] != '"')
        return false;
    for (size_t i = 1; i + 1 < hex.len; i += 2) {
        int high = text_hex_value(hex.ptr[i]);
        int low = text_hex_value(hex.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_add_byte(out, (uint8_t)(high << 4 | low));
    }
    return true;
}

static bool is_object(struct slice object, const char *name)
{
    struct slice value;
    struct slice none;
    return json_member(object, name, &value) && value.ptr != NULL && json_member(value, "", &none);
}

/* A member that only letters have which are being loaded again. */
static bool read_replay(struct slice line, uint64_t *epoch)
{
    struct slice number;
    *epoch = 0;
    return json_member(line, "replay", &number) &&
           (number.ptr == NULL || text_parse_u64(number, epoch));
}

bool letter_line_read(struct slice line, struct buf *parts, struct dead_letter_ref *ref_out)
{
    struct slice number;
    size_t ends[4];
    bool good = letter_line_text(line, "db", parts);
    ends[0] = parts->len;
    good = good && letter_line_text(line, "table", parts);
    ends[1] = parts->len;
    good = good && member_key(line, parts);
    ends[2] = parts->len;
    good = good && letter_line_text(line, "id", parts);
    ends[3] = parts->len;
    good = good && is_object(line, "row") && is_object(line, "event") &&
           json_member(line, "epoch", &number) && text_parse_u64(number, &ref_out->epoch) &&
           read_replay(line, &ref_out->replay);
    if (!good)
        return false;
    ref_out->db = slice_of(parts->ptr, ends[0]);
    ref_out->table = slice_of(parts->ptr + ends[0], ends[1] - ends[0]);
    ref_out->key = slice_of(parts->ptr + ends[1], ends[2] - ends[1]);
    ref_out->id = slice_of(parts->ptr + ends[2], ends[3] - ends[2]);
    return true;
}

static void add_member(struct buf *out, const char *name, struct slice text)
{
    buf_addf(out, ",\"%s\":", name);
    json_add_string(out, text);
}

void letter_line_add(struct buf *out, const struct dead_letter *letter, struct slice id)
{
    buf_add_str(out, "{\"db\":");
    json_add_string(out, letter->db);
    add_member(out, "table", letter->table);
    if (letter->key.len > 0) {
        buf_add_str(out, ",\"key\":\"");
        buf_add_hex(out, letter->key);
        buf_add_byte(out, '"');
    }
    add_member(out, "id", id);
    buf_addf(out, ",\"epoch\":%llu", (unsigned long long)letter->epoch);
    add_member(out, "label", letter->label);
    buf_add_str(out, ",\"time\":\"");
    clock_add_rfc3339(out, clock_wall_us());
    buf_add_byte(out, '"');
    add_member(out, "reason", letter->reason);
    buf_add_str(out, ",\"columns\":");
    buf_add_slice(out, letter->columns);
    buf_addf(out, ",\"partial\":%s,\"row\":", letter->partial ? "true" : "false");
    buf_add_slice(out, letter->row);
    buf_add_str(out, ",\"event\":");
    buf_add_slice(out, letter->event);
    buf_add_str(out, "}\n");
}

void letter_line_put(struct buf *line, const char *name, struct slice value)
{
    struct slice old;
    struct buf made;
    bool whole = json_member(buf_slice(line), name, &old);
    ASSERT(whole); /* it was read before */
    buf_init(&made, line->max);
    if (old.ptr != NULL) {
        buf_add(&made, line->ptr, (size_t)(old.ptr - line->ptr));
        buf_add_slice(&made, value);
        buf_add(&made, old.ptr + old.len, (size_t)(line->ptr + line->len - (old.ptr + old.len)));
    } else {
        const uint8_t *open = memchr(line->ptr, '{', line->len);
        ASSERT(open != NULL);
        buf_addf(&made, "{\"%s\":", name);
        buf_add_slice(&made, value);
        buf_add_byte(&made, ','); /* a letter always has members */
        buf_add(&made, open + 1, (size_t)(line->ptr + line->len - (open + 1)));
    }
    buf_deinit(line);
    *line = made;
}
