// System calls that Swift's Glibc module does not export, because they require _GNU_SOURCE.
#ifndef CERTCTL_CLINUX_SHIM_H
#define CERTCTL_CLINUX_SHIM_H

#include <sched.h>
#include <stddef.h>
#include <sys/types.h>

extern int renameat2(int, const char *, int, const char *, unsigned int);
extern int sched_getaffinity(pid_t, size_t, cpu_set_t *);

// Renames within a directory, and fails with EEXIST if the new name exists.
static inline int certctl_rename_new(int folder, const char *old_name, const char *new_name) {
  return renameat2(folder, old_name, folder, new_name, 1 /* RENAME_NOREPLACE */);
}

// Returns the number of cores that this process may run on; 0 if it is unknown.
static inline int certctl_core_count(void) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 0;
  int count = 0;
  for (size_t i = 0; i < sizeof cores; i++)
    count += __builtin_popcount(((const unsigned char *)&cores)[i]);
  return count;
}

#endif
