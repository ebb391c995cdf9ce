// A call of the system that Swift's Glibc does not show, because it is declared for _GNU_SOURCE only.
#ifndef CERTCTL_SYSTEM_H
#define CERTCTL_SYSTEM_H

extern int renameat2(int, const char *, int, const char *, unsigned int);

// Renames within a folder, and fails with EEXIST when the new name is taken.
static inline int certctl_rename_new(int folder, const char *old_name, const char *new_name) {
  return renameat2(folder, old_name, folder, new_name, 1 /* RENAME_NOREPLACE */);
}

#endif
