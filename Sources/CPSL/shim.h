// libpsl without linking to it, as CCurl does it: only orders under a rate limit and the search for a DNS
// zone ask for a registered domain, and both can do without the list.
//
// The few functions are declared here, as its manual has them, and not taken from <libpsl.h>: they have
// not changed since version 0.16, and nobody needs libpsl-dev to build.
#ifndef CERTCTL_CPSL_SHIM_H
#define CERTCTL_CPSL_SHIM_H

#include <dlfcn.h>
#include <stddef.h>

// A list; its members are the library's own.
struct certctl_psl_list;

struct certctl_psl {
  // The newer of the host's list and the one in the library; NULL when there is neither.
  struct certctl_psl_list *(*latest)(const char *file);
  // The registered domain within `name`, or NULL when `name` is a suffix itself.
  const char *(*registrable_domain)(const struct certctl_psl_list *list, const char *name);
};

// Fills the table. Returns NULL, or the name of what is missing: the library's or a function's.
static inline const char *certctl_psl_load(struct certctl_psl *table) {
  void *library = dlopen("libpsl.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libpsl.so.5";
#define CERTCTL_PSL_LOAD(name) \
  table->name = (__typeof__(table->name))dlsym(library, "psl_" #name); \
  if (table->name == NULL) return "psl_" #name;
  CERTCTL_PSL_LOAD(latest)
  CERTCTL_PSL_LOAD(registrable_domain)
#undef CERTCTL_PSL_LOAD
  return NULL;
}

#endif
