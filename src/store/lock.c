/* SPDX-License-Identifier: Apache-2.0 */
/* One writer per data directory.
 *
 * A POSIX record lock (fcntl) on the file `lock`, and not flock(): a record lock belongs to the
 * process and dies with it, while flock() goes with the open file into every child. The controller
 * forks to forecast and to write snapshots, and after a kill -9 such a child would keep the next
 * controller out.
 *
 * Record locks have two traps. They do not exclude the same process, and closing any descriptor of
 * the file drops them. So this file keeps a list of the directories that this process holds, and
 * looks there before it opens the lock file a second time. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct dr_store_lock *held;

static int held_here(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return 0;
    for (const struct dr_store_lock *lock = held; lock != NULL; lock = lock->next) {
        if (lock->pid == getpid() && lock->device == (uint64_t)status.st_dev &&
            lock->inode == (uint64_t)status.st_ino)
            return 1;
    }
    return 0;
}

static enum dr_status refuse(const char *path, int64_t pid, struct dr_error *error)
{
    char found[64];

    if (pid > 0)
        snprintf(found, sizeof found, "process %lld", (long long)pid);
    else
        snprintf(found, sizeof found, "another process");
    dr_error_set(error, path, 0, "controller", found,
                 "no other controller on this data directory; it holds the lock");
    return DR_E_LEASE;
}

enum dr_status dr_store_lock_take(struct dr_store_lock *lock, const char *directory, int64_t *pid,
                                  struct dr_error *error)
{
    char path[DR_PATH_MAX + 16];
    char text[32];
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;
    int length;
    int file;

    *pid = 0;
    snprintf(path, sizeof path, "%s/%s", directory, DR_STORE_LOCK);
    if (held_here(path)) {
        *pid = getpid();
        return refuse(path, *pid, error);
    }
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        dr_error_set(error, path, 0, "", strerror(errno), "a lock file that can be written");
        return errno == EACCES || errno == EPERM || errno == EROFS ? DR_E_DENIED : DR_E_IO;
    }
    if (fcntl(file, F_SETLK, &want) != 0) {
        int why = errno;

        if (why == EACCES || why == EAGAIN) {
            if (fcntl(file, F_GETLK, &want) == 0 && want.l_type != F_UNLCK)
                *pid = want.l_pid;
            close(file);
            return refuse(path, *pid, error);
        }
        close(file);
        dr_error_set(error, path, 0, "", strerror(why), "a file system with record locks");
        return DR_E_IO;
    }
    /* For people; the lock itself is what counts. */
    length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(file, 0) != 0 || pwrite(file, text, (size_t)length, 0) != length ||
        fstat(file, &status) != 0) {
        int why = errno;

        close(file);
        dr_error_set(error, path, 0, "", strerror(why), "a lock file that can be written");
        return why == ENOSPC || why == EDQUOT ? DR_E_FULL : DR_E_IO;
    }
    lock->file = file;
    lock->device = (uint64_t)status.st_dev;
    lock->inode = (uint64_t)status.st_ino;
    lock->pid = getpid();
    lock->next = held;
    held = lock;
    return DR_OK;
}

void dr_store_lock_drop(struct dr_store_lock *lock)
{
    if (lock->file < 0)
        return;
    for (struct dr_store_lock **at = &held; *at != NULL; at = &(*at)->next) {
        if (*at == lock) {
            *at = lock->next;
            break;
        }
    }
    close(lock->file);
    lock->file = -1;
}
