/* SPDX-License-Identifier: Apache-2.0 */
#include "json_patch_int.h"

#include "cursor_int.h"

enum operation { PATCH_REPLACE = 0, PATCH_INSERT = 1, PATCH_REMOVE = 2 };

/* A JSON document may have as many bytes as max_allowed_packet, 1 GiB. */
#define DOCUMENT_MAX ((size_t)1 << 30)

struct member;

/* A value: its bytes as they lie, or an object or array that was taken apart. */
struct node {
    uint8_t type;
    bool opened;
    struct slice bytes; /* behind the type byte, while not opened */
    struct member *members;
    uint32_t count;
    uint32_t capacity;
};

struct member {
    struct slice key; /* empty in arrays */
    struct node node;
};

void json_patch_init(struct json_patch *patch)
{
    arena_init(&patch->arena, "JSON change", DOCUMENT_MAX);
}

void json_patch_deinit(struct json_patch *patch)
{
    arena_deinit(&patch->arena);
}

static enum rc corrupt(const char *why, struct error *err)
{
    return error_set(err, RC_CORRUPT, "The change to a JSON document cannot be made: %s.", why);
}

static enum rc no_memory(struct error *err)
{
    return error_set(err, RC_MEMORY, "There is no memory for a JSON document that is changed.");
}

static bool is_object(const struct node *node)
{
    return node->type == JSON_SMALL_OBJECT || node->type == JSON_LARGE_OBJECT;
}

static enum rc make_node(uint8_t type, struct slice bytes, struct node *node, struct error *err)
{
    size_t len;
    const char *why = json_doc_extent(type, bytes, &len);
    if (why != NULL)
        return corrupt(why, err);
    *node = (struct node){.type = type, .bytes = slice_of(bytes.ptr, len)};
    return RC_OK;
}

static enum rc read_member(const struct json_doc_container *container, uint32_t index,
                           struct member *member, struct error *err)
{
    uint8_t type;
    struct slice bytes;
    const char *why = container->is_object ? json_doc_key(container, index, &member->key) : NULL;
    if (why == NULL)
        why = json_doc_element(container, index, &type, &bytes);
    return why != NULL ? corrupt(why, err) : make_node(type, bytes, &member->node, err);
}

/* Takes an object or array apart. Its parts may not be more than itself: else offsets that lead to
 * the same bytes again and again would make a small document a large one. */
static enum rc open_node(struct json_patch *patch, struct node *node, struct error *err)
{
    struct json_doc_container container;
    if (node->opened)
        return RC_OK;
    if (!json_doc_is_container(node->type))
        return corrupt("its path leads through a value that is no object and no array", err);
    const char *why = json_doc_open(node->type, node->bytes, &container);
    if (why != NULL)
        return corrupt(why, err);
    struct member *members = arena_alloc(&patch->arena, container.count * sizeof(*members));
    if (members == NULL)
        return no_memory(err);
    size_t left = container.bytes.len -
                  json_doc_head_bytes(container.is_object, container.is_large, container.count);
    for (uint32_t i = 0; i < container.count; i++) {
        enum rc rc = read_member(&container, i, &members[i], err);
        if (rc != RC_OK)
            return rc;
        bool inlined = json_doc_is_inlined(container.is_large, members[i].node.type);
        size_t size = members[i].key.len + (inlined ? 0 : members[i].node.bytes.len);
        if (size > left)
            return corrupt("the parts of the old document overlap", err);
        left -= size;
    }
    node->type = container.is_object ? JSON_LARGE_OBJECT : JSON_LARGE_ARRAY;
    node->opened = true;
    node->members = members;
    node->count = container.count;
    node->capacity = container.count;
    return RC_OK;
}

/* The server's order of keys: by length, then by bytes (facts/binlog.md part 7). */
static int key_order(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.ptr, b.ptr, a.len);
}

/* The place of the first key that is not before `key`. */
static uint32_t key_place(const struct node *object, struct slice key)
{
    uint32_t low = 0;
    uint32_t high = object->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (key_order(object->members[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where the leg leads to in an opened node. True: something is there; false: it would stand at
 * `place`. As the server counts, an element past the end is behind the last one, and one that is
 * further back than the first is before it. */
static bool find_place(const struct node *node, const struct json_path_leg *leg, uint32_t *place)
{
    if (leg->is_member) {
        *place = key_place(node, leg->name);
        return *place < node->count && slice_equal(node->members[*place].key, leg->name);
    }
    bool within = leg->index < node->count;
    if (leg->from_end)
        *place = within ? node->count - 1 - leg->index : 0;
    else
        *place = within ? leg->index : node->count;
    return within;
}

/* Opens the node and finds the leg's place in it. RC_NOT_FOUND: nothing is there. */
static enum rc enter(struct json_patch *patch, struct node *node, const struct json_path_leg *leg,
                     uint32_t *place, struct error *err)
{
    enum rc rc = open_node(patch, node, err);
    if (rc != RC_OK)
        return rc;
    if (is_object(node) != leg->is_member)
        return corrupt("its path has a member's name for an array, or an index for an object", err);
    return find_place(node, leg, place) ? RC_OK : RC_NOT_FOUND;
}

/* The object or array that the path's last leg is about. */
static enum rc find_parent(struct json_patch *patch, struct node *root, struct node **parent,
                           struct error *err)
{
    struct node *node = root;
    for (unsigned i = 0; i + 1 < patch->path.leg_count; i++) {
        uint32_t place;
        enum rc rc = enter(patch, node, &patch->path.legs[i], &place, err);
        if (rc == RC_NOT_FOUND)
            return corrupt("nothing is at its path", err);
        if (rc != RC_OK)
            return rc;
        node = &node->members[place].node;
    }
    *parent = node;
    return RC_OK;
}

static enum rc insert_member(struct json_patch *patch, struct node *parent, uint32_t place,
                             const struct member *member, struct error *err)
{
    if (parent->count == parent->capacity) {
        uint32_t capacity = parent->capacity < 8 ? 16 : parent->capacity * 2;
        struct member *members = arena_alloc(&patch->arena, capacity * sizeof(*members));
        if (members == NULL)
            return no_memory(err);
        memcpy(members, parent->members, parent->count * sizeof(*members));
        parent->members = members;
        parent->capacity = capacity;
    }
    memmove(&parent->members[place + 1], &parent->members[place],
            (parent->count - place) * sizeof(*member));
    parent->members[place] = *member;
    parent->count++;
    return RC_OK;
}

static void remove_member(struct node *parent, uint32_t place)
{
    parent->count--;
    memmove(&parent->members[place], &parent->members[place + 1],
            (parent->count - place) * sizeof(*parent->members));
}

/* One change, its path parsed already. */
static enum rc apply(struct json_patch *patch, struct node *root, uint8_t operation,
                     const struct node *value, struct error *err)
{
    if (patch->path.leg_count == 0) {
        if (operation != PATCH_REPLACE)
            return corrupt("its path is the whole document", err);
        *root = *value;
        return RC_OK;
    }
    const struct json_path_leg *leg = &patch->path.legs[patch->path.leg_count - 1];
    struct node *parent = NULL;
    uint32_t place = 0;
    enum rc rc = find_parent(patch, root, &parent, err);
    if (rc == RC_OK)
        rc = enter(patch, parent, leg, &place, err);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    if (operation == PATCH_INSERT) {
        if (leg->is_member && rc == RC_OK)
            return corrupt("a member of that name is there already", err);
        if (leg->name.len > UINT16_MAX)
            return corrupt("a member's name is longer than 65535 bytes", err);
        return insert_member(patch, parent, place, &(struct member){leg->name, *value}, err);
    }
    if (rc == RC_NOT_FOUND)
        return corrupt("nothing is at its path", err);
    if (operation == PATCH_REPLACE)
        parent->members[place].node = *value;
    else
        remove_member(parent, place);
    return RC_OK;
}

static enum rc apply_next(struct json_patch *patch, struct node *root, struct cursor *cursor,
                          struct error *err)
{
    struct node value = {0};
    uint8_t operation = cursor_u8(cursor);
    struct slice path = cursor_slice(cursor, cursor_lenenc(cursor));
    enum rc rc = RC_OK;
    if (operation > PATCH_REMOVE)
        return corrupt("its operation is not known", err);
    if (operation != PATCH_REMOVE) {
        struct slice document = cursor_slice(cursor, cursor_lenenc(cursor));
        if (!cursor->failed && document.len == 0)
            return corrupt("its value is empty", err);
        if (!cursor->failed)
            rc = make_node(document.ptr[0], slice_of(document.ptr + 1, document.len - 1), &value,
                           err);
    }
    if (cursor->failed)
        return corrupt("it is cut off", err);
    if (rc == RC_OK)
        rc = json_path_parse(path, &patch->arena, &patch->path, err);
    if (rc == RC_OK)
        rc = apply(patch, root, operation, &value, err);
    return rc;
}

/* An opened object or array that is being written; `start`: its first byte in the output. */
struct frame {
    const struct node *node;
    size_t start;
    uint32_t next;
};

/* Count, keys' entries and keys; size and values' entries follow as the values do. */
static struct frame begin_frame(const struct node *node, struct buf *out)
{
    enum { KEY_ENTRY = 6, BEFORE_ENTRIES = 8 };
    struct frame frame = {.node = node, .start = out->len};
    size_t head = json_doc_head_bytes(is_object(node), true, node->count);
    uint8_t *at = buf_reserve(out, head);
    if (at == NULL)
        return frame;
    memset(at, 0, head);
    store_u32le(at, node->count);
    out->len += head;
    for (uint32_t i = 0; is_object(node) && i < node->count && out->rc == RC_OK; i++) {
        struct slice key = node->members[i].key;
        uint8_t *entry = out->ptr + frame.start + BEFORE_ENTRIES + (size_t)i * KEY_ENTRY;
        store_u32le(entry, (uint32_t)(out->len - frame.start));
        store_u16le(entry + 4, (uint16_t)key.len);
        buf_add_slice(out, key);
    }
    return frame;
}

/* The next value of the frame; true: it is opened, and must be written before the next one. */
static bool add_member(struct frame *frame, struct buf *out)
{
    enum { VALUE_ENTRY = 5 };
    const struct node *node = frame->node;
    const struct node *value = &node->members[frame->next].node;
    size_t entries =
        json_doc_head_bytes(is_object(node), true, node->count) - node->count * VALUE_ENTRY;
    uint8_t *entry = out->ptr + frame->start + entries + (size_t)frame->next * VALUE_ENTRY;
    frame->next++;
    entry[0] = value->type;
    if (!value->opened && json_doc_is_inlined(true, value->type)) {
        memcpy(entry + 1, value->bytes.ptr, value->bytes.len);
        return false;
    }
    store_u32le(entry + 1, (uint32_t)(out->len - frame->start));
    if (!value->opened)
        buf_add_slice(out, value->bytes);
    return value->opened;
}

/* Opened nodes lie on paths, so they are nested no deeper than a path is long. */
static void add_document(const struct node *root, struct buf *out)
{
    struct frame stack[JSON_DEPTH_MAX];
    unsigned depth = 0;
    buf_add_byte(out, root->type);
    if (!root->opened) {
        buf_add_slice(out, root->bytes);
        return;
    }
    stack[depth++] = begin_frame(root, out);
    while (depth > 0 && out->rc == RC_OK) {
        struct frame *frame = &stack[depth - 1];
        if (frame->next == frame->node->count) {
            store_u32le(out->ptr + frame->start + 4, (uint32_t)(out->len - frame->start));
            depth--;
            continue;
        }
        const struct node *value = &frame->node->members[frame->next].node;
        if (!add_member(frame, out))
            continue;
        ASSERT(depth < JSON_DEPTH_MAX);
        stack[depth++] = begin_frame(value, out);
    }
}

enum rc json_patch_apply(struct json_patch *patch, struct slice document, struct slice changes,
                         struct buf *out, struct error *err)
{
    static const uint8_t null_document[] = {JSON_LITERAL, 0};
    /* A failed ALTER can leave a document of no bytes; the server reads it as null. */
    if (document.len == 0)
        document = slice_of(null_document, sizeof(null_document));
    arena_reset(&patch->arena);
    struct node root;
    struct cursor cursor = cursor_of(changes);
    enum rc rc =
        make_node(document.ptr[0], slice_of(document.ptr + 1, document.len - 1), &root, err);
    while (rc == RC_OK && cursor_left(&cursor) > 0)
        rc = apply_next(patch, &root, &cursor, err);
    if (rc != RC_OK)
        return rc;
    add_document(&root, out);
    return buf_check(out, "A JSON document that was changed", err);
}
