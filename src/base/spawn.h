/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h: another program as a child, for processes that hold secrets and much memory. */
#ifndef DR_BASE_SPAWN_H
#define DR_BASE_SPAWN_H

#include <sys/types.h>

/* Start argv[0] (looked for in PATH) with exactly this environment: standard input empty, standard
 * output and error as given, no other descriptor, in /, no signal blocked or ignored, and in a
 * session of its own: there is no terminal to ask for a password, and kill(-pid) reaches all of it.
 * 0, or an error number, and `*pid` is as it was. */
int dr_spawn(char *const *argv, char *const *envp, int output, int error, pid_t *pid);

/* "PATH=...", for environments that are made from nothing. */
extern char DR_SPAWN_PATH[];

#endif
