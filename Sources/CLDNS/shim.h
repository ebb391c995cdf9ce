// libldns, loaded at run time like libcurl (see CCurl): only DNS challenges need it.
//
// <stdbool.h> must come before the ldns headers that declare `bool`, or Swift imports integers.
#ifndef CERTCTL_CLDNS_SHIM_H
#define CERTCTL_CLDNS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#if !__has_include(<ldns/ldns.h>)
#error "ldns/ldns.h is missing: apt-get install libldns-dev"
#endif
#include <dlfcn.h>
#include <ldns/ldns.h>

// The functions in use: X(name without "ldns_").
#define CERTCTL_LDNS_FUNCTIONS(X) \
  X(dname_new_frm_str) \
  X(get_errorstr_by_id) \
  X(pkt_aa) \
  X(pkt_additional) \
  X(pkt_answer) \
  X(pkt_authority) \
  X(pkt_free) \
  X(pkt_get_opcode) \
  X(pkt_get_rcode) \
  X(pkt_id) \
  X(pkt_qr) \
  X(pkt_query_new) \
  X(pkt_question) \
  X(pkt_set_edns_udp_size) \
  X(pkt_set_id) \
  X(pkt_tc) \
  X(pkt_tsig) \
  X(pkt2wire) \
  X(rdf_data) \
  X(rdf_deep_free) \
  X(rdf_get_type) \
  X(rdf_new_frm_data) \
  X(rdf_size) \
  X(rdf2str) \
  X(rr_free) \
  X(rr_get_class) \
  X(rr_get_type) \
  X(rr_list_deep_free) \
  X(rr_list_new) \
  X(rr_list_push_rr) \
  X(rr_list_rr) \
  X(rr_list_rr_count) \
  X(rr_new) \
  X(rr_owner) \
  X(rr_push_rdf) \
  X(rr_rd_count) \
  X(rr_rdf) \
  X(rr_set_class) \
  X(rr_set_owner) \
  X(rr_set_ttl) \
  X(rr_set_type) \
  X(rr_ttl) \
  X(update_pkt_new) \
  X(wire2pkt) \
  X(wire2rr)

struct certctl_ldns {
#define CERTCTL_LDNS_FIELD(name) __typeof__(ldns_##name) *name;
  CERTCTL_LDNS_FUNCTIONS(CERTCTL_LDNS_FIELD)
#undef CERTCTL_LDNS_FIELD
};

// Fills the table. Returns NULL, or the name of the missing library or function.
static inline const char *certctl_ldns_load(struct certctl_ldns *table) {
  void *library = dlopen("libldns.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libldns.so.3";
#define CERTCTL_LDNS_LOAD(name) \
  table->name = (__typeof__(ldns_##name) *)dlsym(library, "ldns_" #name); \
  if (table->name == NULL) return "ldns_" #name;
  CERTCTL_LDNS_FUNCTIONS(CERTCTL_LDNS_LOAD)
#undef CERTCTL_LDNS_LOAD
  return NULL;
}

#endif
