/* SPDX-License-Identifier: Apache-2.0 */
/* docs/api/openapi.yaml against the tables that the code runs by, both ways. */
#include "test.h"

#include <stdlib.h>
#include <yaml.h>

#include "serve/jobspec.h"
#include "serve/routes.h"

static yaml_document_t document;

static const char *const PLACES[] = {"docs/api/openapi.yaml", "../docs/api/openapi.yaml"};

static void open_document(void)
{
    yaml_parser_t parser;
    FILE *file = NULL;

    for (size_t i = 0; i < DR_COUNT_OF(PLACES) && file == NULL; i += 1)
        file = fopen(PLACES[i], "rb");
    CHECK(file != NULL);
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_input_file(&parser, file);
    CHECK(yaml_parser_load(&parser, &document));
    yaml_parser_delete(&parser);
    fclose(file);
}

static const char *scalar(const yaml_node_t *node)
{
    CHECK(node != NULL);
    CHECK_EQ(node->type, YAML_SCALAR_NODE);
    return (const char *)node->data.scalar.value;
}

static yaml_node_t *key_of(const yaml_node_pair_t *pair)
{
    return yaml_document_get_node(&document, pair->key);
}

static yaml_node_t *value_of(const yaml_node_pair_t *pair)
{
    return yaml_document_get_node(&document, pair->value);
}

/* The member of a mapping; NULL: none. */
static yaml_node_t *member(const yaml_node_t *mapping, const char *name)
{
    CHECK(mapping != NULL);
    CHECK_EQ(mapping->type, YAML_MAPPING_NODE);
    for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair += 1) {
        if (strcmp(scalar(key_of(pair)), name) == 0)
            return value_of(pair);
    }
    return NULL;
}

static size_t members(const yaml_node_t *mapping)
{
    return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

static size_t words(const char *list)
{
    size_t count = 0;

    for (const char *at = list; *at != 0; at += 1)
        count += *at != ' ' && (at == list || at[-1] == ' ');
    return count;
}

static int has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; (at = strstr(at, word)) != NULL; at += 1) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return 1;
    }
    return 0;
}

static void check_statuses(const struct dr_route *route, const yaml_node_t *responses)
{
    const char *any = route->open ? DR_ROUTE_STATUSES_OPEN : DR_ROUTE_STATUSES;

    for (yaml_node_pair_t *pair = responses->data.mapping.pairs.start;
         pair < responses->data.mapping.pairs.top; pair += 1) {
        const char *status = scalar(key_of(pair));

        if (!has_word(any, status) && !has_word(route->statuses, status))
            fail_msg("%s %s: the page has status %s, the table has not", route->method,
                     route->pattern, status);
    }
    if (members(responses) != words(any) + words(route->statuses))
        fail_msg("%s %s: the table has more statuses than the page", route->method, route->pattern);
}

static void check_parameters(const struct dr_route *route, const yaml_node_t *parameters)
{
    size_t count = 0;

    if (parameters == NULL) {
        CHECK_EQ(words(route->parameters), 0);
        return;
    }
    for (yaml_node_item_t *item = parameters->data.sequence.items.start;
         item < parameters->data.sequence.items.top; item += 1) {
        const yaml_node_t *parameter = yaml_document_get_node(&document, *item);
        const char *name = scalar(member(parameter, "name"));
        const char *in = scalar(member(parameter, "in"));
        char mark[80];

        snprintf(mark, sizeof mark, "{%s}", name);
        if (strcmp(in, "query") == 0) {
            if (!has_word(route->parameters, name))
                fail_msg("%s %s: the page has parameter %s, the table has not", route->method,
                         route->pattern, name);
            count += 1;
        } else if (strcmp(in, "path") == 0) {
            CHECK_HAS(route->pattern, mark);
        } else {
            CHECK_TEXT(in, "header");
        }
    }
    if (count != words(route->parameters))
        fail_msg("%s %s: the table has more parameters than the page", route->method,
                 route->pattern);
}

TEST(every_route_is_on_the_page_and_back)
{
    uint32_t count;
    const struct dr_route *routes = dr_routes(&count);
    yaml_node_t *paths;
    size_t operations = 0;

    open_document();
    paths = member(yaml_document_get_root_node(&document), "paths");
    for (uint32_t i = 0; i < count; i += 1) {
        char method[16];
        yaml_node_t *path = member(paths, routes[i].pattern);
        yaml_node_t *operation;

        snprintf(method, sizeof method, "%s", routes[i].method);
        for (char *c = method; *c != 0; c += 1)
            *c = (char)(*c | 0x20);
        operation = path == NULL ? NULL : member(path, method);
        if (operation == NULL)
            fail_msg("%s %s is not on the page", routes[i].method, routes[i].pattern);
        CHECK_TEXT(scalar(member(operation, "summary")), routes[i].doc);
        CHECK_TEXT(scalar(member(operation, "x-least-role")), dr_role_name(routes[i].least));
        CHECK_EQ(member(operation, "security") != NULL, routes[i].open);
        check_parameters(&routes[i], member(operation, "parameters"));
        check_statuses(&routes[i], member(operation, "responses"));
    }
    for (yaml_node_pair_t *pair = paths->data.mapping.pairs.start;
         pair < paths->data.mapping.pairs.top; pair += 1)
        operations += members(value_of(pair));
    CHECK_EQ(operations, count);
    yaml_document_delete(&document);
}

TEST(every_member_of_a_job_is_on_the_page_and_back)
{
    static const char *const FIELDS[] = {
#define NAME_OF(name, expected, meaning) #name,
        DR_JOB_FIELDS(NAME_OF)
#undef NAME_OF
    };
    static const char *const OF_ALTERNATIVES[] = {
#define NAME_OF(name) #name,
        DR_ALTERNATIVE_FIELDS(NAME_OF)
#undef NAME_OF
    };
    yaml_node_t *schemas;
    yaml_node_t *job;
    yaml_node_t *alternative;

    open_document();
    schemas = member(member(yaml_document_get_root_node(&document), "components"), "schemas");
    job = member(member(schemas, "JobSpec"), "properties");
    alternative = member(member(schemas, "Alternative"), "properties");
    for (size_t i = 0; i < DR_COUNT_OF(FIELDS); i += 1) {
        if (member(job, FIELDS[i]) == NULL)
            fail_msg("member %s of a job is not on the page", FIELDS[i]);
        /* the reader looks them up by bisection */
        CHECK(i == 0 || strcmp(FIELDS[i - 1], FIELDS[i]) < 0);
    }
    CHECK_EQ(members(job), DR_COUNT_OF(FIELDS));
    for (size_t i = 0; i < DR_COUNT_OF(OF_ALTERNATIVES); i += 1)
        CHECK(member(alternative, OF_ALTERNATIVES[i]) != NULL);
    CHECK_EQ(members(alternative), DR_COUNT_OF(OF_ALTERNATIVES));
    yaml_document_delete(&document);
}
