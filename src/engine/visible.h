/* SPDX-License-Identifier: Apache-2.0 */
/* visible.h: how each vendor's software is told which accelerators it may use.
 *
 * DAERO_VISIBLE_DEVICES is always set, for every vendor and for virtual accelerators too. A vendor
 * that is not in the table gets that one alone. */
#ifndef DR_ENGINE_VISIBLE_H
#define DR_ENGINE_VISIBLE_H

/* vendor as the federation file spells it, variable */
#define DR_VISIBLE_VARIABLES(X)         \
    X("nvidia", "CUDA_VISIBLE_DEVICES") \
    X("amd", "ROCR_VISIBLE_DEVICES")    \
    X("amd", "HIP_VISIBLE_DEVICES")     \
    X("intel", "ZE_AFFINITY_MASK")

#endif
