// libexpat, loaded at run time like libcurl (see CCurl): only two of the many DNS services use XML,
// so other users should not need the library.
#ifndef CERTCTL_CEXPAT_SHIM_H
#define CERTCTL_CEXPAT_SHIM_H

#if !__has_include(<expat.h>)
#error "expat.h is missing: apt-get install libexpat1-dev"
#endif
#include <dlfcn.h>
#include <expat.h>
#include <stddef.h>

// The functions in use: X(name without "XML_").
#define CERTCTL_EXPAT_FUNCTIONS(X) \
  X(ParserCreate) \
  X(ParserFree) \
  X(SetUserData) \
  X(SetElementHandler) \
  X(SetCharacterDataHandler) \
  X(SetStartDoctypeDeclHandler) \
  X(Parse) \
  X(StopParser) \
  X(GetErrorCode) \
  X(ErrorString) \
  X(GetCurrentLineNumber)

struct certctl_expat {
#define CERTCTL_EXPAT_FIELD(name) __typeof__(XML_##name) *name;
  CERTCTL_EXPAT_FUNCTIONS(CERTCTL_EXPAT_FIELD)
#undef CERTCTL_EXPAT_FIELD
};

// Fills the table. Returns NULL, or the name of the missing library or function.
static inline const char *certctl_expat_load(struct certctl_expat *table) {
  void *library = dlopen("libexpat.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libexpat.so.1";
#define CERTCTL_EXPAT_LOAD(name) \
  table->name = (__typeof__(XML_##name) *)dlsym(library, "XML_" #name); \
  if (table->name == NULL) return "XML_" #name;
  CERTCTL_EXPAT_FUNCTIONS(CERTCTL_EXPAT_LOAD)
#undef CERTCTL_EXPAT_LOAD
  return NULL;
}

#endif
