// What Swift cannot see of libcurl: variadic functions.
#ifndef CERTCTL_CCURL_SHIM_H
#define CERTCTL_CCURL_SHIM_H
#include <curl/curl.h>
#endif
