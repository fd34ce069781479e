/* sip_int.h: SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012). Pure; any thread. */
#ifndef GIFD_LIMIT_SIP_INT_H
#define GIFD_LIMIT_SIP_INT_H

#include <stddef.h>
#include <stdint.h>

void sip__hash(const uint64_t key[2], const void *bytes, size_t n, uint64_t out[2]);

#endif
