/* SPDX-License-Identifier: Apache-2.0 */
/* oracle.h: slow and obvious answers to what the core answers from its indexes.
 *
 * Reads primary state alone (jobs, their lists of extents, limits, what the federation declares)
 * and shares no code with src/core. A look is a state in thought: attempts may be gone from it and
 * reservations may count as held. From it come the sums of accounts, what is free on each node, and
 * so whether a job could start in a pool, where the page's rule would put it, and what that costs;
 * and from these when a reservation could begin, and who comes first. For small worlds: a look
 * walks everything.
 *
 * Each subject has its file: oracle_state.c (what stands in the state), oracle_look.c,
 * oracle_room.c (law, nodes, quotas), oracle_power.c, oracle_place.c and oracle_breakage.c (where),
 * oracle_money.c, oracle_shadow.c (when), oracle_order.c (who first). */
#ifndef DR_TEST_ORACLE_H
#define DR_TEST_ORACLE_H

#include "core/state.h"

#define ORACLE_ACCOUNTS 64
#define ORACLE_GROUPS   24
#define ORACLE_NODES    256
#define ORACLE_SITES    8
#define ORACLE_JOBS     4096

struct oracle_sums {
    int64_t use[ORACLE_ACCOUNTS][ORACLE_GROUPS];
    int64_t claim[ORACLE_ACCOUNTS][ORACLE_GROUPS];
    int64_t firm[ORACLE_ACCOUNTS][ORACLE_GROUPS];
    int64_t occupied[ORACLE_ACCOUNTS][ORACLE_GROUPS];
};

/* What is thought away, or into it. `gone` is to outlive the look. */
struct oracle_thought {
    const uint8_t *gone;        /* [jobs_high] attempts that are not there */
    const struct dr_job *also;  /* stays, and counts in claim, though told to leave */
    const uint8_t *stays;       /* [jobs_high] the same of several */
    const struct dr_job *apart; /* its promise and its reservation don't count */
    uint8_t reserved;           /* what is reserved is held, and counts in the sums */
    int64_t reserved_until_us;  /* of that, only what begins by then; 0: all */
    uint8_t places_aside; /* where nothing is kept back the root refuses nobody who finds a place:
                             that is not asked */
    int64_t now_us;       /* 0: when the last fact was */
    int64_t at_us; /* advance reservations keep their nodes from who would start then; 0: none do */
    int64_t late_us; /* ... or so much later */
};

struct oracle {
    const struct dr_core *core;
    struct oracle_thought thought;
    struct oracle_sums sums;
    uint64_t whole[ORACLE_NODES]; /* accelerators held, promised, reserved as a whole */
    uint16_t shares[ORACLE_NODES][DR_ACCELERATORS_MAX]; /* ... in shares, thousandths */
    uint64_t drawing[ORACLE_NODES];                     /* held or promised as a whole */
    uint16_t drawing_shares[ORACLE_NODES][DR_ACCELERATORS_MAX];
    uint32_t share_guard[ORACLE_NODES][DR_ACCELERATORS_MAX]; /* account that shares with nobody */
    uint64_t share_pledged[ORACLE_NODES]; /* a share is promised to one that shares with nobody */
    int64_t cpus[ORACLE_NODES];           /* left */
    int64_t memory_mb[ORACLE_NODES];
    uint8_t touched[ORACLE_NODES];      /* something is held, promised or reserved there */
    uint32_t node_guard[ORACLE_NODES];  /* account that holds it with `share: block`; 0: none */
    uint32_t block_guard[ORACLE_NODES]; /* ... that holds something with `share: none` */
    uint8_t node_pledged[ORACLE_NODES]; /* promised to one that shares no node */
    uint8_t block_pledged[ORACLE_NODES];
    uint8_t node_promised[ORACLE_NODES]; /* something is, to whomever */
    uint8_t block_promised[ORACLE_NODES];
    uint64_t share_promised[ORACLE_NODES]; /* a share is: bit */
    int64_t draw_mw[ORACLE_SITES];         /* of IT, now */
    int64_t idle_mw[ORACLE_SITES];         /* of that, with nothing on the nodes */
};

/* ---- what stands in the state ---- */

int oracle_holds(const struct dr_job *job);
int oracle_node_up(const struct dr_core *core, uint32_t node_row);
/* Does its attempt count in claim? */
int oracle_claims(const struct dr_core *core, const struct dr_job *job);
/* Waits for nothing but room, quotas and its turn, without a promise. */
int oracle_waits(const struct dr_core *core, const struct dr_job *job, int64_t now_us);
int64_t oracle_keep(const struct dr_quota *quota);
const struct dr_quota *oracle_quota(const struct dr_core *core, uint32_t account, uint32_t group);
/* One of the ways in which it may run. */
const struct dr_alternative *oracle_way(const struct dr_core *core, const struct dr_job *job,
                                        uint32_t alternative);
/* Amounts of a gang in thousandths and MB. */
void oracle_amounts(const struct dr_core *core, const struct dr_job *job, uint32_t alternative,
                    int64_t amounts[3]);
/* The limit of its next attempt, that way. */
int64_t oracle_limit_us(const struct dr_core *core, const struct dr_job *job, uint32_t alternative);
/* When an attempt is believed to end, not before `now_us`; DR_FOREVER_US: nobody can say. */
int64_t oracle_end_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us);
/* Work that would be lost, POLICY section 3, in accelerator-microseconds. */
int64_t oracle_loss_us(const struct dr_core *core, const struct dr_job *job, int64_t now_us);
/* The child of the lowest common account towards `x`, and towards `y` (the same way round). */
uint32_t oracle_towards(const struct dr_core *core, uint32_t x, uint32_t y);

/* Is it the account `above`, or below it? */
int oracle_within(const struct dr_core *core, uint32_t account, uint32_t above);

/* Does the advance reservation let the account in? Has it the node? */
int oracle_lets_in(const struct dr_core *core, const struct dr_window *window, uint32_t account);
int oracle_has_node(const struct dr_core *core, const struct dr_window *window, uint32_t node_row);
/* Does one that doesn't keep the node from it at some time between two instants? */
int oracle_kept_off(const struct dr_core *core, uint32_t account, uint32_t node_row,
                    int64_t from_us, int64_t until_us);

/* ---- looks ---- */

void oracle_look(struct oracle *look, const struct dr_core *core, struct oracle_thought thought);

/* May it ever run there: chips, site, law, data, consent, saved work, level? */
int oracle_lawful(const struct dr_core *core, const struct dr_job *job, uint32_t alternative,
                  uint32_t pool);
/* Q1 and Q2, and for a job that can't be taken its account's guarantee, with it. */
int oracle_quotas_allow(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                        uint32_t pool);
/* Tasks of it that a node takes now. */
uint32_t oracle_tasks_on(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                         uint32_t node_row);
/* Is there a place for the whole gang, by nodes, classes and the required level? */
int oracle_room(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                uint32_t pool);
/* Caps of the site and its zone, from `from_us` to its limit, as announced. */
int oracle_power_allows(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                        uint32_t pool, int64_t from_us);
/* All of it together. */
int oracle_fits(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                uint32_t pool, int64_t from_us);

/* The place that the rule of core/place.h names: tasks per node row [ORACLE_NODES]. Returns 0 when
 * there is none. */
int oracle_place(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                 uint32_t pool, uint32_t *tasks);
/* Domains of a level (node rows' numbers / size) that the tasks lie in, and the fewest that could
 * hold the gang within what the job requires. */
uint32_t oracle_span(const struct oracle *look, uint32_t pool, uint32_t size,
                     const uint32_t *tasks);
uint32_t oracle_span_least(const struct oracle *look, const struct dr_job *job,
                           uint32_t alternative, uint32_t pool, uint32_t size);

/* Money of a place, POLICY section 4, micro-units. */
double oracle_cost(const struct oracle *look, const struct dr_job *job, uint32_t alternative,
                   uint32_t pool, const uint32_t *tasks, int64_t now_us);

/* How much less the energy of a flexible job with a deadline would cost if it began later, by which
 * it still meets that with a margin, in the pool that would be its cheapest now; over what rounding
 * may feign: about 1 and above, the job waits. 0: it is not one that waits for that. */
double oracle_cheaper_later(const struct dr_core *core, const struct dr_job *job, int64_t now_us);

/* When the job could start at the earliest in a pool if attempts end as believed: the first of
 * their ends after which it fits. `reserved`: what others have reserved is held all the time. */
int64_t oracle_earliest_us(const struct dr_core *core, const struct dr_job *job,
                           uint32_t alternative, uint32_t pool, int64_t now_us, int reserved);

/* Which band order las puts a job into, by the accelerator-hours that it has had. */
int oracle_band(const struct dr_core *core, const struct dr_job *job, int64_t now_us);

/* Key of an account above its guarantee, POLICY section 2. */
double oracle_key_above(const struct oracle *look, uint32_t account);

/* POLICY, section 3, "Fair preemption": attempts `victims` [count] (job ids) have been told to
 * leave for `job`, which has been promised their place. Does the whole set keep the rule for this
 * victim? NULL, or what is wrong: with its keys when everybody stayed and nothing was promised, and
 * now. */
const char *oracle_unfair(const struct dr_core *core, const struct dr_job *job,
                          const uint64_t *victims, uint32_t count, const struct dr_job *victim);

/* Tier and key of an account for a job of its subtree, POLICY section 2: the least, or with `most`
 * the greatest, over the ways and pools that are lawful for it. Returns the tier; 0: no pool is. */
int oracle_key(const struct oracle *look, uint32_t account, const struct dr_job *job, int most,
               double *key);

/* Does `first` surely come before `second`, which waits too: whatever their accounts offer? */
int oracle_comes_before(const struct oracle *look, const struct dr_job *first,
                        const struct dr_job *second, int64_t now_us);

#endif
