/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier life may have left in the spool's folder. The checksums are made here, so that what lies
 * behind them is read; then the place is looked for, and everything behind it is given to a decoder.
 *
 *   1 byte: which frame's place is looked for | 1: bytes that the file's end lacks | 1: a byte that is damaged;
 *   then parts with their length before them, each a frame: kind, body; and the rest as it is
 */
#include "binlog/spool_feed_int.h"
#include "binlog/spool_state_int.h"
#include "fuzz_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <xxhash.h>

enum { FRAMES_MAX = 64, FILE_MAX = 1 << 20 };

static char folder[64];

static void remove_folder(void)
{
    spool_remove(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/millrace-fuzz-spool-XXXXXX");
    log_setup(2, LOG_FORMAT_TEXT, LOG_ERROR); /* what is cut or thrown away is no news here */
    ASSERT(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

static void write_segment(uint64_t number, struct slice bytes)
{
    char path[128];
    char name[SPOOL_NAME_MAX];
    spool_segment_name(name, number);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    close(fd);
}

/* The frames of one file; gives the begin of the first. */
static void add_frames(struct buf *out, struct slice *input, struct spool_segment *begin)
{
    buf_add_str(out, "MRSPOOL1");
    for (unsigned i = 0; i < FRAMES_MAX && input->len > 2; i++) {
        struct slice frame = fuzz_sized_part(input);
        if (frame.len == 0)
            continue;
        struct slice body = slice_of(frame.ptr + 1, frame.len - 1);
        uint8_t head[12];
        store_u32le(head, (uint32_t)frame.len);
        store_u64le(head + 4, XXH3_64bits_withSeed(body.ptr, body.len, 256u + frame.ptr[0]));
        buf_add(out, head, sizeof(head));
        buf_add_slice(out, frame);
        if (i == 0 && spool_begin_parse(body, begin, NULL) != RC_OK)
            begin->begin.file[0] = '\0';
    }
    buf_add_slice(out, *input);
}

static void read_everything(struct spool *spool, const struct position *from)
{
    struct spool_feed feed;
    struct binlog_stream *stream = NULL;
    struct change change;
    struct error err = {0};
    struct binlog_stream_options options = {
        .watch = spool_pass_statement, .announced_crc32 = true, .server = ""};
    spool_feed_init(&feed, spool);
    ASSERT(binlog_stream_new(&options, &feed.base, &stream, &err) == RC_OK);
    enum rc rc = binlog_stream_seek(stream, &feed.base, from, &err);
    while (rc == RC_OK)
        rc = binlog_stream_next(stream, &change, 0, &err);
    fuzz_told(rc, &err);
    /* The stream that read along has seen these very events. */
    ASSERT(rc == RC_CONNECT || rc == RC_CORRUPT || rc == RC_UNSUPPORTED || rc == RC_CONFIG ||
           rc == RC_MISMATCH || rc == RC_LIMIT);
    binlog_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder[0] == '\0')
        make_folder();
    if (size < 3)
        return 0;
    struct slice input = slice_of(data + 3, size - 3);
    struct spool_segment *begin = spool_segment_new(1);
    struct buf file;
    struct error err = {0};
    ASSERT(begin != NULL);
    buf_init(&file, FILE_MAX);
    add_frames(&file, &input, begin);
    struct spool *spool = NULL;
    struct spool_options options = {.dir = folder, .bytes_max = FILE_MAX, .server = ""};
    if (file.rc == RC_OK) {
        size_t cut = data[1] < file.len ? data[1] : file.len;
        if (data[2] != 0)
            file.ptr[data[2] * 7u % file.len] ^= data[2];
        write_segment(1, slice_of(file.ptr, file.len - cut));
        ASSERT(spool_open(&options, &spool, &err) == RC_OK);
        begin->begin.offset += data[0];
        if (spool_resume(spool, &begin->begin))
            read_everything(spool, &begin->begin);
        else
            ASSERT(spool_bytes(spool) == 0);
        spool_close(spool);
    }
    buf_deinit(&file);
    spool_segment_free(begin);
    return 0;
}
