/* SPDX-License-Identifier: Apache-2.0 */
/* discover.h: which accelerators this machine has.
 *
 * NVIDIA's are found through NVML, which comes with the driver and is opened at run time: where it
 * is not there, there are none. Others' are declared in the federation file. */
#ifndef DR_ENGINE_DISCOVER_H
#define DR_ENGINE_DISCOVER_H

#include <stdint.h>

#include "base/status.h"

struct dr_device {
    char vendor[16]; /* as in engine/visible.h */
    char name[96];   /* the maker's: "NVIDIA H200" */
    char id[96];     /* what the visible-devices variable takes: "GPU-8f6c..." */
    char node[32]; /* what a process opens to use it: "/dev/nvidia0"; "": the driver doesn't say */
    int64_t memory_mb;
};

/* List them in the driver's order.
 *
 * library      NULL: "libnvidia-ml.so.1".
 * devices      [devices_max]; `*devices_count` of them are filled.
 *
 * DR_OK             0 devices is an answer too.
 * DR_E_MISSING      no driver here: `error` says what was looked for.
 * DR_E_UNSUPPORTED  the library lacks a call that is needed.
 * DR_E_IO           the driver refuses to answer: `error` has its words. */
DR_MUST_USE enum dr_status dr_discover(const char *library, struct dr_device *devices,
                                       uint32_t devices_max, uint32_t *devices_count,
                                       struct dr_error *error);

#endif
