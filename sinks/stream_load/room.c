/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open batch: what fits into it. It takes at most half of flush_bytes, so that it and the one on
 * its way stay under the bound together. Only a single row that is larger than that goes all the
 * same, alone.
 */
#include "sink_int.h"

uint64_t sink_open_bytes_max(const struct stream_load *sink)
{
    return sink->settings.flush_bytes / 2;
}

bool sink_has_room(const struct stream_load *sink, const struct body *body,
                   const struct body_draft *draft, uint64_t beside)
{
    uint64_t memory = body_draft_memory(body, draft) + beside;
    bool fits = sink->sealed_bytes == 0 ||
                sink->sealed_bytes + sink->open_bytes + memory <= sink->settings.flush_bytes;
    if (sink->open_rows == 0)
        return fits;
    if (!fits || sink->open_bytes + memory > sink_open_bytes_max(sink))
        return false;
    uint64_t max = sink->dialect->body_bytes_max;
    uint64_t grown = body->live_bytes + (body->data.len - draft->data_mark);
    return max == 0 || body->live_rows == 0 || grown <= max;
}

void sink_note_open(struct stream_load *sink, struct load_target *target,
                    const struct load_schema *schema)
{
    target->open_schema = schema;
    target->next_open = NULL;
    *sink->open_end = target;
    sink->open_end = &target->next_open;
}
