/* SPDX-License-Identifier: Apache-2.0 */
/* slurm.h: a site whose jobs Slurm launches.
 *
 * Over slurmrestd (v0.0.38 of its interface), with tokens that are signed here; `scontrol` only for
 * what REST lacks: drain, resume, and a look at the site's configuration. Everything runs on the
 * caller's thread and nothing waits. What keeps an attempt from being started twice is told in
 * README.md, "Once, whatever fails".
 *
 * Opening does not need the site: it is looked at from then on. Until the first complete look has
 * succeeded
 *  - list() and stop() give DR_E_IO: nothing is known of the site yet;
 *  - launch() keeps the order, and submits it after that look unless the look has found it.
 * That first look is told by DR_REPORT_SITE with `answers` 1. Later ones tell a site that stops or
 * begins to answer in the same way; what is known of its attempts is kept meanwhile, so list()
 * works in between.
 *
 * An attempt that the site has and that was never launched here is listed and reported, and left as
 * it is until the caller says stop(). A job that is not of this federation and site is never
 * touched.
 */
#ifndef DR_ENGINE_SLURM_H
#define DR_ENGINE_SLURM_H

#include "engine/engine.h"

struct dr_slurm_options {
    const char *federation; /* name of the federation */
    const char *site;
    uint64_t epoch;        /* of the controller: greater at each start */
    const char *url;       /* "http://127.0.0.1:17001" or "unix:/path/of/socket": no host names,
                              since asking for their address would wait */
    const char *key_file;  /* of the site's tokens, HS256 */
    const char *user;      /* Slurm user that polls and orders nodes: "root" or SlurmUser */
    const char *conf;      /* SLURM_CONF for scontrol; "": its own default */
    const char *sent_file; /* where it keeps what it sent, for the next one to read; "" or NULL: an
                              order that one before may have given waits after every opening.
                              In a directory from which one controller at a time leads */
    int64_t led_us;        /* the state's clock when this controller began to lead */
    uint32_t count_placement; /* 0: the very nodes that were chosen; 1: so many nodes of the
                                 partition */
    int64_t poll_us;          /* between looks while something runs; 0: a good default */
    int64_t timeout_us;       /* of one request; 0: a good default */
};

/* DR_E_INPUT: an option is not valid, `error` says which. DR_E_MISSING, DR_E_IO: the key can't be
 * read. */
enum dr_status dr_slurm_open(struct dr_engine **engine, const struct dr_slurm_options *options,
                             struct dr_error *error);

#endif
