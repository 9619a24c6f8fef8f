/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h: text files of any length, a line at a time, compressed by gzip or not, and fields of a
 * line. A file is never held whole. */
#ifndef DR_SIM_LINES_H
#define DR_SIM_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A longer line is an error. */
#define DR_LINE_BYTES_MAX 65536

struct dr_lines;

/* DR_E_MISSING, DR_E_IO: `error` says what is wrong with the file. */
DR_MUST_USE enum dr_status dr_lines_open(struct dr_lines **lines, const char *path,
                                         struct dr_error *error);
/* Accepts NULL. */
void dr_lines_close(struct dr_lines *lines);

/* The next line without its end, in memory that the next call uses again; it may be written to.
 *
 * DR_OK; DR_E_END: there is none. DR_E_INPUT: it is too long, or has a zero byte; the next call
 * goes on behind it. DR_E_IO: the file can't be read any further. */
DR_MUST_USE enum dr_status dr_lines_next(struct dr_lines *lines, char **text,
                                         struct dr_error *error);

/* Of the last line, from 1. */
uint32_t dr_lines_number(const struct dr_lines *lines);
const char *dr_lines_path(const struct dr_lines *lines);
/* Of the file, compressed as it is: how far it has been read, and all of it; 0: not known. */
uint64_t dr_lines_at(const struct dr_lines *lines);
uint64_t dr_lines_bytes(const struct dr_lines *lines);

/* Split a line of CSV (RFC 4180 within a line) in place. Returns how many fields there are, at most
 * `max`; max + 1: there are more; 0: a quote is not closed. */
uint32_t dr_lines_split(char *text, char **fields, uint32_t max);

#endif
