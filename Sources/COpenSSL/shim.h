// What Swift cannot see of OpenSSL: macros and variadic functions.
#ifndef CERTCTL_COPENSSL_SHIM_H
#define CERTCTL_COPENSSL_SHIM_H
#define OPENSSL_NO_DEPRECATED 1
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#endif
