/* SPDX-License-Identifier: Apache-2.0 */
/* sort.h: a sort whose result depends on nothing but the input.
 *
 * The comparison must be a total order (its last key is an id); equal elements are our own mistake
 * and are not checked for. Heap sort: in place, no allocation, no recursion. */
#ifndef DR_BASE_SORT_H
#define DR_BASE_SORT_H

#include <stddef.h>

/* Less than, equal or greater than 0, like strcmp. */
typedef int dr_compare(const void *a, const void *b, const void *context);

/* `count` elements of `bytes` each, at most 256 bytes an element. */
void dr_sort(void *elements, size_t count, size_t bytes, dr_compare *compare, const void *context);

#endif
