// A shared object with libtp.a inside, opened and closed at run time by the program below (-DPROGRAM).

#ifdef PROGRAM

#include <dlfcn.h>

int main(int argc, char **argv) {
    for (int round = 0; argc == 2 && round < 10; round++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        int (*run)(void) = plugin ? (int (*)(void))dlsym(plugin, "plugin_run") : 0;
        if (!run || run() != 0) return 1;
        if (dlclose(plugin) != 0) return 2;
    }
    return argc == 2 ? 0 : 3;
}

#else

#define main plugin_run
#include "main.c"

#endif
