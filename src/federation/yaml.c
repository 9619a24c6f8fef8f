/* SPDX-License-Identifier: Apache-2.0 */
#include "federation/yaml.h"

#include <yaml.h>

#include "base/assert.h"
#include "federation/file.h"

struct anchor {
    const char *name;
    const struct dr_yaml_node *node;
};

struct frame {
    struct dr_yaml_node *node;
    struct dr_yaml_node *last; /* child */
    struct dr_yaml_node *key;  /* read, its value not yet */
};

struct builder {
    struct dr_arena *arena;
    const char *file;
    struct dr_error_list *errors;
    struct frame stack[DR_YAML_DEPTH_MAX];
    uint32_t depth;
    struct dr_yaml_node *root;
    struct anchor anchors[DR_YAML_ANCHORS_MAX];
    uint32_t anchors_count;
    uint32_t documents;
    uint64_t nodes;
};

static int refuse(struct builder *builder, uint32_t line, const char *found, const char *expected)
{
    dr_error_list_add(builder->errors, builder->file, line, "", found, "%s", expected);
    return 0;
}

static const char *copy_text(struct dr_arena *arena, const void *text, size_t bytes)
{
    char *copy = dr_arena_push(arena, bytes + 1, 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

/* Hang a finished or just opened node into what is open. */
static int attach(struct builder *builder, struct dr_yaml_node *node)
{
    struct frame *frame;

    if (builder->depth == 0) {
        builder->root = node;
        return 1;
    }
    frame = &builder->stack[builder->depth - 1];
    if (frame->node->kind == DR_YAML_MAP && frame->key == NULL) {
        if (node->kind != DR_YAML_SCALAR)
            return refuse(builder, node->line, dr_yaml_found(node), "a name as key");
        if (node->plain && strcmp(node->text, "<<") == 0)
            return refuse(builder, node->line, "<<",
                          "each key written out: merge keys are not read (aliases are)");
        frame->key = node;
        return 1;
    }
    node->key = frame->key;
    frame->key = NULL;
    if (frame->last == NULL)
        frame->node->first = node;
    else
        frame->last->next = node;
    frame->last = node;
    frame->node->count += 1;
    return 1;
}

static int remember(struct builder *builder, const yaml_char_t *name, struct dr_yaml_node *node)
{
    struct anchor *anchor;

    if (name == NULL)
        return 1;
    if (builder->anchors_count == DR_YAML_ANCHORS_MAX)
        return refuse(builder, node->line, (const char *)name, "at most 1000 anchors in a file");
    anchor = &builder->anchors[builder->anchors_count];
    anchor->name = copy_text(builder->arena, name, strlen((const char *)name));
    anchor->node = node;
    builder->anchors_count += 1;
    return anchor->name != NULL ? 1 : refuse(builder, node->line, "", "a smaller file");
}

/* Every node that a walk would meet is counted, so that nested aliases can't multiply it. */
static int count_nodes(struct builder *builder, uint32_t line, uint64_t nodes)
{
    builder->nodes += nodes;
    if (builder->nodes > DR_YAML_NODES_MAX)
        return refuse(builder, line, "",
                      "at most 1000000 values in a file, with every alias written out");
    return 1;
}

static struct dr_yaml_node *new_node(struct builder *builder, enum dr_yaml_kind kind, uint32_t line)
{
    struct dr_yaml_node *node = dr_arena_push(builder->arena, 1, sizeof *node);

    if (node == NULL) {
        refuse(builder, line, "", "a smaller file");
        return NULL;
    }
    *node = (struct dr_yaml_node){.kind = kind, .line = line, .nodes = 1};
    return count_nodes(builder, line, 1) ? node : NULL;
}

static int on_scalar(struct builder *builder, const yaml_event_t *event, uint32_t line)
{
    struct dr_yaml_node *node = new_node(builder, DR_YAML_SCALAR, line);

    if (node == NULL)
        return 0;
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL)
        return refuse(builder, line, "a zero byte", "text");
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = copy_text(builder->arena, event->data.scalar.value, event->data.scalar.length);
    if (node->text == NULL)
        return refuse(builder, line, "", "a smaller file");
    return remember(builder, event->data.scalar.anchor, node) && attach(builder, node);
}

static int on_start(struct builder *builder, enum dr_yaml_kind kind, const yaml_char_t *anchor,
                    uint32_t line)
{
    struct dr_yaml_node *node = new_node(builder, kind, line);

    if (node == NULL)
        return 0;
    if (builder->depth == DR_YAML_DEPTH_MAX)
        return refuse(builder, line, "", "at most 32 levels of lists and maps in one another");
    /* Remembered with no nodes until it is whole: an alias to what is still open is refused by
     * that. */
    node->nodes = 0;
    if (!remember(builder, anchor, node) || !attach(builder, node))
        return 0;
    builder->stack[builder->depth] = (struct frame){.node = node};
    builder->depth += 1;
    return 1;
}

static int on_end(struct builder *builder)
{
    struct frame *frame;

    DR_ASSERT(builder->depth > 0);
    frame = &builder->stack[builder->depth - 1];
    frame->node->nodes = 1;
    for (const struct dr_yaml_node *child = frame->node->first; child != NULL; child = child->next)
        frame->node->nodes += child->nodes + (child->key != NULL ? 1 : 0);
    builder->depth -= 1;
    return 1;
}

static int on_alias(struct builder *builder, const yaml_event_t *event, uint32_t line)
{
    const char *name = (const char *)event->data.alias.anchor;

    /* The latest of a name counts, as YAML says. */
    for (uint32_t i = builder->anchors_count; i > 0; i -= 1) {
        const struct dr_yaml_node *target = builder->anchors[i - 1].node;
        struct dr_yaml_node *node;

        if (strcmp(builder->anchors[i - 1].name, name) != 0)
            continue;
        if (target->nodes == 0)
            return refuse(builder, line, name, "an alias to something that does not hold it");
        node = dr_arena_push(builder->arena, 1, sizeof *node);
        if (node == NULL)
            return refuse(builder, line, "", "a smaller file");
        *node = *target;
        node->line = line;
        node->key = NULL;
        node->next = NULL;
        return count_nodes(builder, line, target->nodes) && attach(builder, node);
    }
    return refuse(builder, line, name, "an alias to an anchor that stands above it");
}

/* 1: go on; 0: refused. */
static int on_event(struct builder *builder, const yaml_event_t *event)
{
    uint32_t line = (uint32_t)event->start_mark.line + 1;

    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return 1;
    case YAML_DOCUMENT_START_EVENT:
        builder->documents += 1;
        if (builder->documents > 1)
            return refuse(builder, line, "---", "one document in a file");
        return 1;
    case YAML_SCALAR_EVENT:
        return on_scalar(builder, event, line);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(builder, DR_YAML_LIST, event->data.sequence_start.anchor, line);
    case YAML_MAPPING_START_EVENT:
        return on_start(builder, DR_YAML_MAP, event->data.mapping_start.anchor, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(builder);
    case YAML_ALIAS_EVENT:
        return on_alias(builder, event, line);
    }
    return 1;
}

static void refuse_syntax(struct builder *builder, const yaml_parser_t *parser, const char *yaml,
                          size_t bytes)
{
    uint32_t line = (uint32_t)parser->problem_mark.line + 1;
    char expected[300];

    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < bytes; i += 1)
            line += yaml[i] == '\n';
    }
    snprintf(expected, sizeof expected, "valid YAML: %s%s%s",
             parser->context == NULL ? "" : parser->context, parser->context == NULL ? "" : ", ",
             parser->problem == NULL ? "it can't be read" : parser->problem);
    refuse(builder, line, "", expected);
}

const struct dr_yaml_node *dr_yaml_read(struct dr_arena *arena, const char *file, const char *yaml,
                                        size_t bytes, struct dr_error_list *errors)
{
    struct builder *builder = dr_arena_push(arena, 1, sizeof *builder);
    yaml_parser_t parser;
    yaml_event_t event;
    int ok = 1;
    int ended = 0;

    if (builder == NULL) {
        dr_error_list_add(errors, file, 0, "", "", "a smaller file");
        return NULL;
    }
    *builder = (struct builder){.arena = arena, .file = file, .errors = errors};
    if (!yaml_parser_initialize(&parser)) {
        dr_error_list_add(errors, file, 0, "", "", "memory for the YAML parser");
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, bytes);
    while (ok && !ended) {
        if (!yaml_parser_parse(&parser, &event)) {
            refuse_syntax(builder, &parser, yaml, bytes);
            ok = 0;
            break;
        }
        ok = on_event(builder, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (ok && builder->root == NULL)
        ok = refuse(builder, 1, "nothing",
                    "a federation: the keys federation, chips, sites, accounts, users");
    return ok ? builder->root : NULL;
}

int dr_yaml_null(const struct dr_yaml_node *node)
{
    return node->kind == DR_YAML_SCALAR && node->plain &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const struct dr_yaml_node *dr_yaml_get(const struct dr_yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != DR_YAML_MAP)
        return NULL;
    for (const struct dr_yaml_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key->text, key) == 0)
            return child;
    }
    return NULL;
}
