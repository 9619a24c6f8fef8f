/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of its corpus, once each, without a fuzzer: a plain test.
 * Prints one TAP line per file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argument_count, char **arguments)
{
    struct dirent **names;
    int count = argument_count == 2 ? scandir(arguments[1], &names, NULL, alphasort) : -1;
    int number = 0;

    if (count < 0) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", arguments[0]);
        return 2;
    }
    for (int i = 0; i < count; i += 1) {
        struct dr_buffer input;
        char path[1024];

        if (names[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", arguments[1], names[i]->d_name);
            dr_buffer_init(&input, 16u << 20);
            if (dr_buffer_read_file(&input, path) == DR_OK) {
                uint8_t *copy = malloc(input.length + 1); /* exact, so that overreads are seen */

                memcpy(copy, dr_buffer_text(&input), input.length);
                LLVMFuzzerTestOneInput(copy, input.length);
                free(copy);
                number += 1;
                printf("ok %d - %s\n", number, names[i]->d_name);
            }
            dr_buffer_deinit(&input);
        }
        free(names[i]);
    }
    free(names);
    printf("1..%d\n", number);
    return number > 0 ? 0 : 1;
}
