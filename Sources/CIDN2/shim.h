// libidn2, loaded at run time like libcurl (see CCurl): only names that are not in ASCII need it.
//
// The functions are declared here, as in the manual, instead of including <idn2.h>: they have not
// changed since version 2.0, and building does not require libidn2-dev.
#ifndef CERTCTL_CIDN2_SHIM_H
#define CERTCTL_CIDN2_SHIM_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

// The flags of idn2_lookup_u8, and the one error that certctl distinguishes.
static const int certctl_idn2_nfc_input = 1;
static const int certctl_idn2_transitional = 4;
static const int certctl_idn2_nontransitional = 8;
static const int certctl_idn2_disallowed = -304;

struct certctl_idn2 {
  int (*lookup_u8)(const uint8_t *name, uint8_t **ascii, int flags);
  const char *(*strerror)(int result);
  void (*free)(void *text);
};

// Fills the table. Returns NULL, or the name of the missing library or function.
static inline const char *certctl_idn2_load(struct certctl_idn2 *table) {
  void *library = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libidn2.so.0";
#define CERTCTL_IDN2_LOAD(name) \
  table->name = (__typeof__(table->name))dlsym(library, "idn2_" #name); \
  if (table->name == NULL) return "idn2_" #name;
  CERTCTL_IDN2_LOAD(lookup_u8)
  CERTCTL_IDN2_LOAD(strerror)
  CERTCTL_IDN2_LOAD(free)
#undef CERTCTL_IDN2_LOAD
  return NULL;
}

#endif
