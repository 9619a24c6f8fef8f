/* SPDX-License-Identifier: Apache-2.0 */
/* curtail.h: meeting a lower power cap before it begins (POLICY, section 7).
 *
 * Starts wait by themselves: core/power.h counts them into what is announced. What runs on and is
 * flexible is taken, of all flexible attempts of the site or zone those of least loss per watt, no
 * more than needed: what is not needed is given back, dearest first. Each is told so early that its
 * grace is over before the cap begins; until then it may still be another's turn. Where a cap is
 * passed already, by one that was announced late or by nodes that came back, they are told at once.
 * Nobody is taken who has not run minimum_run.
 *
 * What can't be met so is said: a fact, POWER_SHORT, with the watts missing, when it is found, when
 * it grows, and when it is over. */
#ifndef DR_CORE_CURTAIL_H
#define DR_CORE_CURTAIL_H

#include "core/decide.h"

/* Before the walk. May mark the decision full. */
void dr_curtail(struct dr_decision *decision);

/* After it: who was told to leave, or lost a promise, may make room for nodes that are off, or
 * leave some to be switched off. Has that changed anything? */
int dr_curtail_again(struct dr_decision *decision);

/* At the end: say what can't be met. */
void dr_curtail_say(struct dr_decision *decision);

/* The time at which it has something to do next. */
int64_t dr_curtail_next_us(const struct dr_core *core);

#endif
