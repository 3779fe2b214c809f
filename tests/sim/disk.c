/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and folders in memory, with two truths for each: what a reader sees, and what the disk has.
 * A write, a truncation, a new name change the first; fsync carries them to the second, the file's
 * content by its own descriptor and its name by the folder's. A killed process loses nothing. A power
 * cut keeps what was synced; of what was not it keeps any of the writes, in sectors, in any mixture
 * (but names in the order in which they were made, as journaling file systems do).
 *
 * An fsync that fails drops the pages: the reader still sees them, the disk never gets them, and the
 * next fsync says yes (https://lwn.net/Articles/752063/).
 */
#include "sim_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NODES_MAX = 64,
    NAMES_MAX = 32,
    OPENED_MAX = 32,
    FIRST_FD = 10000,
    SECTOR = 512,
    NAME_MAX_BYTES = 48
};

struct content {
    uint8_t *ptr; /* owned */
    size_t len;
    size_t cap;
};

/* A change that the disk may not have. */
struct file_change {
    bool truncates;
    size_t offset; /* or the new length */
    size_t len;
    uint8_t *bytes; /* owned */
};

struct name {
    char text[NAME_MAX_BYTES];
    unsigned node; /* 0: removed */
};

/* One change of a folder, whole or not at all. */
struct name_change {
    struct name made;
    char gone[NAME_MAX_BYTES]; /* "": none */
};

struct names {
    struct name items[NAMES_MAX];
    unsigned count;
};

struct node {
    bool used;
    bool is_folder;
    unsigned parent;
    struct content seen;
    struct content kept;
    struct file_change *changes; /* owned; in order */
    unsigned change_count;
    struct names names;               /* of a folder, as seen */
    struct names kept_names;          /* as the disk has them */
    struct name_change *name_changes; /* owned; in order */
    unsigned name_change_count;
    int locked_by; /* descriptor; 0: none */
};

struct opened {
    unsigned node; /* 0: not open */
    uint64_t at;
    unsigned list_at;
    struct dirent entry;
};

static struct node nodes[NODES_MAX]; /* 0 is nobody, 1 is /sim */
static struct opened opened[OPENED_MAX];
static bool failed;

enum { ROOT = 1 };

static void content_set(struct content *content, size_t offset, const uint8_t *bytes, size_t len)
{
    size_t end = offset + len;
    if (end > content->cap) {
        size_t cap = end * 2 + 4096;
        content->ptr = realloc(content->ptr, cap);
        ASSERT(content->ptr != NULL);
        content->cap = cap;
    }
    if (offset > content->len)
        memset(content->ptr + content->len, 0, offset - content->len);
    if (len > 0)
        memcpy(content->ptr + offset, bytes, len);
    if (end > content->len)
        content->len = end;
}

static void content_cut(struct content *content, size_t len)
{
    if (len > content->len)
        content_set(content, len, NULL, 0);
    content->len = len;
}

static void content_copy(struct content *to, const struct content *from)
{
    to->len = 0;
    if (from->len > 0)
        content_set(to, 0, from->ptr, from->len);
}

static void forget_changes(struct node *node)
{
    for (unsigned i = 0; i < node->change_count; i++)
        free(node->changes[i].bytes);
    node->change_count = 0;
    node->name_change_count = 0;
}

static void node_free(struct node *node)
{
    forget_changes(node);
    free(node->seen.ptr);
    free(node->kept.ptr);
    free(node->changes);
    free(node->name_changes);
    memset(node, 0, sizeof(*node));
}

void disk_begin(void)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        node_free(&nodes[i]);
    memset(opened, 0, sizeof(opened));
    nodes[ROOT].used = nodes[ROOT].is_folder = true;
    nodes[ROOT].parent = ROOT;
}

void disk_life_begin(void)
{
    failed = false;
}

bool disk_has_failed(void)
{
    return failed;
}

unsigned disk_open_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < OPENED_MAX; i++)
        count += opened[i].node != 0;
    return count;
}

static struct name *names_find(struct names *names, const char *text)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, text) == 0)
            return &names->items[i];
    return NULL;
}

/* `node` 0 removes it. */
static void names_set(struct names *names, const char *text, unsigned node)
{
    struct name *name = names_find(names, text);
    if (name != NULL && node == 0) {
        *name = names->items[--names->count];
    } else if (name != NULL) {
        name->node = node;
    } else if (node != 0) {
        ASSERT(names->count < NAMES_MAX);
        name = &names->items[names->count++];
        snprintf(name->text, sizeof(name->text), "%s", text);
        name->node = node;
    }
}

static void apply_name_change(struct names *names, const struct name_change *change)
{
    names_set(names, change->made.text, change->made.node);
    if (change->gone[0] != '\0')
        names_set(names, change->gone, 0);
}

/* `made` is put in, with `node` 0 taken out; `gone` (NULL: none) is taken out in the same moment. */
static void change_name(struct node *folder, const char *made, unsigned node, const char *gone)
{
    unsigned count = ++folder->name_change_count;
    folder->name_changes = realloc(folder->name_changes, count * sizeof(struct name_change));
    ASSERT(folder->name_changes != NULL);
    struct name_change *change = &folder->name_changes[count - 1];
    *change = (struct name_change){.made.node = node};
    snprintf(change->made.text, sizeof(change->made.text), "%s", made);
    snprintf(change->gone, sizeof(change->gone), "%s", gone == NULL ? "" : gone);
    apply_name_change(&folder->names, change);
}

static struct file_change *change_file(struct node *file)
{
    unsigned count = ++file->change_count;
    file->changes = realloc(file->changes, count * sizeof(struct file_change));
    ASSERT(file->changes != NULL);
    file->changes[count - 1] = (struct file_change){0};
    return &file->changes[count - 1];
}

static void write_file(struct node *file, size_t offset, const uint8_t *bytes, size_t len)
{
    content_set(&file->seen, offset, bytes, len);
    struct file_change *change = change_file(file);
    change->offset = offset;
    change->len = len;
    change->bytes = malloc(len);
    ASSERT(change->bytes != NULL);
    memcpy(change->bytes, bytes, len);
}

static void cut_file(struct node *file, size_t len)
{
    content_cut(&file->seen, len);
    struct file_change *change = change_file(file);
    change->truncates = true;
    change->offset = len;
}

static void sync_node(struct node *node)
{
    content_copy(&node->kept, &node->seen);
    node->kept_names = node->names;
    forget_changes(node);
}

/* ---- a crash ---- */

/* `share` of 1,000 sectors arrive. */
static void keep_write(struct node *file, const struct file_change *change, unsigned share)
{
    bool torn = false;
    bool any = false;
    for (size_t done = 0; done < change->len;) {
        size_t offset = change->offset + done;
        size_t len = SECTOR - offset % SECTOR;
        if (len > change->len - done)
            len = change->len - done;
        if (random_chance(share)) {
            content_set(&file->kept, offset, change->bytes + done, len);
            any = true;
        } else {
            torn = true;
        }
        done += len;
    }
    /* The length may be there without the bytes. */
    if (torn && change->offset + change->len > file->kept.len && random_chance(300))
        content_cut(&file->kept, change->offset + change->len);
    if (torn && any)
        fault_note(FAULT_TORN_WRITE);
}

static void cut_power(struct node *node)
{
    static const unsigned shares[] = {0, 500, 1000};
    unsigned share = shares[random_below(COUNT_OF(shares))];
    for (unsigned i = 0; i < node->change_count; i++) {
        const struct file_change *change = &node->changes[i];
        if (!change->truncates)
            keep_write(node, change, share);
        else if (random_chance(share))
            content_cut(&node->kept, change->offset);
    }
    unsigned made =
        node->name_change_count == 0 ? 0 : (unsigned)random_below(node->name_change_count + 1);
    for (unsigned i = 0; i < made; i++)
        apply_name_change(&node->kept_names, &node->name_changes[i]);
    content_copy(&node->seen, &node->kept);
    node->names = node->kept_names;
    forget_changes(node);
}

void disk_crash(bool power)
{
    memset(opened, 0, sizeof(opened));
    for (unsigned i = 1; i < NODES_MAX; i++) {
        if (nodes[i].used && power)
            cut_power(&nodes[i]);
        nodes[i].locked_by = 0;
    }
}

/* ---- system calls ---- */

static int fails(int os_code)
{
    errno = os_code;
    return -1;
}

static struct opened *opened_of(int fd)
{
    if (fd < FIRST_FD || fd >= FIRST_FD + OPENED_MAX || opened[fd - FIRST_FD].node == 0)
        return NULL;
    return &opened[fd - FIRST_FD];
}

static struct node *node_of(int fd)
{
    const struct opened *open = opened_of(fd);
    ASSERT(open != NULL);
    return &nodes[open->node];
}

static bool disk_fault(enum fault kind)
{
    bool yes = fault(kind);
    failed |= yes;
    return yes;
}

/* Before an operation: false when it must fail, with errno set. */
static bool may_begin(const char *what)
{
    if (!life_goes_on(what)) {
        errno = EIO;
        return false;
    }
    if (disk_fault(FAULT_DISK_OTHER)) {
        errno = random_chance(500) ? EIO : ENOSPC;
        return false;
    }
    return true;
}

/* After it: it has happened, and the engine may not live to see it. */
static int ends(const char *what, int result)
{
    return life_goes_on(what) ? result : fails(EIO);
}

static int descriptor(unsigned node)
{
    for (int i = 0; i < OPENED_MAX; i++)
        if (opened[i].node == 0) {
            opened[i] = (struct opened){.node = node};
            return FIRST_FD + i;
        }
    return fails(EMFILE);
}

static unsigned new_node(unsigned parent, bool is_folder)
{
    unsigned i = ROOT + 1;
    while (i < NODES_MAX && nodes[i].used) {
        i++;
    }
    ASSERT(i < NODES_MAX);
    nodes[i].used = true;
    nodes[i].is_folder = is_folder;
    nodes[i].parent = parent;
    return i;
}

/* A node that no folder has, and nobody has open, is gone. */
static void drop_orphans(void)
{
    for (unsigned i = ROOT + 1; i < NODES_MAX; i++) {
        bool wanted = false;
        for (unsigned f = ROOT; f < NODES_MAX; f++) {
            const struct node *folder = &nodes[f];
            for (unsigned n = 0; n < folder->names.count; n++)
                wanted |= folder->names.items[n].node == i;
            for (unsigned n = 0; n < folder->kept_names.count; n++)
                wanted |= folder->kept_names.items[n].node == i;
            for (unsigned n = 0; n < folder->name_change_count; n++)
                wanted |= folder->name_changes[n].made.node == i;
        }
        for (unsigned o = 0; o < OPENED_MAX; o++)
            wanted |= opened[o].node == i;
        if (nodes[i].used && !wanted)
            node_free(&nodes[i]);
    }
}

/* The node of an absolute path; 0: none. `parent_out` and `last_out` say where it would be. */
static unsigned find_path(const char *path, unsigned *parent_out, const char **last_out)
{
    ASSERT(strncmp(path, "/sim", 4) == 0);
    unsigned at = ROOT;
    *parent_out = ROOT;
    *last_out = "";
    const char *rest = path + 4;
    if (*rest == '/') {
        rest++;
        *last_out = rest;
        ASSERT(strchr(rest, '/') == NULL);
        const struct name *name = names_find(&nodes[ROOT].names, rest);
        at = name == NULL ? 0 : name->node;
    }
    return at;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode)
{
    if (strncmp(path, "/sim", 4) != 0)
        return __real_open(path, flags, mode);
    unsigned parent;
    const char *last;
    if (!may_begin("open"))
        return -1;
    unsigned node = find_path(path, &parent, &last);
    return node == 0 ? fails(ENOENT) : descriptor(node);
}

int __wrap_openat(int dir_fd, const char *name, int flags, int mode);
int __wrap_openat(int dir_fd, const char *name, int flags, int mode UNUSED)
{
    struct node *folder = node_of(dir_fd);
    if (!may_begin(name))
        return -1;
    if (strcmp(name, ".") == 0)
        return descriptor(opened_of(dir_fd)->node);
    if (strcmp(name, "..") == 0)
        return descriptor(folder->parent);
    const struct name *found = names_find(&folder->names, name);
    if (found == NULL && (flags & O_CREAT) == 0)
        return fails(ENOENT);
    if (found == NULL) {
        drop_orphans();
        change_name(folder, name, new_node(opened_of(dir_fd)->node, false), NULL);
        found = names_find(&folder->names, name);
        trace("disk: %s is made", name);
    }
    unsigned node = found->node;
    if ((flags & O_TRUNC) != 0 && nodes[node].seen.len > 0)
        cut_file(&nodes[node], 0);
    int fd = descriptor(node);
    return life_goes_on("after open") ? fd : (close(fd), fails(EIO));
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    struct opened *open = opened_of(fd);
    if (open == NULL)
        return fd >= FIRST_FD ? fails(EBADF) : __real_close(fd);
    if (nodes[open->node].locked_by == fd)
        nodes[open->node].locked_by = 0;
    open->node = 0;
    return 0;
}

int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode UNUSED)
{
    unsigned parent;
    const char *last;
    if (!may_begin("mkdir"))
        return -1;
    if (find_path(path, &parent, &last) != 0)
        return fails(EEXIST);
    change_name(&nodes[parent], last, new_node(parent, true), NULL);
    trace("disk: the folder %s is made", last);
    return ends("after mkdir", 0);
}

int __wrap_stat(const char *path, struct stat *info);
int __wrap_stat(const char *path, struct stat *info)
{
    unsigned parent;
    const char *last;
    memset(info, 0, sizeof(*info));
    return find_path(path, &parent, &last) == 0 ? fails(ENOENT) : 0;
}

int __real_fstat(int fd, struct stat *info);
int __wrap_fstat(int fd, struct stat *info);
int __wrap_fstat(int fd, struct stat *info)
{
    if (fd < FIRST_FD)
        return __real_fstat(fd, info);
    memset(info, 0, sizeof(*info));
    info->st_size = (off_t)node_of(fd)->seen.len;
    return 0;
}

static ssize_t read_at(int fd, void *to, size_t size, uint64_t at)
{
    const struct node *node = node_of(fd);
    if (!life_goes_on("read"))
        return fails(EIO);
    if (fault(FAULT_INTERRUPTED))
        return fails(EINTR);
    size_t left = at < node->seen.len ? node->seen.len - (size_t)at : 0;
    size_t len = left < size ? left : size;
    if (len > 1 && disk_fault(FAULT_DISK_READ)) {
        if (random_chance(300))
            return fails(EIO);
        len = random_between(1, len);
    }
    if (len > 0)
        memcpy(to, node->seen.ptr + at, len);
    return (ssize_t)len;
}

ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size)
{
    struct opened *open = opened_of(fd);
    if (open == NULL)
        return __real_read(fd, to, size);
    ssize_t got = read_at(fd, to, size, open->at);
    if (got > 0)
        open->at += (uint64_t)got;
    return got;
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at)
{
    return read_at(fd, to, size, (uint64_t)at);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct node *node = node_of(fd);
    if (!life_goes_on("write"))
        return fails(EIO);
    if (fault(FAULT_INTERRUPTED))
        return fails(EINTR);
    if (disk_fault(FAULT_DISK_WRITE))
        return fails(random_chance(700) ? ENOSPC : EIO);
    size_t said = len;
    if (len > 1 && fault(FAULT_DISK_SHORT)) {
        len = random_between(1, len - 1);
        said = bug_armed == BUG_SHORT_WRITE ? said : len;
    }
    write_file(node, (size_t)at, bytes, len);
    return life_goes_on("after write") ? (ssize_t)said : fails(EIO);
}

int __wrap_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len)
{
    struct node *node = node_of(fd);
    if (!may_begin("ftruncate"))
        return -1;
    cut_file(node, (size_t)len);
    return ends("after ftruncate", 0);
}

static int sync_fd(int fd, const char *what)
{
    struct node *node = node_of(fd);
    if (!life_goes_on(what))
        return fails(EIO);
    if (disk_fault(FAULT_DISK_SYNC)) {
        forget_changes(node);
        return fails(EIO);
    }
    sync_node(node);
    return ends("after fsync", 0);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    if (bug_armed == BUG_SKIP_FOLDER_FSYNC && node_of(fd)->is_folder)
        return 0;
    return sync_fd(fd, "fsync");
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    if (bug_armed == BUG_SKIP_FSYNC)
        return 0;
    return sync_fd(fd, "fdatasync");
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    struct node *folder = node_of(from_fd);
    ASSERT(folder == node_of(to_fd));
    if (!may_begin("rename"))
        return -1;
    const struct name *name = names_find(&folder->names, from);
    if (name == NULL)
        return fails(ENOENT);
    change_name(folder, to, name->node, from);
    trace("disk: %s becomes %s", from, to);
    return ends("after rename", 0);
}

int __wrap_unlinkat(int dir_fd, const char *name, int flags);
int __wrap_unlinkat(int dir_fd, const char *name, int flags UNUSED)
{
    struct node *folder = node_of(dir_fd);
    if (!may_begin("unlink"))
        return -1;
    if (names_find(&folder->names, name) == NULL)
        return fails(ENOENT);
    change_name(folder, name, 0, NULL);
    trace("disk: %s is removed", name);
    return ends("after unlink", 0);
}

/* Only the lock of a whole file is ever asked for. */
int __wrap_fcntl(int fd, int command, void *arg);
int __wrap_fcntl(int fd, int command, void *arg UNUSED)
{
    struct node *node = node_of(fd);
    ASSERT(command == F_OFD_SETLK);
    if (!may_begin("lock"))
        return -1;
    if (node->locked_by != 0 && node->locked_by != fd)
        return fails(EAGAIN);
    node->locked_by = fd;
    return 0;
}

/* ---- listing ---- */

DIR *__wrap_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd)
{
    struct opened *open = opened_of(fd);
    ASSERT(open != NULL);
    if (!may_begin("list"))
        return NULL;
    open->list_at = 0;
    return (DIR *)(void *)open;
}

struct dirent *__wrap_readdir(DIR *names);
struct dirent *__wrap_readdir(DIR *names)
{
    struct opened *open = (struct opened *)(void *)names;
    const struct node *folder = &nodes[open->node];
    if (open->list_at >= folder->names.count)
        return NULL;
    const struct name *name = &folder->names.items[open->list_at++];
    snprintf(open->entry.d_name, sizeof(open->entry.d_name), "%s", name->text);
    return &open->entry;
}

int __wrap_closedir(DIR *names);
int __wrap_closedir(DIR *names)
{
    struct opened *open = (struct opened *)(void *)names;
    return __wrap_close(FIRST_FD + (int)(open - opened));
}

/* ---- what else must not come from outside ---- */

ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t size, unsigned flags UNUSED)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_u64();
    return (ssize_t)size;
}

pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    return 4711;
}
