// libcurl, loaded at run time instead of linked.
//
// Loading libcurl costs more instructions than the rest of the program's start, because Debian's
// build depends on 31 libraries. So nothing here references its symbols: dlopen fills a table of
// function pointers, with the types of curl's header, at first use. The caller owns the table,
// because a static variable in a header would exist once per object file.
//
// The wrappers are for variadic functions, which Swift cannot call: one for each kind of argument.
#ifndef CERTCTL_CCURL_SHIM_H
#define CERTCTL_CCURL_SHIM_H

#if !__has_include(<curl/curl.h>)
#error "curl/curl.h is missing: apt-get install libcurl4-openssl-dev"
#endif
#include <curl/curl.h>
#include <dlfcn.h>
#include <stddef.h>

// The functions in use: X(name without "curl_").
#define CERTCTL_CURL_FUNCTIONS(X) \
  X(global_init) \
  X(easy_init) \
  X(easy_cleanup) \
  X(easy_setopt) \
  X(easy_getinfo) \
  X(easy_strerror) \
  X(multi_init) \
  X(multi_cleanup) \
  X(multi_setopt) \
  X(multi_add_handle) \
  X(multi_remove_handle) \
  X(multi_perform) \
  X(multi_poll) \
  X(multi_wakeup) \
  X(multi_info_read) \
  X(slist_append) \
  X(slist_free_all) \
  X(url) \
  X(url_cleanup) \
  X(url_get) \
  X(url_set) \
  X(url_strerror) \
  X(free)

struct certctl_curl {
#define CERTCTL_CURL_FIELD(name) __typeof__(curl_##name) *name;
  CERTCTL_CURL_FUNCTIONS(CERTCTL_CURL_FIELD)
#undef CERTCTL_CURL_FIELD
};

// Fills the table. Returns NULL, or the name of the missing library or function.
static inline const char *certctl_curl_load(struct certctl_curl *table) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libcurl.so.4";
#define CERTCTL_CURL_LOAD(name) \
  table->name = (__typeof__(curl_##name) *)dlsym(library, "curl_" #name); \
  if (table->name == NULL) return "curl_" #name;
  CERTCTL_CURL_FUNCTIONS(CERTCTL_CURL_LOAD)
#undef CERTCTL_CURL_LOAD
  return NULL;
}

static inline CURLcode certctl_curl_set_long(
    const struct certctl_curl *table, CURL *easy, CURLoption option, long value) {
  return table->easy_setopt(easy, option, value);
}

static inline CURLcode certctl_curl_set_offset(
    const struct certctl_curl *table, CURL *easy, CURLoption option, long long value) {
  return table->easy_setopt(easy, option, (curl_off_t)value);
}

static inline CURLcode certctl_curl_set_string(
    const struct certctl_curl *table, CURL *easy, CURLoption option, const char *value) {
  return table->easy_setopt(easy, option, value);
}

static inline CURLcode certctl_curl_set_pointer(
    const struct certctl_curl *table, CURL *easy, CURLoption option, void *value) {
  return table->easy_setopt(easy, option, value);
}

typedef size_t (*certctl_curl_sink)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode certctl_curl_set_sink(
    const struct certctl_curl *table, CURL *easy, CURLoption option, certctl_curl_sink sink) {
  return table->easy_setopt(easy, option, sink);
}

static inline long certctl_curl_get_long(
    const struct certctl_curl *table, CURL *easy, CURLINFO info) {
  long value = 0;
  return table->easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}

static inline const char *certctl_curl_get_string(
    const struct certctl_curl *table, CURL *easy, CURLINFO info) {
  char *value = NULL;
  return table->easy_getinfo(easy, info, &value) == CURLE_OK ? value : NULL;
}

static inline CURLMcode certctl_curl_multi_set_long(
    const struct certctl_curl *table, CURLM *multi, CURLMoption option, long value) {
  return table->multi_setopt(multi, option, value);
}

// Returns the result of a CURLMsg, which is a member of a union.
static inline CURLcode certctl_curl_message_result(const CURLMsg *message) {
  return message->data.result;
}

#endif
