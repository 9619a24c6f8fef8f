/* SPDX-License-Identifier: Apache-2.0 */
/* banned.h: library functions that have hurt others, made compile errors that name what to use. */
#ifndef DR_BASE_BANNED_H
#define DR_BASE_BANNED_H

/* The real declarations come first, so that system headers included later still compile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets
#pragma GCC poison atoi atol atoll strncpy strncat
#pragma GCC poison localtime gmtime ctime asctime tmpnam mktemp
/* Instead: dr_copy_name() or memcpy with a length; snprintf or dr_buffer_printf(); strsep;
 * dr_parse_i64(); localtime_r and gmtime_r; mkstemp. */

#endif
