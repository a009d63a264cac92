// Preloaded into a process (LD_PRELOAD), it turns every sync into a lie. The
// power-cut tests use it as their control: with it they must find lost data,
// else they would not find it in a daemon that forgets to sync either.

#include <fcntl.h>
#include <stddef.h>

extern "C" {

int fsync(int) { return 0; }
int fdatasync(int) { return 0; }
int msync(void*, size_t, int) { return 0; }
int syncfs(int) { return 0; }
int sync_file_range(int, off64_t, off64_t, unsigned int) { return 0; }

}  // extern "C"
