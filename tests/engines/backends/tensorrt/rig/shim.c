/* Stands in for libnvinfer, libnvonnxparser and libnvinfer_plugin: hands every call on to the libraries of TensorRT
 * for RTX that lie in the same folder. Compiled three times by making.py, once under each library's name. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *beside(const char *name) {
    Dl_info here;
    char path[4096];
    if (!dladdr((void *)beside, &here)) return NULL;
    const char *slash = strrchr(here.dli_fname, '/');
    snprintf(path, sizeof path, "%.*s/%s", slash ? (int)(slash - here.dli_fname) : 1,
             slash ? here.dli_fname : ".", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) fprintf(stderr, "rig: %s\n", dlerror());
    return library;
}

/* The bindings pass the TensorRT version that they were built for; the RTX libraries want their own. */
#define LIBRARY(file, version_function)                                                \
    static void *library(void) { static void *it; return it ? it : (it = beside(file)); } \
    static int32_t version(void) { return ((int32_t(*)(void))dlsym(library(), version_function))(); }
#define FORWARD_2(name)                                                                      \
    void *name(void *a, int32_t ignored) {                                                   \
        (void)ignored;                                                                       \
        return ((void *(*)(void *, int32_t))dlsym(library(), #name))(a, version());          \
    }
#define FORWARD_3(name)                                                                      \
    void *name(void *a, void *b, int32_t ignored) {                                          \
        (void)ignored;                                                                       \
        return ((void *(*)(void *, void *, int32_t))dlsym(library(), #name))(a, b, version()); \
    }

#if defined(NVINFER)
LIBRARY("libtensorrt_rtx.so.1", "getInferLibVersion")
FORWARD_2(createInferBuilder_INTERNAL)
FORWARD_2(createInferRuntime_INTERNAL)
FORWARD_3(createInferRefitter_INTERNAL)
void *getBuilderPluginRegistry(int32_t capability) {
    return ((void *(*)(int32_t))dlsym(library(), "getBuilderPluginRegistry"))(capability);
}
void *getPluginRegistry(void) { return ((void *(*)(void))dlsym(library(), "getPluginRegistry"))(); }
int32_t getInferLibVersion(void) { return version(); }
#elif defined(PARSER)
LIBRARY("libtensorrt_onnxparser_rtx.so.1", "getNvOnnxParserVersion")
FORWARD_3(createNvOnnxParser_INTERNAL)
FORWARD_3(createNvOnnxParserRefitter_INTERNAL)
int32_t getNvOnnxParserVersion(void) { return version(); }
#else
int32_t initLibNvInferPlugins(void *logger, const char *space) {
    (void)logger;
    (void)space;
    return 1;
}
#endif
