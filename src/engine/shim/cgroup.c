/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups of version 1 and 2, whichever the machine has.
 *
 * Version 1 has a tree per controller, so an attempt is three directories; version 2 has one. Only
 * the tasks go in, never the shim: so that the kernel, out of the attempt's memory, can't choose
 * the shim. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/shim/shim.h"

#define MOUNTS_BYTES_MAX (1u << 20)
#define CPU_PERIOD_US    100000
#define LEFT_BYTES_MAX   (8u << 20)
#define LEFT_AGE_S       60

static const char *const part_names[CGROUP_PARTS] = {"memory", "cpu", "pids"};

/* ---- finding the trees ---- */

struct mount_found {
    char part[CGROUP_PARTS][PATH_BYTES]; /* version 1: where each controller is mounted */
    char devices[PATH_BYTES];
    char unified[PATH_BYTES];
};

static int has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
        if ((at == list || at[-1] == ',' || at[-1] == ' ') &&
            (at[length] == 0 || at[length] == ',' || at[length] == ' ' || at[length] == '\n'))
            return 1;
    return 0;
}

/* One line of /proc/self/mountinfo: "36 35 98:0 /root /mount/point options [fields] - type source
 * super". */
static void mount_line(char *line, struct mount_found *found)
{
    char *separator = strstr(line, " - ");
    char *fields[6], *type, *super;
    char *rest = line;

    if (separator == NULL)
        return;
    *separator = 0;
    for (int i = 0; i < 6; i += 1)
        if ((fields[i] = strsep(&rest, " ")) == NULL)
            return;
    rest = separator + 3;
    type = strsep(&rest, " ");
    if (type == NULL || strsep(&rest, " ") == NULL || (super = rest) == NULL ||
        strlen(fields[4]) >= PATH_BYTES)
        return;
    if (strcmp(type, "cgroup2") == 0 && found->unified[0] == 0)
        snprintf(found->unified, sizeof found->unified, "%s", fields[4]);
    if (strcmp(type, "cgroup") != 0)
        return;
    for (int i = 0; i < CGROUP_PARTS; i += 1)
        if (has_word(super, part_names[i]) && found->part[i][0] == 0)
            snprintf(found->part[i], sizeof found->part[i], "%s", fields[4]);
    if (has_word(super, "devices") && found->devices[0] == 0)
        snprintf(found->devices, sizeof found->devices, "%s", fields[4]);
}

/* Our own place in a hierarchy, from /proc/self/cgroup ("4:memory:/a/b"; version 2: "0::/a/b"). */
static void own_path(const char *text, const char *controller, char *path, size_t path_bytes)
{
    path[0] = 0;
    for (const char *line = text; line != NULL && *line != 0;) {
        const char *end = strchr(line, '\n');
        const char *first = strchr(line, ':');
        const char *second = first == NULL ? NULL : strchr(first + 1, ':');
        size_t length = end == NULL ? strlen(line) : (size_t)(end - line);
        char names[128];

        if (second != NULL && second < line + length) {
            size_t names_length = (size_t)(second - first - 1);
            if (names_length < sizeof names) {
                memcpy(names, first + 1, names_length);
                names[names_length] = 0;
                if (controller[0] == 0 ? names_length == 0 : has_word(names, controller)) {
                    snprintf(path, path_bytes, "%.*s", (int)(line + length - second - 1),
                             second + 1);
                    return;
                }
            }
        }
        line = end == NULL ? NULL : end + 1;
    }
}

static int write_text(int directory, const char *file, const char *text)
{
    int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
    ssize_t bytes;

    if (fd < 0)
        return 0;
    bytes = write(fd, text, strlen(text));
    close(fd);
    return bytes == (ssize_t)strlen(text);
}

static int write_number(int directory, const char *file, int64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, value);
    return write_text(directory, file, text);
}

static ssize_t read_text(int directory, const char *file, char *text, size_t bytes)
{
    int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return -1;
    got = read(fd, text, bytes - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got;
}

/* The directory `instance` below ours, or below the mount's top; -1 when neither can be made. */
static int make_parent(const char *mount, const char *own, const char *instance,
                       char path[PATH_BYTES])
{
    const char *places[2] = {own, ""};

    for (int i = 0; i < 2; i += 1) {
        int length = snprintf(path, PATH_BYTES, "%s%s/%s", mount,
                              strcmp(places[i], "/") == 0 ? "" : places[i], instance);

        if (length >= PATH_BYTES)
            continue;
        if (mkdir(path, 0755) == 0 || errno == EEXIST) {
            int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd >= 0 && faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0)
                return fd;
            if (fd >= 0)
                close(fd);
        }
    }
    return -1;
}

static void open_version_2(struct cgroup_tree *tree, const char *mount, const char *own,
                           const char *instance)
{
    const char *places[2] = {own, ""};

    for (int i = 0; i < 2 && tree->version == 0; i += 1) {
        char path[3 * PATH_BYTES], controllers[512];
        int above, fd;

        snprintf(path, sizeof path, "%s%s", mount, strcmp(places[i], "/") == 0 ? "" : places[i]);
        above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above < 0)
            continue;
        /* Refused where processes sit in it (the "no inner processes" rule): then the top is tried.
         */
        for (int part = 0; part < CGROUP_PARTS; part += 1) {
            char text[16];
            snprintf(text, sizeof text, "+%s", part_names[part]);
            write_text(above, "cgroup.subtree_control", text);
        }
        if (mkdirat(above, instance, 0755) != 0 && errno != EEXIST) {
            close(above);
            continue;
        }
        fd = openat(above, instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            close(above);
            continue;
        }
        for (int part = 0; part < CGROUP_PARTS; part += 1) {
            char text[16];
            snprintf(text, sizeof text, "+%s", part_names[part]);
            write_text(fd, "cgroup.subtree_control", text);
        }
        if (read_text(fd, "cgroup.subtree_control", controllers, sizeof controllers) <= 0 ||
            !has_word(controllers, part_names[CGROUP_MEMORY])) {
            close(fd);
            unlinkat(above, instance, AT_REMOVEDIR);
            close(above);
            continue;
        }
        close(above);
        tree->version = 2;
        if (snprintf(tree->path[0], PATH_BYTES, "%s/%s", path, instance) >= PATH_BYTES)
            tree->path[0][0] = 0;
        for (int part = 0; part < CGROUP_PARTS; part += 1)
            tree->parent[part] = has_word(controllers, part_names[part]) ? fd : -1;
    }
}

/* Version 1: from the cgroup that we are in, below the mount or at its top, to one of our own. */
static void open_devices(struct cgroup_tree *tree, const char *mount, const char *own,
                         const char *instance)
{
    char path[3 * PATH_BYTES];
    int parent, home;

    if (mount[0] == 0)
        return;
    parent = make_parent(mount, own, instance, tree->devices_path);
    snprintf(path, sizeof path, "%s%s/tasks", mount, own);
    home = open(path, O_WRONLY | O_CLOEXEC);
    if (home < 0) {
        snprintf(path, sizeof path, "%s/tasks",
                 mount); /* ours is out of sight, as in a container */
        home = open(path, O_WRONLY | O_CLOEXEC);
    }
    device_wall_open_1(&tree->devices, parent, home);
    if (tree->devices.version == 0 && tree->devices_path[0] != 0)
        rmdir(tree->devices_path);
}

static void describe(struct cgroup_tree *tree, const struct mount_found *found)
{
    char *text = tree->text;
    size_t bytes = sizeof tree->text, used;
    int missing = 0;

    if (tree->version == 0) {
        used = (size_t)snprintf(
            text, bytes, "no cgroup: %s; CPU, memory and process limits are not kept",
            found->unified[0] == 0 && found->part[0][0] == 0 ? "none is mounted"
                                                             : "none may be made");
    } else {
        used = (size_t)snprintf(text, bytes, "cgroup v%d", tree->version);
        for (int part = 0; part < CGROUP_PARTS; part += 1) {
            int there = tree->parent[part] >= 0;

            used += (size_t)snprintf(text + used, bytes - used, " %s%s", there ? "" : "(no ",
                                     part_names[part]);
            missing |= !there;
        }
        if (missing)
            used += (size_t)snprintf(text + used, bytes - used, ")");
    }
    snprintf(text + used, bytes - used, "%s",
             tree->devices.version != 0
                 ? " devices"
                 : "; no devices cgroup: jobs can open accelerators that are not theirs");
}

void cgroup_tree_open(struct cgroup_tree *tree, const char *instance)
{
    static struct mount_found found; /* large, and only used here, once */
    struct dr_buffer mounts;
    char own_text[4096], own[PATH_BYTES];
    int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *tree = (struct cgroup_tree){.parent = {-1, -1, -1},
                                 .devices = {.parent = -1, .home = -1, .program = -1}};
    dr_buffer_init(&mounts, MOUNTS_BYTES_MAX);
    if (proc < 0 || dr_buffer_read_file(&mounts, "/proc/self/mountinfo") != DR_OK ||
        read_text(proc, "cgroup", own_text, sizeof own_text) <= 0) {
        snprintf(tree->text, sizeof tree->text, "no cgroup: /proc does not say where they are");
        if (proc >= 0)
            close(proc);
        dr_buffer_deinit(&mounts);
        return;
    }
    close(proc);
    dr_buffer_append(&mounts, "", 1);
    for (char *rest = (char *)mounts.data, *line; (line = strsep(&rest, "\n")) != NULL;)
        mount_line(line, &found);
    dr_buffer_deinit(&mounts);

    if (found.unified[0] != 0) {
        own_path(own_text, "", own, sizeof own);
        open_version_2(tree, found.unified, own, instance);
    }
    for (int part = 0; part < CGROUP_PARTS && tree->version != 2; part += 1) {
        if (found.part[part][0] == 0)
            continue;
        own_path(own_text, part_names[part], own, sizeof own);
        tree->parent[part] = make_parent(found.part[part], own, instance, tree->path[part]);
        if (tree->parent[part] >= 0)
            tree->version = 1;
    }
    if (tree->version == 2) {
        device_wall_open_2(&tree->devices, tree->parent[CGROUP_MEMORY]);
    } else {
        own_path(own_text, "devices", own, sizeof own);
        open_devices(tree, found.devices, own, instance);
    }
    describe(tree, &found);
}

static void tidy(const char *path)
{
    DIR *directory = path[0] == 0 ? NULL : opendir(path);
    struct dirent *entry;
    struct stat info;

    if (directory == NULL)
        return;
    /* The kernel refuses those that have a process; new ones may be about to get theirs. */
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
            fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            dr_clock_us() / DR_SECOND_US - info.st_mtim.tv_sec > LEFT_AGE_S)
            unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
    closedir(directory);
}

void cgroup_tree_tidy(const struct cgroup_tree *tree)
{
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        tidy(tree->path[part]);
    tidy(tree->devices_path);
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
    device_wall_close(&tree->devices);
    cgroup_tree_tidy(tree);
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        if (tree->path[part][0] != 0)
            rmdir(tree->path[part]);
    if (tree->devices_path[0] != 0)
        rmdir(tree->devices_path);
}

/* ---- an attempt's ---- */

static int same_directory(const struct cgroup_tree *tree, int part)
{
    return tree->version == 2 && part > 0;
}

/* "-1" (version 1) and "max" (version 2) take a limit away again. */
static int set_memory(const struct cgroup *cgroup, int64_t memory_mb)
{
    int directory = cgroup->directory[CGROUP_MEMORY];
    int64_t bytes = memory_mb > 0 ? memory_mb << 20 : -1;
    int ok;

    if (directory < 0)
        return 1;
    if (cgroup->tree->version == 2) {
        /* Not there without swap accounting; then there is nothing to forbid. */
        write_text(directory, "memory.swap.max", memory_mb > 0 ? "0" : "max");
        return memory_mb > 0 ? write_number(directory, "memory.max", bytes)
                             : write_text(directory, "memory.max", "max");
    }
    /* With swap never less than without: which of the two goes first depends on the direction. */
    ok = write_number(directory, "memory.limit_in_bytes", bytes);
    write_number(directory, "memory.memsw.limit_in_bytes", bytes);
    return ok || write_number(directory, "memory.limit_in_bytes", bytes);
}

static int set_cpus(const struct cgroup *cgroup, int64_t cpus_milli)
{
    int directory = cgroup->directory[CGROUP_CPU];
    int64_t quota_us = cpus_milli * (CPU_PERIOD_US / 1000);
    char text[64];

    if (directory < 0)
        return 1;
    if (quota_us > 0 && quota_us < 1000)
        quota_us = 1000; /* the kernel's least */
    if (cgroup->tree->version == 1)
        return write_number(directory, "cpu.cfs_quota_us", quota_us > 0 ? quota_us : -1);
    if (quota_us <= 0)
        return write_text(directory, "cpu.max", "max");
    snprintf(text, sizeof text, "%" PRId64 " %d", quota_us, CPU_PERIOD_US);
    return write_text(directory, "cpu.max", text);
}

static int set_pids(const struct cgroup *cgroup, int64_t pids)
{
    int directory = cgroup->directory[CGROUP_PIDS];

    if (directory < 0)
        return 1;
    return pids > 0 ? write_number(directory, "pids.max", pids)
                    : write_text(directory, "pids.max", "max");
}

/* What differs from what is set. */
static int set_limits(const struct cgroup *cgroup, const struct cgroup_limits *old,
                      const struct cgroup_limits *limits)
{
    int ok = 1;

    if (limits->memory_mb != old->memory_mb)
        ok &= set_memory(cgroup, limits->memory_mb);
    if (limits->cpus_milli != old->cpus_milli)
        ok &= set_cpus(cgroup, limits->cpus_milli);
    if (limits->pids != old->pids)
        ok &= set_pids(cgroup, limits->pids);
    return ok;
}

/* The parent may have been removed by a launcher that saw it empty just before it ended. */
static int make_directory(struct cgroup_tree *tree, int part, const char *name)
{
    for (int i = 0; i < 3; i += 1) {
        if (mkdirat(tree->parent[part], name, 0755) == 0 || errno == EEXIST)
            return 1;
        if (errno != ENOENT)
            return 0;
        if (mkdir(tree->path[part], 0755) == 0 || errno == EEXIST) {
            int fd = open(tree->path[part], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd >= 0) {
                close(tree->parent[part]);
                tree->parent[part] = fd;
            }
        }
    }
    return 0;
}

enum dr_status cgroup_open(struct cgroup *cgroup, struct cgroup_tree *tree,
                           struct cgroup_slot *slot, const char *name,
                           const struct cgroup_limits *limits, char *wrong, size_t wrong_bytes)
{
    static const struct cgroup_limits none = {0};
    int made = slot != NULL && slot->made;

    *cgroup = (struct cgroup){
        .tree = tree, .slot = slot, .directory = {-1, -1, -1}, .procs = {-1, -1, -1}};
    cgroup->devices_tasks = -1;
    snprintf(cgroup->name, sizeof cgroup->name, "%s", slot != NULL ? slot->name : name);
    /* A task goes in by writing "0" while it has but one thread. In version 1 that is better done
     * in `tasks`: moving a whole process makes the kernel wait until no fork or exit is under way
     * anywhere (5 to 10 ms on a quiet machine), moving the calling thread does not. */
    for (int part = 0; part < CGROUP_PARTS; part += 1) {
        if (tree->parent[part] < 0)
            continue;
        if (same_directory(tree, part)) {
            cgroup->directory[part] = cgroup->directory[0];
            continue;
        }
        if (!made && !make_directory(tree, part, cgroup->name)) {
            snprintf(wrong, wrong_bytes, "the %s cgroup can't be made: %s", part_names[part],
                     strerror(errno));
            return DR_E_IO;
        }
        cgroup->directory[part] =
            openat(tree->parent[part], cgroup->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cgroup->directory[part] >= 0)
            cgroup->procs[part] =
                openat(cgroup->directory[part], tree->version == 1 ? "tasks" : "cgroup.procs",
                       O_WRONLY | O_CLOEXEC);
        if (cgroup->procs[part] < 0) {
            snprintf(wrong, wrong_bytes, "the %s cgroup can't be opened: %s", part_names[part],
                     strerror(errno));
            return DR_E_IO;
        }
    }
    if (!set_limits(cgroup, made ? &slot->limits : &none, limits)) {
        snprintf(wrong, wrong_bytes, "the cgroup refuses the job's limits: %s", strerror(errno));
        return DR_E_IO;
    }
    if (slot != NULL) {
        if (made && cgroup->directory[CGROUP_MEMORY] >= 0)
            write_text(cgroup->directory[CGROUP_MEMORY], "memory.max_usage_in_bytes", "0");
        cgroup->oom_kills_before = slot->oom_kills;
        slot->limits = *limits;
        slot->made = 1;
    }
    return DR_OK;
}

static uint64_t number_after(const char *text, const char *word)
{
    const char *at = text;
    size_t length = strlen(word);

    while ((at = strstr(at, word)) != NULL) {
        if ((at == text || at[-1] == '\n') && at[length] == ' ')
            return strtoull(at + length + 1, NULL, 10);
        at += length;
    }
    return 0;
}

uint64_t cgroup_oom_kills(const struct cgroup *cgroup)
{
    char text[512];
    int memory = cgroup->directory[CGROUP_MEMORY];

    if (memory < 0 ||
        read_text(memory, cgroup->tree->version == 2 ? "memory.events" : "memory.oom_control", text,
                  sizeof text) <= 0)
        return 0;
    return number_after(text, "oom_kill") - cgroup->oom_kills_before;
}

int64_t cgroup_memory_mb_peak(const struct cgroup *cgroup)
{
    char text[64];
    int memory = cgroup->directory[CGROUP_MEMORY];

    if (memory < 0 ||
        read_text(memory, cgroup->tree->version == 2 ? "memory.peak" : "memory.max_usage_in_bytes",
                  text, sizeof text) <= 0)
        return 0;
    return (int64_t)(strtoull(text, NULL, 10) >> 20);
}

uint32_t cgroup_kill(const struct cgroup *cgroup)
{
    uint32_t killed = 0;

    for (int part = 0; part < CGROUP_PARTS; part += 1) {
        struct dr_buffer text;
        char path[64];

        if (cgroup->directory[part] < 0 || same_directory(cgroup->tree, part))
            continue;
        if (cgroup->tree->version == 2)
            write_text(cgroup->directory[part], "cgroup.kill", "1");
        dr_buffer_init(&text, MOUNTS_BYTES_MAX);
        snprintf(path, sizeof path, "/proc/self/fd/%d/cgroup.procs", cgroup->directory[part]);
        if (dr_buffer_read_file(&text, path) == DR_OK)
            for (const char *at = dr_buffer_text(&text); *at >= '0' && *at <= '9';) {
                char *end;
                pid_t pid = (pid_t)strtol(at, &end, 10);
                /* 0: a process of another pid namespace, which has been emptied with its first */
                if (pid > 0 && kill(pid, SIGKILL) == 0)
                    killed += 1;
                at = *end == 0 ? end : end + 1;
            }
        dr_buffer_deinit(&text);
    }
    return killed;
}

/* The kernel lets a cgroup go a moment after its last process was reaped. */
static int remove_directory(int parent, const char *name)
{
    for (int i = 0; i < 2000; i += 1) {
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 1;
        if (errno != EBUSY)
            return 0;
        usleep(i < 10 ? 100 : 2000);
    }
    return 0;
}

/* What the attempt leaves charged to the slot (pages of files that it wrote) would be the next
 * one's. */
static int leaves_much(const struct cgroup *cgroup)
{
    char text[64];

    return cgroup->directory[CGROUP_MEMORY] >= 0 &&
           (read_text(cgroup->directory[CGROUP_MEMORY], "memory.usage_in_bytes", text,
                      sizeof text) <= 0 ||
            strtoull(text, NULL, 10) > LEFT_BYTES_MAX);
}

int cgroup_slot_remove(const struct cgroup_tree *tree, struct cgroup_slot *slot)
{
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        if (tree->parent[part] >= 0 && !same_directory(tree, part) &&
            unlinkat(tree->parent[part], slot->name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            return 0;
    slot->made = slot->retire = 0;
    slot->limits = (struct cgroup_limits){0};
    slot->oom_kills = 0;
    return 1;
}

void cgroup_close(struct cgroup *cgroup)
{
    if (cgroup->slot != NULL) {
        cgroup->slot->oom_kills += cgroup_oom_kills(cgroup);
        cgroup->slot->retire |= leaves_much(cgroup);
    }
    for (int part = 0; part < CGROUP_PARTS; part += 1) {
        if (cgroup->directory[part] < 0 || same_directory(cgroup->tree, part))
            continue;
        close(cgroup->directory[part]);
        if (cgroup->procs[part] >= 0)
            close(cgroup->procs[part]);
        if (cgroup->slot == NULL)
            remove_directory(cgroup->tree->parent[part], cgroup->name);
    }
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        cgroup->directory[part] = cgroup->procs[part] = -1;
    if (cgroup->devices_tasks >= 0)
        close(cgroup->devices_tasks);
    if (cgroup->devices[0] != 0)
        remove_directory(cgroup->tree->devices.parent, cgroup->devices);
    cgroup->devices_tasks = -1;
    cgroup->devices[0] = 0;
}

int cgroup_sweep(const struct cgroup_tree *tree, const char *name)
{
    struct cgroup_tree copy = *tree;
    struct cgroup cgroup = {.tree = &copy, .directory = {-1, -1, -1}, .procs = {-1, -1, -1}};
    int empty = 1;

    snprintf(cgroup.name, sizeof cgroup.name, "%s", name);
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        if (tree->parent[part] >= 0 && !same_directory(tree, part))
            cgroup.directory[part] =
                openat(tree->parent[part], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 1000 && cgroup_kill(&cgroup) > 0; i += 1)
        usleep(1000);
    for (int part = 0; part < CGROUP_PARTS; part += 1)
        if (cgroup.directory[part] >= 0) {
            empty &= remove_directory(tree->parent[part], name);
            close(cgroup.directory[part]);
        }
    if (tree->devices.version == 1)
        empty &= remove_directory(tree->devices.parent, name);
    return empty;
}
