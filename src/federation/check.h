/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: what the files that judge a whole file share. */
#ifndef DR_FEDERATION_CHECK_H
#define DR_FEDERATION_CHECK_H

#include "federation/file.h"

struct dr_checker {
    struct dr_federation *federation;
    struct dr_error_list *errors;
    struct dr_error_list *warnings;
};

/* "sites.gwangju.pools.h200" */
void dr_check_pool_path(const struct dr_federation *federation, const struct dr_fed_pool *pool,
                        char *text, size_t bytes);
/* Is the account at `place` the one at `above`, or below it? */
int dr_check_within(const struct dr_federation *federation, uint32_t place, uint32_t above);

/* Capacities, guarantees in proportion, their sums, and the limits as facts have them
 * (check_quotas.c). 0: the arena is full. */
int dr_check_quotas(struct dr_checker *checker);

#endif
