/* SPDX-License-Identifier: Apache-2.0 */
/* nation_scene.h: states of a nation and what is measured in them. The rows that each scene fills
 * are listed in bench/nation.c. */
#ifndef DR_BENCH_NATION_SCENE_H
#define DR_BENCH_NATION_SCENE_H

#include "nation_meter.h"

struct scene_options {
    uint32_t accelerators;
    uint64_t seed;
    int64_t row_ns;   /* what one row may take */
    char **arguments; /* of the program, to run it again */
};

/* Play it and report its rows. `scene` is one of the table's. */
void scene_run(const char *scene, const struct scene_options *options);

#endif
