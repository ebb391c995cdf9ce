// Calls of the system that Swift's Glibc does not show, because they are declared for _GNU_SOURCE only.
#ifndef CERTCTL_CLINUX_SHIM_H
#define CERTCTL_CLINUX_SHIM_H

#include <sched.h>
#include <stddef.h>
#include <sys/types.h>

extern int renameat2(int, const char *, int, const char *, unsigned int);
extern int sched_getaffinity(pid_t, size_t, cpu_set_t *);

// Renames within a folder, and fails with EEXIST when the new name is taken.
static inline int certctl_rename_new(int folder, const char *old_name, const char *new_name) {
  return renameat2(folder, old_name, folder, new_name, 1 /* RENAME_NOREPLACE */);
}

// The cores that this process may run on, which can be fewer than there are; 0 when nobody can tell.
static inline int certctl_core_count(void) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 0;
  int count = 0;
  for (size_t i = 0; i < sizeof cores; i++)
    count += __builtin_popcount(((const unsigned char *)&cores)[i]);
  return count;
}

#endif
