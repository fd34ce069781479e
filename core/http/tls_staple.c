/* tls_staple.c: an OCSP response (RFC 6960) that is given to clients with a certificate (RFC 6066 8). See tls.h.
 *
 * It is held against the certificate when it is read: for this one, good, and of these days; and signed by whoever
 * issued the certificate when that one is in the chain. What is not all of it is not given to anybody: a client takes
 * no response for no answer, but a wrong one for an attack. */
#include "base/clock.h"
#include "http/tls_door_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

#define STAPLE_MAX 65536
#define SKEW_S 300 /* that clocks may differ */

static int read_file(const char *path, struct staple *out, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (!f) return err_sys(e, errno, "%s", path);
    out->p = malloc(STAPLE_MAX);
    if (out->p) out->n = fread(out->p, 1, STAPLE_MAX, f);
    fclose(f);
    if (!out->p) return err_set(e, GIFD_ENOMEM, "no memory for %s", path);
    return out->n && out->n < STAPLE_MAX ? GIFD_OK : err_set(e, GIFD_ETLS, "%s: not an OCSP response in DER", path);
}

/* Issuers may be named by other digests than ours: the number of the certificate is the same in all. */
static OCSP_SINGLERESP *single_for(OCSP_BASICRESP *basic, X509 *leaf)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        ASN1_INTEGER *number = NULL;
        OCSP_id_get0_info(NULL, NULL, NULL, &number, (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(one));
        if (number && ASN1_INTEGER_cmp(number, X509_get0_serialNumber(leaf)) == 0) return one;
    }
    return NULL;
}

static bool is_signed(OCSP_BASICRESP *basic, X509 *leaf, STACK_OF(X509) * chain)
{
    X509 *issuer = NULL;
    for (int i = 0; i < sk_X509_num(chain) && !issuer; i++)
        if (X509_check_issued(sk_X509_value(chain, i), leaf) == X509_V_OK) issuer = sk_X509_value(chain, i);
    if (!issuer) return true; /* nothing to hold it against */
    X509_STORE *store = X509_STORE_new();
    bool good = store && X509_STORE_add_cert(store, issuer) == 1 &&
                X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
                OCSP_basic_verify(basic, chain, store, 0) == 1;
    X509_STORE_free(store);
    return good;
}

static const char *judge(OCSP_BASICRESP *basic, X509 *leaf, STACK_OF(X509) * chain, int64_t *until)
{
    ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
    OCSP_SINGLERESP *one = single_for(basic, leaf);
    if (!one) return "an OCSP response for another certificate";
    int status = OCSP_single_get0_status(one, NULL, NULL, &from, &to);
    *until = to ? tls__seconds(to) : INT64_MAX;
    if (*until <= clock_wall_us() / 1000000) return "an OCSP response that has expired";
    if (OCSP_check_validity(from, to, SKEW_S, -1) != 1) return "an OCSP response that is not valid yet";
    if (status == V_OCSP_CERTSTATUS_REVOKED) return "an OCSP response that says the certificate is revoked";
    if (status != V_OCSP_CERTSTATUS_GOOD) return "an OCSP response that does not know the certificate";
    if (!is_signed(basic, leaf, chain)) return "an OCSP response that the certificate's issuer did not sign";
    return NULL;
}

int tls__staple_load(const char *path, SSL_CTX *ctx, struct staple *out, struct err *e)
{
    STACK_OF(X509) *chain = NULL;
    *out = (struct staple){0};
    int rc = read_file(path, out, e);
    const unsigned char *p = out->p;
    OCSP_RESPONSE *response = rc == GIFD_OK ? d2i_OCSP_RESPONSE(NULL, &p, (long)out->n) : NULL;
    OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
    const char *why = "not an OCSP response in DER";
    if (response && OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        why = "an OCSP response that is an error of the responder";
    SSL_CTX_get0_chain_certs(ctx, &chain);
    if (basic) why = judge(basic, SSL_CTX_get0_certificate(ctx), chain, &out->until);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    if (rc == GIFD_OK && why) rc = err_set(e, GIFD_ETLS, "%s: %s", path, why);
    if (rc != GIFD_OK) tls__staple_drop(out);
    return rc;
}

void tls__staple_drop(struct staple *s)
{
    free(s->p);
    *s = (struct staple){0};
}
