/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discover.h"

#include <dlfcn.h>

/* The few types and calls of NVML's stable interface that are needed, so that nothing has to be
 * installed to build (NVIDIA, NVML API Reference Guide, "Initialization and Cleanup", "Device
 * Queries"). */
struct nvml_memory {
    unsigned long long total, free, used;
};

struct nvml {
    int (*init)(void);
    int (*shutdown)(void);
    const char *(*error_text)(int result);
    int (*device_count)(unsigned int *count);
    int (*device)(unsigned int index, void **device);
    int (*name)(void *device, char *name, unsigned int bytes);
    int (*uuid)(void *device, char *uuid, unsigned int bytes);
    int (*memory)(void *device, struct nvml_memory *memory);
    int (*minor)(void *device, unsigned int *minor); /* NULL: a library that lacks it */
};

static int find_call(void *library, const char *name, void *call, const char **missing)
{
    void *found = dlsym(library, name);

    if (found == NULL) {
        *missing = name;
        return 0;
    }
    /* a data pointer put into a function pointer, as POSIX wants dlsym's result to be used */
    memcpy(call, &found, sizeof found);
    return 1;
}

static int find_calls(void *library, struct nvml *nvml, const char **missing)
{
    return find_call(library, "nvmlInit_v2", &nvml->init, missing) &&
           find_call(library, "nvmlShutdown", &nvml->shutdown, missing) &&
           find_call(library, "nvmlErrorString", &nvml->error_text, missing) &&
           find_call(library, "nvmlDeviceGetCount_v2", &nvml->device_count, missing) &&
           find_call(library, "nvmlDeviceGetHandleByIndex_v2", &nvml->device, missing) &&
           find_call(library, "nvmlDeviceGetName", &nvml->name, missing) &&
           find_call(library, "nvmlDeviceGetUUID", &nvml->uuid, missing) &&
           find_call(library, "nvmlDeviceGetMemoryInfo", &nvml->memory, missing);
}

static int describe(const struct nvml *nvml, unsigned int index, struct dr_device *device)
{
    struct nvml_memory memory = {0};
    void *handle;
    unsigned int minor;
    int result = nvml->device(index, &handle);

    *device = (struct dr_device){.vendor = "nvidia"};
    if (result == 0)
        result = nvml->name(handle, device->name, sizeof device->name);
    if (result == 0)
        result = nvml->uuid(handle, device->id, sizeof device->id);
    if (result == 0)
        result = nvml->memory(handle, &memory);
    device->memory_mb = (int64_t)(memory.total >> 20);
    if (result == 0 && nvml->minor != NULL && nvml->minor(handle, &minor) == 0)
        snprintf(device->node, sizeof device->node, "/dev/nvidia%u", minor);
    return result;
}

static enum dr_status ask(const struct nvml *nvml, struct dr_device *devices, uint32_t devices_max,
                          uint32_t *devices_count, struct dr_error *error)
{
    unsigned int count = 0;
    int result = nvml->device_count(&count);

    if (count > devices_max)
        count = devices_max;
    for (unsigned int i = 0; result == 0 && i < count; i += 1)
        result = describe(nvml, i, &devices[i]);
    if (result != 0) {
        dr_error_set(error, NULL, 0, "NVML", nvml->error_text(result), "the list of accelerators");
        return DR_E_IO;
    }
    *devices_count = count;
    return DR_OK;
}

enum dr_status dr_discover(const char *library, struct dr_device *devices, uint32_t devices_max,
                           uint32_t *devices_count, struct dr_error *error)
{
    struct nvml nvml = {0};
    const char *missing = NULL;
    enum dr_status status;
    void *handle;
    int result;

    if (library == NULL)
        library = "libnvidia-ml.so.1";
    handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        dr_error_set(error, library, 0, NULL, NULL,
                     "NVIDIA's driver; without it no accelerator is found");
        return DR_E_MISSING;
    }
    if (!find_calls(handle, &nvml, &missing)) {
        dr_error_set(error, library, 0, NULL, NULL, "a library with the call %s", missing);
        dlclose(handle);
        return DR_E_UNSUPPORTED;
    }
    if (!find_call(handle, "nvmlDeviceGetMinorNumber", &nvml.minor, &missing))
        nvml.minor = NULL;
    result = nvml.init();
    if (result != 0) {
        dr_error_set(error, library, 0, "NVML", nvml.error_text(result), "that it starts");
        dlclose(handle);
        return DR_E_IO;
    }
    status = ask(&nvml, devices, devices_max, devices_count, error);
    nvml.shutdown();
    dlclose(handle);
    return status;
}
