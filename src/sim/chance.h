/* SPDX-License-Identifier: Apache-2.0 */
/* chance.h: numbers drawn by chance, the same on every machine: integers and fixed point alone. */
#ifndef DR_SIM_CHANCE_H
#define DR_SIM_CHANCE_H

#include <stdint.h>

struct dr_chance {
    uint64_t state;
};

struct dr_chance dr_chance_of(uint64_t seed);

/* Evenly: 64 bits; from 0 to below - 1. */
uint64_t dr_chance_bits(struct dr_chance *chance);
uint64_t dr_chance_below(struct dr_chance *chance, uint64_t below);
/* 1 with so many millionths. */
int dr_chance_millionths(struct dr_chance *chance, uint32_t millionths);

/* Exponential with that mean, up to 44 times of it. */
int64_t dr_chance_exponential(struct dr_chance *chance, int64_t mean);
/* Lognormal: median, and the standard deviation of the logarithm in thousandths, up to 4000. The
 * normal is a sum of twelve even draws, so that it ends at six standard deviations. */
int64_t dr_chance_lognormal(struct dr_chance *chance, int64_t median, uint32_t sigma_milli);

/* ---- the pieces, for tests ---- */

/* 2^(x / 2^32) times 2^32, for x from -31 to 30 times 2^32. */
uint64_t dr_chance_exp2(int64_t x);
/* log2(x / 2^32) times 2^32, for x from 1. */
int64_t dr_chance_log2(uint64_t x);

#endif
