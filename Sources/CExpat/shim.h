// libexpat without linking to it, as CCurl does it: two DNS services of dozens answer in XML, and
// nobody else should pay for the library, or have to have it.
#ifndef CERTCTL_CEXPAT_SHIM_H
#define CERTCTL_CEXPAT_SHIM_H

#if !__has_include(<expat.h>)
#error "expat.h is missing: apt-get install libexpat1-dev"
#endif
#include <dlfcn.h>
#include <expat.h>
#include <stddef.h>

// The functions that we use: X(name without "XML_").
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

// Fills the table. Returns NULL, or the name of what is missing: the library's or a function's.
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
