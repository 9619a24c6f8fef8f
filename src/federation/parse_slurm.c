/* SPDX-License-Identifier: Apache-2.0 */
/* The Slurm cluster of a site: how it is reached, and what it calls a pool's nodes. */
#include <arpa/inet.h>

#include "base/math.h"
#include "base/words.h"
#include "federation/reader.h"

/* What a unix socket's address holds, with its end. */
#define SOCKET_BYTES_MAX 107

static int printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p += 1)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return 0;
    return 1;
}

static int absolute_path(const char *text)
{
    return text[0] == '/' && text[1] != '\0' && printable(text);
}

/* The engine looks no names up: that would wait. */
static int address(const char *text, size_t bytes)
{
    struct in_addr number;
    char host[64];

    if (bytes >= sizeof host)
        return 0;
    memcpy(host, text, bytes);
    host[bytes] = '\0';
    return strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &number) == 1;
}

/* "ADDRESS:PORT", with nothing behind it but "/". */
static int address_and_port(const char *text)
{
    size_t host = strcspn(text, ":/");
    const char *port = text + host + 1;
    size_t digits;
    char number[8];
    int64_t value;

    if (text[0] == '[') { /* an IPv6 address */
        host = strcspn(text, "]");
        if (host < 3 || text[host] != ']' ||
            strspn(text + 1, "0123456789abcdefABCDEF:.") != host - 1)
            return 0;
        host += 1;
        port = text + host + 1;
    } else if (!address(text, host)) {
        return 0;
    }
    if (text[host] != ':')
        return 0;
    digits = strspn(port, "0123456789");
    if (digits == 0 || digits > 5 || (port[digits] != '\0' && strcmp(port + digits, "/") != 0))
        return 0;
    memcpy(number, port, digits);
    number[digits] = '\0';
    return dr_parse_i64(number, 1, 65535, &value);
}

static int url_valid(const char *text)
{
    if (strncmp(text, "unix:", 5) == 0)
        return absolute_path(text + 5) && strlen(text + 5) <= SOCKET_BYTES_MAX;
    return strncmp(text, "http://", 7) == 0 && address_and_port(text + 7);
}

static int user_valid(const char *text)
{
    return text[0] != '\0' && text[0] != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               strlen(text);
}

/* One text, judged by `valid`; what is wrong or missing leaves it NULL. */
static void read_note(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                      int needed, int (*valid)(const char *text), const char *expected,
                      const char **note)
{
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, needed, expected);
    char *copy;

    if (node == NULL)
        return;
    if (strlen(node->text) >= DR_NOTE_BYTES || !valid(node->text)) {
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
        return;
    }
    copy = dr_fed_push(&reader->federation->arena, strlen(node->text) + 1, 1);
    if (copy == NULL) {
        dr_fed_wrong(reader, node->line, key, "", "a smaller file");
        return;
    }
    memcpy(copy, node->text, strlen(node->text) + 1);
    *note = copy;
}

/* What is put in for what follows a '%' (serve/log_command.h). */
#define PLACEHOLDERS "puoj%"

/* What is wrong with a word of a log command; NULL: nothing. `seen`: the placeholders in it. */
static const char *word_wrong(const char *word, uint32_t place, unsigned *seen)
{
    if (word[0] == '\0' || !printable(word))
        return "a word without control characters";
    if (place == 0)
        return strchr(word, '%') == NULL ? NULL : "a program, without %";
    for (const char *at = strchr(word, '%'); at != NULL; at = strchr(at + 2, '%')) {
        if (at[1] == '\0' || strchr(PLACEHOLDERS, at[1]) == NULL)
            return "%p (the file's path), %u (the job's user), %o (its first byte that is wanted, "
                   "from 1), %j (the job) or %%";
        *seen |= (at[1] == 'p' ? 1u : 0) | (at[1] == 'o' ? 2u : 0);
    }
    return NULL;
}

/* A list of words, which are run as they are: no shell takes them apart. */
static void read_log_command(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                             const char **note)
{
    static const char LIST[] = "a list of words that are run as they are, without a shell: "
                               "[ssh, HOST, sudo, -u, \"%u\", tail, -c, \"+%o\", \"%p\"]";
    const struct dr_yaml_node *node = dr_yaml_get(map, "log_command");
    char *words;
    uint32_t count = 0;
    uint32_t wrong = 0;
    unsigned seen = 0;
    size_t length;

    if (node == NULL || dr_yaml_null(node))
        return;
    if (node->kind != DR_YAML_LIST || node->first == NULL) {
        dr_fed_wrong(reader, node->line, "log_command", dr_yaml_found(node), "%s", LIST);
        return;
    }
    words = dr_fed_push(&reader->federation->arena, DR_NOTE_BYTES, 1);
    if (words == NULL) {
        dr_fed_wrong(reader, node->line, "log_command", "", "a smaller file");
        return;
    }
    words[0] = '\0';
    length = dr_fed_enter(reader, "log_command");
    for (const struct dr_yaml_node *item = node->first; item != NULL; item = item->next) {
        size_t outer = dr_fed_enter_item(reader, count);
        const char *expected = item->kind != DR_YAML_SCALAR || dr_yaml_null(item)
                                   ? "a word"
                                   : word_wrong(item->text, count, &seen);

        if (expected == NULL && !dr_words_add(words, DR_NOTE_BYTES, item->text))
            expected = "words of 255 bytes in all, at most";
        if (expected != NULL)
            dr_fed_wrong(reader, item->line, NULL, dr_yaml_found(item), "%s", expected);
        wrong += expected != NULL;
        count += 1;
        dr_fed_leave(reader, outer);
    }
    dr_fed_leave(reader, length);
    if (wrong == 0 && seen != 3)
        dr_fed_wrong(reader, node->line, "log_command", words,
                     "a word with %s: without it the command can't know %s", seen & 1 ? "%o" : "%p",
                     seen & 1 ? "from which byte on it is asked" : "which file is meant");
    else if (wrong == 0)
        *note = words;
}

void dr_fed_read_slurm(struct dr_fed_reader *reader, const struct dr_yaml_node *site,
                       struct dr_fact_site_set *set)
{
    static const char *const placements[] = {"exact", "count"};
    const struct dr_yaml_node *map = dr_yaml_get(site, "slurm");
    size_t length;

    if (set->engine != DR_ENGINE_SLURM) {
        if (map != NULL)
            dr_fed_wrong(reader, map->line, "slurm", dr_yaml_found(map),
                         "`engine: slurm` beside it: what is said here is of that engine");
        return;
    }
    if (map == NULL) {
        dr_fed_wrong(reader, reader->line, "slurm", "nothing",
                     "how the cluster is reached: {url: \"http://ADDRESS:PORT\", key: /PATH}");
        return;
    }
    length = dr_fed_enter(reader, "slurm");
    if (dr_fed_check_map(reader, map, "slurm") && !dr_yaml_null(map)) {
        set->slurm_user = "root";
        read_note(
            reader, map, "url", DR_FED_NEEDED, url_valid,
            "where the site's slurmrestd listens: http://ADDRESS:PORT with a number or localhost "
            "(names are not looked up), or unix:/PATH of at most 107 bytes",
            &set->slurm_url);
        read_note(reader, map, "key", DR_FED_NEEDED, absolute_path,
                  "the path from / of the file with the key that signs the site's tokens, at most "
                  "255 bytes",
                  &set->slurm_key);
        read_note(reader, map, "user", DR_FED_OPTIONAL, user_valid,
                  "the name of a Unix user of the cluster", &set->slurm_user);
        read_note(reader, map, "conf", DR_FED_OPTIONAL, absolute_path,
                  "the path from / of the site's slurm.conf on this machine, at most 255 bytes",
                  &set->slurm_conf);
        read_log_command(reader, map, &set->slurm_log_command);
        dr_fed_read_choice(reader, map, "placement", placements, DR_COUNT_OF(placements),
                           &set->slurm_count_placement);
    } else if (dr_yaml_null(map)) {
        dr_fed_wrong(reader, map->line, "url", "nothing",
                     "where the site's slurmrestd listens, and its `key`");
    }
    dr_fed_leave(reader, length);
}

/* What Slurm calls a partition or a gres: "batch", "gpu:h200". */
static void read_slurm_name(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                            const char *key, const char *expected, char to[DR_NAME_BYTES])
{
    const struct dr_yaml_node *node = dr_fed_take(reader, map, key, DR_FED_OPTIONAL, expected);
    const char *text = node == NULL ? "" : node->text;

    if (node == NULL)
        return;
    if (text[0] == '\0' || strlen(text) >= DR_NAME_BYTES ||
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") !=
            strlen(text))
        dr_fed_wrong(reader, node->line, key, dr_yaml_found(node), "%s", expected);
    else
        dr_copy_name(to, text);
}

void dr_fed_read_slurm_pool(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                            const struct dr_fact_site_set *site, struct dr_fact_pool_set *set)
{
    static const char *const keys[] = {"partition", "gres"};

    for (uint32_t i = 0; site->engine != DR_ENGINE_SLURM && i < DR_COUNT_OF(keys); i += 1) {
        const struct dr_yaml_node *node = dr_yaml_get(map, keys[i]);

        if (node != NULL)
            dr_fed_wrong(reader, node->line, keys[i], dr_yaml_found(node),
                         "a site with `engine: slurm` around it");
    }
    if (site->engine != DR_ENGINE_SLURM)
        return;
    read_slurm_name(reader, map, "partition", "the name of a partition of the site's Slurm",
                    set->partition);
    read_slurm_name(reader, map, "gres", "what the site's Slurm calls an accelerator: gpu:h200",
                    set->gres);
    if (set->gres[0] != '\0' && set->accelerators == 0 && dr_yaml_get(map, "chip") == NULL) {
        dr_fed_wrong(reader, dr_yaml_get(map, "gres")->line, "gres", set->gres,
                     "accelerators of a chip, which it is the name of");
        set->gres[0] = '\0';
    }
}
