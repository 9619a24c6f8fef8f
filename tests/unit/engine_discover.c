/* SPDX-License-Identifier: Apache-2.0 */
/* Finding accelerators, against a library made here that answers as NVML does. */
#include "engine/discover.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static const char fake[] =
    "#include <string.h>\n"
    "struct memory { unsigned long long total, free, used; };\n"
    "int nvmlInit_v2(void) { return INIT; }\n"
    "int nvmlShutdown(void) { return 0; }\n"
    "const char *nvmlErrorString(int r) { return r == 9 ? \"Driver Not Loaded\" : \"Unknown "
    "Error\"; }\n"
    "int nvmlDeviceGetCount_v2(unsigned *n) { *n = 3; return 0; }\n"
    "int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return "
    "0; }\n"
    "int nvmlDeviceGetName(void *d, char *s, unsigned n) { strncpy(s, \"NVIDIA H200\", n); return "
    "0; }\n"
    "int nvmlDeviceGetUUID(void *d, char *s, unsigned n)\n"
    "{ strncpy(s, \"GPU-0\", n); s[4] = '0' + (long)d; return (long)d == BAD ? 999 : 0; }\n"
    "#ifndef OLD\n"
    "int nvmlDeviceGetMemoryInfo(void *d, struct memory *m) { m->total = 150754820096; return 0; "
    "}\n"
    "#endif\n"
    "#ifdef MINORS\n" /* in another order than the driver's list */
    "int nvmlDeviceGetMinorNumber(void *d, unsigned *n) { *n = 3 - (long)d; return 0; }\n"
    "#endif\n";

static const char *library(const char *options)
{
    static char path[300];
    char command[1200];
    FILE *file;

    snprintf(path, sizeof path, "%s/fake.c", test_directory());
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fwrite(fake, 1, sizeof fake - 1, file) == sizeof fake - 1);
    fclose(file);
    snprintf(command, sizeof command, "gcc -shared -fPIC -w %s -o %.*s.so %s", options,
             (int)strlen(path) - 2, path, path);
    CHECK_EQ(system(command), 0);
    memcpy(path + strlen(path) - 2, ".so", 4);
    return path;
}

TEST(what_the_driver_lists)
{
    struct dr_device devices[8];
    struct dr_error error = {0};
    uint32_t count = 0;

    CHECK_EQ(dr_discover(library("-DINIT=0 -DBAD=0"), devices, 8, &count, &error), DR_OK);
    CHECK_EQ(count, 3);
    CHECK_TEXT(devices[0].vendor, "nvidia");
    CHECK_TEXT(devices[0].name, "NVIDIA H200");
    CHECK_TEXT(devices[0].id, "GPU-1");
    CHECK_TEXT(devices[2].id, "GPU-3");
    CHECK_EQ(devices[0].memory_mb, 143771);
    CHECK_TEXT(devices[0].node, "");
    CHECK_EQ(dr_discover(library("-DINIT=0 -DBAD=0"), devices, 2, &count, &error), DR_OK);
    CHECK_EQ(count, 2);
    CHECK_EQ(dr_discover(library("-DINIT=0 -DBAD=0 -DMINORS"), devices, 8, &count, &error), DR_OK);
    CHECK_TEXT(devices[0].node, "/dev/nvidia2");
    CHECK_TEXT(devices[2].node, "/dev/nvidia0");
}

TEST(what_goes_wrong)
{
    struct dr_device devices[8];
    struct dr_error error = {0};
    uint32_t count = 77;

    CHECK_EQ(dr_discover("/no/such/library.so", devices, 8, &count, &error), DR_E_MISSING);
    CHECK_EQ(dr_discover(library("-DINIT=9 -DBAD=0"), devices, 8, &count, &error), DR_E_IO);
    CHECK_TEXT(error.found, "Driver Not Loaded");
    CHECK_EQ(dr_discover(library("-DINIT=0 -DBAD=2"), devices, 8, &count, &error), DR_E_IO);
    CHECK_TEXT(error.found, "Unknown Error");
    CHECK_EQ(dr_discover(library("-DINIT=0 -DBAD=0 -DOLD"), devices, 8, &count, &error),
             DR_E_UNSUPPORTED);
    CHECK_HAS(error.expected, "nvmlDeviceGetMemoryInfo");
    CHECK_EQ(count, 77);
}
