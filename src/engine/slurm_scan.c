/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_scan.h"

#include <string.h>

#include "base/assert.h"

#define NAMES_MAX 16
#define DEPTH_MAX 64

struct cursor {
    const char *at;
    const char *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at += 1;
}

static int take(struct cursor *c, char expected)
{
    skip_space(c);
    if (c->at == c->end || *c->at != expected)
        return 0;
    c->at += 1;
    return 1;
}

static int skip_string(struct cursor *c, struct dr_slurm_raw *raw)
{
    skip_space(c);
    if (c->at == c->end || *c->at != '"')
        return 0;
    raw->text = c->at;
    c->at += 1;
    while (c->at < c->end) {
        const char *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
        const char *back = quote;

        if (quote == NULL)
            return 0;
        while (back > c->at && back[-1] == '\\')
            back -= 1;
        c->at = quote + 1;
        if ((quote - back) % 2 == 0) {
            raw->bytes = (size_t)(c->at - raw->text);
            return 1;
        }
    }
    return 0;
}

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '+' || c == '.';
}

/* Any value. Brackets have to match in kind, commas and colons between are left to who parses it.
 */
static int skip_value(struct cursor *c, struct dr_slurm_raw *raw)
{
    char closing[DEPTH_MAX];
    uint32_t depth = 0;
    struct dr_slurm_raw unused;

    skip_space(c);
    raw->text = c->at;
    if (c->at < c->end && *c->at == '"')
        return skip_string(c, raw);
    if (c->at < c->end && is_word(*c->at)) {
        while (c->at < c->end && is_word(*c->at))
            c->at += 1;
        raw->bytes = (size_t)(c->at - raw->text);
        return 1;
    }
    do {
        if (c->at == c->end)
            return 0;
        switch (*c->at) {
        case '{':
        case '[':
            if (depth == DEPTH_MAX)
                return 0;
            closing[depth] = *c->at == '{' ? '}' : ']';
            depth += 1;
            c->at += 1;
            break;
        case '}':
        case ']':
            if (depth == 0 || closing[depth - 1] != *c->at)
                return 0;
            depth -= 1;
            c->at += 1;
            break;
        case '"':
            if (depth == 0 || !skip_string(c, &unused))
                return 0;
            break;
        default:
            if (depth == 0 || (!is_word(*c->at) && memchr(" \n\t\r,:", *c->at, 6) == NULL))
                return 0;
            c->at += 1;
            break;
        }
    } while (depth > 0);
    raw->bytes = (size_t)(c->at - raw->text);
    return 1;
}

static int raw_is_name(const struct dr_slurm_raw *raw, const char *name)
{
    size_t length = strlen(name);

    return raw->bytes == length + 2 && memcmp(raw->text + 1, name, length) == 0;
}

int dr_slurm_raw_is(const struct dr_slurm_raw *raw, const char *text)
{
    return raw->text != NULL && raw->bytes >= 2 && raw->text[0] == '"' && raw_is_name(raw, text);
}

int dr_slurm_raw_number(const struct dr_slurm_raw *raw, int64_t *value)
{
    uint64_t number = 0;
    size_t i = 0;
    int negative;

    if (raw->text == NULL || raw->bytes == 0 || raw->bytes > 18)
        return 0;
    negative = raw->text[0] == '-';
    for (i = (size_t)negative; i < raw->bytes; i += 1) {
        if (raw->text[i] < '0' || raw->text[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(raw->text[i] - '0');
    }
    *value = negative ? -(int64_t)number : (int64_t)number;
    return raw->bytes > (size_t)negative;
}

/* One object with its own members. */
static int scan_object(struct cursor *c, const char *const *names, uint32_t names_count,
                       struct dr_slurm_object *object)
{
    struct dr_slurm_raw name, value;

    memset(object->members, 0, names_count * sizeof *object->members);
    skip_space(c);
    object->whole.text = c->at;
    if (!take(c, '{'))
        return 0;
    skip_space(c);
    if (!take(c, '}'))
        for (;;) {
            if (!skip_string(c, &name) || !take(c, ':') || !skip_value(c, &value))
                return 0;
            for (uint32_t i = 0; i < names_count; i += 1)
                if (raw_is_name(&name, names[i]))
                    object->members[i] = value;
            if (take(c, '}'))
                break;
            if (!take(c, ','))
                return 0;
        }
    object->whole.bytes = (size_t)(c->at - object->whole.text);
    return 1;
}

int64_t dr_slurm_scan(const char *text, size_t bytes, const char *array, const char *const *names,
                      uint32_t names_count,
                      int (*each)(void *context, const struct dr_slurm_object *object),
                      void *context)
{
    struct cursor c = {.at = text, .end = text + bytes};
    struct dr_slurm_raw members[NAMES_MAX], name, value;
    struct dr_slurm_object object = {.members = members};
    int64_t count = -1;

    DR_ASSERT(names_count <= NAMES_MAX);
    if (!take(&c, '{'))
        return -1;
    for (;;) {
        if (!skip_string(&c, &name) || !take(&c, ':'))
            return -1;
        if (!raw_is_name(&name, array)) {
            if (!skip_value(&c, &value))
                return -1;
        } else {
            if (count >= 0 || !take(&c, '['))
                return -1;
            count = 0;
            while (!take(&c, ']')) {
                if ((count > 0 && !take(&c, ',')) || !scan_object(&c, names, names_count, &object))
                    return -1;
                count += 1;
                if (each != NULL && each(context, &object) != 0)
                    return -1;
            }
        }
        if (take(&c, '}'))
            break;
        if (!take(&c, ','))
            return -1;
    }
    skip_space(&c);
    return c.at == c.end ? count : -1;
}
