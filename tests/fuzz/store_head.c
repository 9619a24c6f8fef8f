/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of signed heads, as an anchor file may hold them: what is taken is written back byte for
 * byte. */
#include <stdlib.h>
#include <string.h>

#include "store/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_chain_head head;
    struct dr_error error;
    char line[DR_CHAIN_LINE_BYTES];

    if (dr_chain_parse((const char *)data, size, &head, &error) != DR_OK)
        return 0;
    dr_chain_format(&head, line);
    if (size > 0 && data[size - 1] == '\n')
        size -= 1;
    if (strlen(line) != size + 1 || memcmp(line, data, size) != 0)
        abort();
    return 0;
}
