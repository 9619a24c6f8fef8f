/* SPDX-License-Identifier: Apache-2.0 */
/* breakage.h: what a place takes from those who come later (POLICY, section 4). For the files of
 * placement alone.
 *
 * A node's free accelerators are of use to a task of the recent mix (core/mix.h) only if it has the
 * CPUs for it, and enough accelerators that are free in the part that the task asks for: of a task
 * that asks for whole ones all that are wholly free, of a share all that are free or have so much
 * left. Summed up over the mix, by how often each like comes, that is what a node is worth:
 *
 *     worth(node) = sum over likes of p x (accelerators that are of use to one)
 *
 * where p is how often the like comes, times all accelerators over those of chips that it takes:
 * who can go to few places needs them more.
 *
 * and a place breaks by how much it lowers it, beyond what it takes itself. This is the rise of F
 * of Q. Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
 * Gradient Descent", USENIX ATC 2023, section 4, whose F is what is free less what it is worth.
 * Where we differ: the mix is what was asked for lately, not known beforehand; CPUs are looked up
 * in 64ths of a node's and shares in 40ths; memory is left out (as in the authors' program); and
 * gangs count where they live: what is whole in a block is of use to a gang that fits in the block
 * only if enough nodes are, and so in the pool.
 *
 * A worth is a few look-ups in tables, one set for all pools of the same chip, node and block,
 * filled anew after a tick, once a place is looked for there. An index (I8). */
#ifndef DR_CORE_BREAKAGE_H
#define DR_CORE_BREAKAGE_H

#include "core/mix.h"
#include "core/space.h"

#define DR_BREAKAGE_CPUS   256 /* steps */
#define DR_BREAKAGE_SHARES (1000 / DR_MIX_SHARE_STEP)
#define DR_BREAKAGE_BLOCK  64        /* nodes of a block that are looked at one by one */
#define DR_BREAKAGE_ONE    (1 << 20) /* all of the mix */
#define DR_BREAKAGE_SCARCE 16        /* no like counts more than so many times for its few chips */

struct dr_breakage {
    /* whose */
    dr_chip_id chip;
    uint32_t accelerators;
    uint32_t cpus;
    uint32_t block;     /* nodes, at most DR_BREAKAGE_BLOCK; 0: none */
    uint8_t filled;     /* the tables are those of the mix */
    uint8_t any_shares; /* `shares` is not all 0 */
    /* tables */
    uint64_t step; /* CPU steps of a thousandth of a CPU, in 2^-48: exact for all that a node has */
    uint32_t *whole; /* [accelerators + 1][CPUS + 1] of the mix: so many whole ones do, with CPUs */
    uint32_t *shares;                 /* [SHARES + 1][CPUS + 1] the same for so much left */
    uint32_t *blocks;                 /* [block + 1] gangs of so many whole nodes or fewer */
    uint32_t pools[DR_POOL_LOGS + 1]; /* larger ones, of 2^k whole nodes or fewer */
    int64_t price_micro; /* of an accelerator, for as long as a job holds it on average */
};

/* What is left of a node. */
struct dr_node_left {
    uint32_t free; /* accelerators, wholly */
    uint32_t open; /* shared ones */
    int64_t cpus;
    uint16_t left[DR_ACCELERATORS_MAX]; /* [open] thousandths */
};

/* The tables of a pool, empty; NULL: it has no accelerators. From places->arena. */
struct dr_breakage *dr_breakage_of(const struct dr_core *core, uint32_t pool_row);

/* The mix has changed: tables are filled by it when they are needed next. */
void dr_breakage_turn(const struct dr_core *core);

/* Fill a pool's tables by the mix as of the last turn, unless they are. There is a mix. */
void dr_breakage_fill(const struct dr_core *core, struct dr_breakage *breakage);

/* In thousandths of accelerators times DR_BREAKAGE_ONE. */
int64_t dr_breakage_worth(const struct dr_breakage *breakage, const struct dr_node_left *left);

/* What a block of `block_whole` whole nodes, in a pool of `pool_whole`, loses with one of them. */
int64_t dr_breakage_of_node(const struct dr_breakage *breakage, uint32_t block_whole,
                            uint32_t pool_whole);

#endif
