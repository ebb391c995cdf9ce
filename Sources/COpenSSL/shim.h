// Wrappers for the parts of OpenSSL that Swift cannot import: macros and variadic functions.
//
// All functions are static inline, so that no C file is compiled. Names start with certctl_.
#ifndef CERTCTL_COPENSSL_SHIM_H
#define CERTCTL_COPENSSL_SHIM_H

#define OPENSSL_NO_DEPRECATED 1

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// RFC 2253 names, with readable UTF-8 instead of an escape for each byte.
static const unsigned long certctl_name_flags = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;

static const int certctl_public_key_parts = EVP_PKEY_PUBLIC_KEY;

// Variadic functions: key generation.

static inline EVP_PKEY *certctl_generate_ec(const char *curve) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

static inline EVP_PKEY *certctl_generate_rsa(size_t bits) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
}

static inline EVP_PKEY *certctl_generate_ed25519(void) {
  return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

// Macros: names of key parameters. The builder keeps pointers to these names, and to curve and
// point until it is built, so they must be C constants, not temporaries of a Swift call.

static inline int certctl_push_point(
    OSSL_PARAM_BLD *builder, const char *curve, const unsigned char *point, size_t length) {
  return OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0)
      && OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, length);
}

static inline int certctl_push_rsa(OSSL_PARAM_BLD *builder, const BIGNUM *n, const BIGNUM *e) {
  return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n)
      && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
}

static inline int certctl_push_group(OSSL_PARAM_BLD *builder, const BIGNUM *p, const BIGNUM *g) {
  return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_P, p)
      && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_FFC_G, g);
}

// Macros: memory.

static inline void certctl_free(void *memory) { OPENSSL_free(memory); }

static inline void certctl_clear_free(void *memory, size_t length) {
  OPENSSL_clear_free(memory, length);
}

// Macros: stacks of certificates. Pushing adds a reference; freeing the stack releases all of them.

static inline STACK_OF(X509) *certctl_certificates_new(void) { return sk_X509_new_null(); }

static inline void certctl_certificates_free(STACK_OF(X509) *stack) {
  sk_X509_pop_free(stack, X509_free);
}

static inline int certctl_certificates_push(STACK_OF(X509) *stack, X509 *certificate) {
  if (!X509_up_ref(certificate)) return 0;
  if (sk_X509_push(stack, certificate) > 0) return 1;
  X509_free(certificate);
  return 0;
}

static inline int certctl_certificates_count(const STACK_OF(X509) *stack) {
  return stack == NULL ? 0 : sk_X509_num(stack);
}

static inline X509 *certctl_certificates_at(const STACK_OF(X509) *stack, int index) {
  return sk_X509_value(stack, index);
}

// Macros: stacks of names and of extensions.

static inline int certctl_names_count(const GENERAL_NAMES *names) {
  return sk_GENERAL_NAME_num(names);
}

static inline const GENERAL_NAME *certctl_names_at(const GENERAL_NAMES *names, int index) {
  return sk_GENERAL_NAME_value(names, index);
}

// Takes ownership of the name, even if it fails.
static inline int certctl_names_push(GENERAL_NAMES *names, GENERAL_NAME *name) {
  if (sk_GENERAL_NAME_push(names, name) > 0) return 1;
  GENERAL_NAME_free(name);
  return 0;
}

static inline STACK_OF(X509_EXTENSION) *certctl_extensions_new(void) {
  return sk_X509_EXTENSION_new_null();
}

static inline void certctl_extensions_free(STACK_OF(X509_EXTENSION) *stack) {
  sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

// X509V3_add1_i2d requires a pointer to the stack pointer, to create a missing stack.
static inline int certctl_extensions_add_names(
    STACK_OF(X509_EXTENSION) *stack, GENERAL_NAMES *names, int critical) {
  return X509V3_add1_i2d(&stack, NID_subject_alt_name, names, critical, X509V3_ADD_DEFAULT);
}

// Macros: TLS.

static inline int certctl_set_protocols(SSL_CTX *context, int minimum, int maximum) {
  return SSL_CTX_set_min_proto_version(context, minimum)
      && SSL_CTX_set_max_proto_version(context, maximum);
}

static inline int certctl_set_server_name(SSL *connection, const char *name) {
  return (int)SSL_set_tlsext_host_name(connection, name);
}

static inline int certctl_set_chain(SSL *connection, STACK_OF(X509) *chain) {
  return (int)SSL_set1_chain(connection, chain);
}

static inline void certctl_set_server_name_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}

static inline void certctl_disable_sessions(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
}

// Macros: settings of an nginx server.

static inline int certctl_set_groups(SSL_CTX *context, const char *groups) {
  return (int)SSL_CTX_set1_groups_list(context, groups);
}

static inline int certctl_set_signature_algorithms(SSL_CTX *context, const char *algorithms) {
  return (int)SSL_CTX_set1_sigalgs_list(context, algorithms);
}

// Disables a single version, because a minimum and a maximum cannot express gaps.
static inline void certctl_refuse_version(SSL_CTX *context, int version) {
  switch (version) {
    case TLS1_VERSION: SSL_CTX_set_options(context, SSL_OP_NO_TLSv1); break;
    case TLS1_1_VERSION: SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_1); break;
    case TLS1_2_VERSION: SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_2); break;
    case TLS1_3_VERSION: SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_3); break;
  }
}

static inline int certctl_ciphers_count(const SSL_CTX *context) {
  STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(context);
  return ciphers == NULL ? 0 : sk_SSL_CIPHER_num(ciphers);
}

static inline const SSL_CIPHER *certctl_ciphers_at(const SSL_CTX *context, int index) {
  return sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(context), index);
}

#endif
