// libpsl, loaded at run time like libcurl (see CCurl): only orders with a rate limit and the search
// for a DNS zone need registered domains, and both work without the list.
//
// The functions are declared here, as in the manual, instead of including <libpsl.h>: they have not
// changed since version 0.16, and building does not require libpsl-dev.
#ifndef CERTCTL_CPSL_SHIM_H
#define CERTCTL_CPSL_SHIM_H

#include <dlfcn.h>
#include <stddef.h>

// A list, whose members are private to the library.
struct certctl_psl_list;

struct certctl_psl {
  // Returns the newer of the host's list and the library's built-in list; NULL if there is neither.
  struct certctl_psl_list *(*latest)(const char *file);
  // Returns the registered domain within `name`; NULL if `name` is itself a public suffix.
  const char *(*registrable_domain)(const struct certctl_psl_list *list, const char *name);
};

// Fills the table. Returns NULL, or the name of the missing library or function.
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
