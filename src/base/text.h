/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: names, numbers, times and units as people write and read them. */
#ifndef DR_BASE_TEXT_H
#define DR_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DR_SECOND_US INT64_C(1000000)
#define DR_MINUTE_US (60 * DR_SECOND_US)
#define DR_HOUR_US   (60 * DR_MINUTE_US)
#define DR_DAY_US    (24 * DR_HOUR_US)

/* Names of the federation's parts: [a-z0-9][a-z0-9-]{0,62}, kept with their 0 in DR_NAME_BYTES. */
#define DR_NAME_BYTES 64

int dr_name_valid(const char *name);

/* Copy at most DR_NAME_BYTES - 1 bytes and zero the rest, so that equal names are equal bytes. */
void dr_copy_name(char to[DR_NAME_BYTES], const char *from);

/* snprintf, for rooms that may not import it. Returns `text`. */
const char *dr_format(char *text, size_t text_bytes, const char *format, ...) DR_PRINTF(3, 4);
const char *dr_format_list(char *text, size_t text_bytes, const char *format, va_list arguments)
    DR_PRINTF(3, 0);

/* A whole decimal number with an optional sign, nothing else; 0 when it is not, or out of range. */
int dr_parse_i64(const char *text, int64_t min, int64_t max, int64_t *value);

/* A decimal with up to three places, in thousandths: "0.25" is 250, "2" is 2000. */
int dr_parse_milli(const char *text, int64_t min, int64_t max, int64_t *milli);

/* A duration: "90" (seconds), "90s", "15m", "2h", "7d", "1h30m", and Slurm's forms with a colon:
 * "MM:SS", "HH:MM:SS", "D-HH", "D-HH:MM", "D-HH:MM:SS". Fractions of a second ("0.5s") are taken.
 */
int dr_parse_duration_us(const char *text, int64_t *duration_us);

/* Bytes in MB: "512" (MB), "512M", "4G", "1.5T", "2048K", "4 GB", "4GiB": steps of 1024, rounded up
 * to a whole MB. */
int dr_parse_memory_mb(const char *text, int64_t *memory_mb);

/* RFC 3339 in UTC ("2026-11-23T09:30:00Z", or with an offset) to microseconds since 1970. Without a
 * zone the machine's local time is meant, as in Slurm; so is midnight without a time. "now",
 * "now+1h30m", "now+90" and "now+2hours" count from `now_us`. */
int dr_parse_instant_us(const char *text, int64_t now_us, int64_t *instant_us);

/* All of these write into `text` and return it. */
#define DR_TEXT_BYTES 48
/* "2h05m", "3m20s", "45s", "0.8s", "12d4h", cut rather than rounded; negative: with a sign. */
const char *dr_format_duration(int64_t duration_us, char text[DR_TEXT_BYTES]);
/* "2026-11-23T09:30:00Z" */
const char *dr_format_instant(int64_t instant_us, char text[DR_TEXT_BYTES]);
/* Thousandths without needless zeros: 2000 is "2", 250 is "0.25". */
const char *dr_format_milli(int64_t milli, char text[DR_TEXT_BYTES]);
/* "512 MB", "4 GB", "1.5 TB", cut to a tenth. */
const char *dr_format_memory(int64_t memory_mb, char text[DR_TEXT_BYTES]);
/* Joules as "0.14 Wh", "830 Wh", "12.4 kWh", "3.2 MWh", cut. */
const char *dr_format_energy(int64_t energy_j, char text[DR_TEXT_BYTES]);
/* Micro-units of the currency as "12.34" with thousands apart: "1,204.50", rounded; below a tenth
 * with four places: "0.0034". */
const char *dr_format_money(int64_t money_micro, char text[DR_TEXT_BYTES]);

/* Lower-case hexadecimal; `text` has 2 * bytes + 1 bytes. */
void dr_format_hex(const uint8_t *data, size_t bytes, char *text);
/* The reverse; 0 unless it is exactly `bytes` bytes in hexadecimal. */
int dr_parse_hex(const char *text, uint8_t *data, size_t bytes);

/* The machine's clock: microseconds since 1970. Core never calls it. */
int64_t dr_clock_us(void);
/* A clock that never steps, for waiting. */
int64_t dr_monotonic_us(void);

#endif
