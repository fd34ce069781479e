/* tls_pair.c: a certificate with its key, from files or the environment, and what it says. See tls.h. */
#include "base/clock.h"
#include "http/tls_door_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- files ---- */

int tls__fault(struct err *e, const char *path, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    err_set(e, GIFD_ETLS, "%s: %s%s%s", path, what, why ? ": " : "", why ? why : "");
    ERR_clear_error();
    return GIFD_ETLS;
}

static int readable(const char *path, struct err *e)
{
    return access(path, R_OK) == 0 ? GIFD_OK : err_sys(e, errno, "%s", path);
}

static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0; /* else OpenSSL would ask the terminal */
}

static EVP_PKEY *key_of(const struct tls_pair *p)
{
    const char *text = p->key_in_env ? getenv(p->key) : NULL;
    BIO *b = p->key_in_env ? BIO_new_mem_buf(text ? text : "", -1) : BIO_new_file(p->key, "r");
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
    BIO_free(b);
    return key;
}

static int load_key(SSL_CTX *ctx, const struct tls_pair *p, struct err *e)
{
    if (p->key_in_env && !getenv(p->key)) return err_set(e, GIFD_ENOTFOUND, "the environment has no %s", p->key);
    int rc = p->key_in_env ? GIFD_OK : readable(p->key, e);
    if (rc != GIFD_OK) return rc;
    EVP_PKEY *key = key_of(p);
    if (!key) return tls__fault(e, p->key, "not a key in PEM without a password");
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        rc = tls__fault(e, p->key, "not the key of this certificate");
    EVP_PKEY_free(key);
    return rc;
}

int tls__load(SSL_CTX *ctx, const struct tls_pair *p, struct err *e)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    int rc = readable(p->cert, e);
    if (rc == GIFD_OK && SSL_CTX_use_certificate_chain_file(ctx, p->cert) != 1)
        rc = tls__fault(e, p->cert, "not a certificate in PEM");
    return rc == GIFD_OK && p->key[0] ? load_key(ctx, p, e) : rc;
}

/* ---- what it says ---- */

int64_t tls__seconds(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void name_text(X509_NAME *name, char *out, size_t cap)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p = NULL;
    *out = 0;
    if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0) {
        long n = BIO_get_mem_data(b, &p);
        snprintf(out, cap, "%.*s", (int)n, p);
    }
    BIO_free(b);
}

static void add_name(char *out, const char *p, int n)
{
    size_t have = strlen(out);
    if (n <= 0 || have + (size_t)n + 2 > TLS_NAMES_LEN || memchr(p, 0, (size_t)n)) return;
    snprintf(out + have, TLS_NAMES_LEN - have, "%s%.*s", have ? " " : "", n, p);
}

static void names_text(X509 *x, char *out)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    *out = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
        if (g->type == GEN_DNS) {
            add_name(out, (const char *)ASN1_STRING_get0_data(g->d.dNSName), ASN1_STRING_length(g->d.dNSName));
        } else if (g->type == GEN_IPADD) {
            const unsigned char *b = ASN1_STRING_get0_data(g->d.iPAddress);
            char text[64];
            if (ASN1_STRING_length(g->d.iPAddress) == 4)
                snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
            else
                snprintf(text, sizeof text, "[IPv6]");
            add_name(out, text, (int)strlen(text));
        }
    }
    GENERAL_NAMES_free(all);
}

void tls__facts(SSL_CTX *ctx, struct tls_facts *f)
{
    X509 *x = SSL_CTX_get0_certificate(ctx);
    STACK_OF(X509) *chain = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    *f = (struct tls_facts){.not_before = tls__seconds(X509_get0_notBefore(x)),
                            .not_after = tls__seconds(X509_get0_notAfter(x))};
    name_text(X509_get_subject_name(x), f->subject, sizeof f->subject);
    name_text(X509_get_issuer_name(x), f->issuer, sizeof f->issuer);
    names_text(x, f->names);
    EVP_PKEY *key = X509_get0_pubkey(x);
    char group[40] = "";
    size_t len = 0;
    if (key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1)
        snprintf(f->key, sizeof f->key, "EC %s", group);
    else if (key)
        snprintf(f->key, sizeof f->key, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
    X509_digest(x, EVP_sha256(), digest, &n);
    for (unsigned i = 0; i < n && i < 32; i++) snprintf(f->digest + 2 * i, 3, "%02x", digest[i]);
    SSL_CTX_get0_chain_certs(ctx, &chain);
    f->chain = (uint32_t)(chain ? sk_X509_num(chain) : 0);
}

int tls_pair_look(const struct tls_pair *p, struct tls_facts *out, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc = ctx ? tls__load(ctx, p, e) : err_set(e, GIFD_ENOMEM, "no memory for a certificate");
    if (rc == GIFD_OK) tls__facts(ctx, out);
    SSL_CTX_free(ctx);
    return rc;
}

int tls_facts_now(const struct tls_facts *f, const char *cert, struct err *e)
{
    int64_t now = clock_wall_us() / 1000000;
    if (now >= f->not_after)
        return err_set(e, GIFD_ETLS, "%s: expired %lld days ago", cert, (long long)((now - f->not_after) / 86400));
    if (now < f->not_before)
        return err_set(e, GIFD_ETLS, "%s: not valid before %lld days from now", cert,
                       (long long)((f->not_before - now) / 86400) + 1);
    return GIFD_OK;
}
