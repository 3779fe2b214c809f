/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The East Asian sets, whose characters have one to four bytes.
 *
 * Where a character begins and ends is decided here, by the servers' own rules, which are stricter
 * than iconv's (0x80 is a character of big5 and gbk to iconv). Characters that the servers read
 * otherwise than iconv come out of charset_patch.c; all the others go to iconv in runs as long as
 * can be, so that its cost is one call for a value of the ordinary kind.
 */
#include "charset_int.h"

#include "value_thread_int.h"

static bool within(uint8_t byte, uint8_t first, uint8_t last)
{
    return byte >= first && byte <= last;
}

/* Bytes of a two-byte character, or 0. */
static size_t pair(struct slice s, bool lead_fits, bool trail_fits)
{
    return s.len >= 2 && lead_fits && trail_fits ? 2 : 0;
}

static size_t euc_japanese_len(struct slice s, uint8_t second)
{
    if (s.ptr[0] == 0x8e)
        return pair(s, true, within(second, 0xa1, 0xdf));
    if (s.ptr[0] == 0x8f)
        return s.len >= 3 && within(second, 0xa1, 0xfe) && within(s.ptr[2], 0xa1, 0xfe) ? 3 : 0;
    return pair(s, within(s.ptr[0], 0xa1, 0xfe), within(second, 0xa1, 0xfe));
}

static size_t gb18030_len(struct slice s, uint8_t second)
{
    if (!within(s.ptr[0], 0x81, 0xfe))
        return 0;
    if (!within(second, 0x30, 0x39))
        return pair(s, true, within(second, 0x40, 0xfe) && second != 0x7f);
    return s.len >= 4 && within(s.ptr[2], 0x81, 0xfe) && within(s.ptr[3], 0x30, 0x39) ? 4 : 0;
}

/* Bytes of the character at the front of `s`, which is not empty; 0: none begins so. */
static size_t char_len(enum charset_id id, struct slice s)
{
    uint8_t lead = s.ptr[0];
    uint8_t second = s.len > 1 ? s.ptr[1] : 0;
    if (lead < 0x80)
        return 1;
    switch (id) {
    case CHARSET_BIG5:
        return pair(s, within(lead, 0xa1, 0xf9),
                    within(second, 0x40, 0x7e) || within(second, 0xa1, 0xfe));
    case CHARSET_GBK:
        return pair(s, within(lead, 0x81, 0xfe), within(second, 0x40, 0xfe) && second != 0x7f);
    case CHARSET_GB2312:
        return pair(s, within(lead, 0xa1, 0xf7), within(second, 0xa1, 0xfe));
    case CHARSET_EUCKR:
        return pair(s, within(lead, 0x81, 0xfe),
                    within(second, 0x41, 0x5a) || within(second, 0x61, 0x7a) ||
                        within(second, 0x81, 0xfe));
    case CHARSET_SJIS:
    case CHARSET_CP932:
        if (within(lead, 0xa1, 0xdf))
            return 1;
        return pair(s, within(lead, 0x81, 0x9f) || within(lead, 0xe0, 0xfc),
                    within(second, 0x40, 0xfc) && second != 0x7f);
    case CHARSET_UJIS:
    case CHARSET_EUCJPMS:
        return euc_japanese_len(s, second);
    case CHARSET_GB18030:
        return gb18030_len(s, second);
    default:
        ASSERT(false && "a charset that iconv does not convert");
        return 0;
    }
}

static const struct charset_patch *find_patch(struct charset_patches patches, struct slice bytes)
{
    uint32_t sequence = 0;
    for (size_t i = 0; i < bytes.len; i++)
        sequence = sequence << 8 | bytes.ptr[i];
    size_t low = 0;
    size_t high = patches.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (patches.list[middle].last < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < patches.count && patches.list[low].first <= sequence;
    return found ? &patches.list[low] : NULL;
}

/* What one conversion works with. */
struct conversion {
    const struct charset *charset;
    struct charset_patches patches;
    iconv_t descriptor;
    bool replace; /* U+FFFD for what is no character, instead of RC_REJECTED */
    uint8_t *out; /* room for three bytes a byte */
    size_t len;
};

static enum rc no_character(struct conversion *conversion)
{
    if (!conversion->replace)
        return RC_REJECTED;
    conversion->len += text_put_utf8(conversion->out + conversion->len, CHARSET_REPLACEMENT);
    return RC_OK;
}

/* Whole characters without a patch. iconv stops at one that it has no meaning for. */
static enum rc convert_run(struct conversion *conversion, struct slice run)
{
    while (run.len > 0) {
        /* iconv does not write through its input; its prototype is older than const. */
        union {
            const uint8_t *read;
            char *pass;
        } in = {.read = run.ptr};
        char *to = (char *)(conversion->out + conversion->len);
        size_t in_left = run.len;
        size_t room = 3 * run.len + 1;
        size_t out_left = room;
        iconv(conversion->descriptor, NULL, NULL, NULL, NULL);
        size_t failed = iconv(conversion->descriptor, &in.pass, &in_left, &to, &out_left);
        conversion->len += room - out_left;
        run = slice_of(run.ptr + (run.len - in_left), in_left);
        if (failed != (size_t)-1)
            continue;
        enum rc rc = no_character(conversion);
        if (rc != RC_OK || run.len == 0)
            return rc;
        size_t size = char_len(conversion->charset->id, run);
        run = slice_of(run.ptr + size, run.len - size);
    }
    return RC_OK;
}

static enum rc convert_patched(struct conversion *conversion, const struct charset_patch *patch,
                               struct slice bytes)
{
    if (patch->code == 0)
        return no_character(conversion);
    uint32_t last = bytes.ptr[bytes.len - 1];
    uint32_t first = patch->first & 0xff;
    ASSERT(last >= first); /* a patch with a code stays within one last byte's range */
    conversion->len +=
        text_put_utf8(conversion->out + conversion->len, patch->code + (last - first));
    return RC_OK;
}

static enum rc convert(struct conversion *conversion, struct slice bytes)
{
    size_t run = 0; /* where the characters for iconv begin */
    for (size_t at = 0; at < bytes.len;) {
        struct slice rest = slice_of(bytes.ptr + at, bytes.len - at);
        size_t size = char_len(conversion->charset->id, rest);
        const struct charset_patch *patch = NULL;
        if (size > 1 && conversion->patches.count > 0)
            patch = find_patch(conversion->patches, slice_of(rest.ptr, size));
        if (size > 0 && patch == NULL) {
            at += size;
            continue;
        }
        enum rc rc = convert_run(conversion, slice_of(bytes.ptr + run, at - run));
        if (rc != RC_OK)
            return rc;
        rc = patch == NULL ? no_character(conversion)
                           : convert_patched(conversion, patch, slice_of(rest.ptr, size));
        if (rc != RC_OK)
            return rc;
        at += size == 0 ? 1 : size;
        run = at;
    }
    return convert_run(conversion, slice_of(bytes.ptr + run, bytes.len - run));
}

enum rc charset_from_multi(const struct charset *charset, struct slice bytes, bool replace,
                           struct buf *scratch, struct slice *text)
{
    struct conversion conversion = {
        .charset = charset, .patches = charset_patches(charset->id), .replace = replace};
    enum rc rc = value_thread_iconv(charset, &conversion.descriptor);
    if (rc != RC_OK)
        return rc;
    /* No character makes more than three bytes of UTF-8 from one of its own. */
    size_t start = scratch->len;
    conversion.out = buf_reserve(scratch, 3 * bytes.len + 1);
    if (conversion.out == NULL)
        return scratch->rc;
    rc = convert(&conversion, bytes);
    if (rc != RC_OK)
        return rc;
    scratch->len = start + conversion.len;
    *text = slice_of(scratch->ptr + start, conversion.len);
    return RC_OK;
}
