/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h: a YAML document as a tree of nodes with their lines, in an arena.
 *
 * Made by libyaml's events. What could make a small file large or a walk endless is refused here:
 * depth, the number of nodes with every alias written out, aliases to something that holds them,
 * merge keys. */
#ifndef DR_FEDERATION_YAML_H
#define DR_FEDERATION_YAML_H

#include "base/arena.h"
#include "federation/federation.h"

#define DR_YAML_DEPTH_MAX   32
#define DR_YAML_NODES_MAX   1000000 /* with aliases written out */
#define DR_YAML_ANCHORS_MAX 1000

enum dr_yaml_kind { DR_YAML_SCALAR, DR_YAML_LIST, DR_YAML_MAP };

struct dr_yaml_node {
    enum dr_yaml_kind kind;
    uint8_t plain; /* a scalar without quotes: `~` is nothing, "~" is a text */
    uint32_t line;
    uint32_t count;                   /* of children */
    uint32_t nodes;                   /* in it, itself and aliases written out */
    const char *text;                 /* of a scalar, 0-terminated, no 0 within */
    const struct dr_yaml_node *key;   /* of a map's child: a scalar */
    const struct dr_yaml_node *first; /* child */
    const struct dr_yaml_node *next;  /* neighbour */
};

/* The one document of a file; NULL with one error added. Aliases share the children of what they
 * name. */
const struct dr_yaml_node *dr_yaml_read(struct dr_arena *arena, const char *file, const char *yaml,
                                        size_t bytes, struct dr_error_list *errors);

/* Nothing stands there: `key:`, `key: ~`, `key: null`. */
int dr_yaml_null(const struct dr_yaml_node *node);

/* The first child of a map with this key; NULL. */
const struct dr_yaml_node *dr_yaml_get(const struct dr_yaml_node *map, const char *key);

#endif
