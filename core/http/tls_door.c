/* tls_door.c: the certificates of one listening socket. See tls.h.
 *
 * Their files are looked at every two seconds (stat); a pair that has changed is loaded aside and put in place of the
 * old one when it is good. Connections keep what they began with. */
#include "base/clock.h"
#include "base/log.h"
#include "http/tls_door_int.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_EVERY_NS 2000000000ull
#define WARN_BEFORE_S (21 * 86400)
#define WARN_EVERY_NS (86400 * 1000000000ull)

static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/* ---- what a client gets ---- */

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *offered, unsigned count,
                   void *arg)
{
    static const unsigned char known[] = "\x02h2\x08http/1.1";
    (void)ssl, (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, n, known, sizeof known - 1, offered, count) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: no_application_protocol */
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static X509 *leaf_of(const struct loaded *l)
{
    return SSL_CTX_get0_certificate(l->ctx);
}

static bool names(const struct loaded *l, const char *name, size_t n, unsigned flags)
{
    return X509_check_host(leaf_of(l), name, n, flags, NULL) == 1;
}

/* The first that names it in full, else the first that does by a wildcard. */
static const struct loaded *find(const struct tls_door *d, const char *name, size_t n)
{
    for (size_t i = 0; i < d->count; i++)
        if (names(&d->loaded[i], name, n, X509_CHECK_FLAG_NO_WILDCARDS)) return &d->loaded[i];
    for (size_t i = 0; i < d->count; i++)
        if (names(&d->loaded[i], name, n, 0)) return &d->loaded[i];
    return NULL;
}

static int key_kind(const struct loaded *l)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(leaf_of(l)));
}

static void add_pair(SSL *ssl, const struct loaded *l)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(l->ctx, &chain);
    if (SSL_use_cert_and_key(ssl, leaf_of(l), SSL_CTX_get0_privatekey(l->ctx), chain, 1) != 1) ERR_clear_error();
}

static bool is_first_of_kind(const struct tls_door *d, const struct loaded *chosen, const struct loaded *l,
                             const char *name, size_t n)
{
    if (l == chosen || key_kind(l) == key_kind(chosen)) return false;
    if (name ? !names(l, name, n, 0) : strcmp(l->facts.names, chosen->facts.names) != 0) return false;
    for (const struct loaded *k = d->loaded; name && k < l; k++)
        if (key_kind(k) == key_kind(l) && names(k, name, n, 0)) return false;
    return true;
}

/* Whoever asks for no name, or for one that nobody has, gets the first pair, and those for the very same names. */
static int on_name(SSL *ssl, int *alert, void *arg)
{
    struct tls_door *d = arg;
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    size_t n = name ? strlen(name) : 0;
    const struct loaded *chosen = n && n < 256 ? find(d, name, n) : NULL;
    if (!chosen) {
        name = NULL;
        chosen = &d->loaded[0];
    }
    if (chosen != d->loaded) SSL_set_SSL_CTX(ssl, chosen->ctx);
    for (size_t i = 0; i < d->count; i++)
        if (is_first_of_kind(d, chosen, &d->loaded[i], name, n)) add_pair(ssl, &d->loaded[i]);
    return SSL_TLSEXT_ERR_OK;
}

/* The certificate is chosen by now. One that was swapped since this handshake began has no response any more. */
static int on_staple(SSL *ssl, void *arg)
{
    struct tls_door *d = arg;
    const struct staple *s = NULL;
    for (size_t i = 0; i < d->count && !s; i++)
        if (leaf_of(&d->loaded[i]) == SSL_get_certificate(ssl)) s = &d->loaded[i].staple;
    unsigned char *copy = s && s->n ? OPENSSL_memdup(s->p, s->n) : NULL;
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)s->n);
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context_new(struct tls_door *d, const struct tls_pair *p, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx) {
        err_set(e, GIFD_ENOMEM, "no memory for a certificate");
        return NULL;
    }
    SSL_CTX_set_app_data(ctx, d);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"gifd", 4);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    if (d->tickets) SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls__on_ticket);
    if (d->count > 1) {
        SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
        SSL_CTX_set_tlsext_servername_arg(ctx, d);
    }
    bool set = SSL_CTX_set_cipher_list(ctx, suites_12) == 1 && SSL_CTX_set_ciphersuites(ctx, suites_13) == 1 &&
               SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
    SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
    SSL_CTX_set_tlsext_status_arg(ctx, d);
    int rc = set ? tls__load(ctx, p, e) : tls__fault(e, p->cert, "suites");
    if (rc == GIFD_OK) return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* ---- files ---- */

static void stamp(const char *path, struct stamp *out)
{
    struct stat st;
    *out = (struct stamp){0};
    if (!*path || stat(path, &st) < 0) return;
    *out = (struct stamp){(uint64_t)st.st_ino, (uint64_t)st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
}

static void stamps(const struct tls_pair *p, struct stamp out[2])
{
    stamp(p->cert, &out[0]);
    stamp(p->key_in_env ? "" : p->key, &out[1]);
}

static void refuse_staple(struct loaded *l, const char *why)
{
    tls__staple_drop(&l->staple);
    log_warn("tls.staple_refused", LS("certificate", l->pair.cert), LS("why", why));
}

static void read_staple(struct loaded *l)
{
    struct err e = {0};
    stamp(l->pair.staple, &l->stapled);
    tls__staple_drop(&l->staple);
    if (!l->stapled.inode && !l->staple_named) return;
    if (tls__staple_load(l->pair.staple, l->ctx, &l->staple, &e) < 0)
        refuse_staple(l, e.text);
    else
        log_info("tls.stapled", LS("certificate", l->pair.cert), LI("until", l->staple.until));
}

static void mind_staple(struct loaded *l)
{
    struct stamp is;
    stamp(l->pair.staple, &is);
    if (memcmp(&is, &l->stapled, sizeof is) != 0)
        read_staple(l);
    else if (l->staple.n && clock_wall_us() / 1000000 >= l->staple.until)
        refuse_staple(l, "it has expired");
}

static void mind_expiry(struct loaded *l)
{
    int64_t left = l->facts.not_after - clock_wall_us() / 1000000;
    if (l->expiry) metric_set(l->expiry, (double)l->facts.not_after);
    uint64_t now = clock_mono_ns();
    if (left > WARN_BEFORE_S || (l->warned_ns && now - l->warned_ns < WARN_EVERY_NS)) return;
    l->warned_ns = now;
    if (left > 0)
        log_warn("tls.expires", LS("certificate", l->pair.cert), LI("days", left / 86400));
    else
        log_error("tls.expired", LS("certificate", l->pair.cert), LI("days", -left / 86400));
}

struct tls_door *tls__door(const struct http_listening *how, struct err *e)
{
    struct tls_door *d = calloc(1, sizeof *d + how->pair_count * sizeof d->loaded[0]);
    if (!d) {
        err_set(e, GIFD_ENOMEM, "no memory for certificates");
        return NULL;
    }
    d->tickets = how->tickets;
    d->count = how->pair_count;
    for (size_t i = 0; i < d->count; i++) {
        struct loaded *l = &d->loaded[i];
        l->pair = how->pairs[i];
        l->staple_named = l->pair.staple[0];
        if (!l->staple_named && strlen(l->pair.cert) + sizeof ".ocsp" <= TLS_PATH_LEN)
            snprintf(l->pair.staple, TLS_PATH_LEN, "%.500s.ocsp", l->pair.cert);
        stamps(&l->pair, l->stamp);
        l->ctx = context_new(d, &l->pair, e);
        if (!l->ctx) {
            tls__door_free(d);
            return NULL;
        }
        tls__facts(l->ctx, &l->facts);
        read_staple(l);
        if (how->metrics) {
            l->expiry = metric_take(how->metrics, METRIC_GAUGE, "gifd_tls_expiry_timestamp_seconds", "certificate",
                                    l->pair.cert);
        }
        mind_expiry(l);
    }
    tls__count_into(d, how->metrics);
    return d;
}

void tls__door_free(struct tls_door *d)
{
    for (size_t i = 0; d && i < d->count; i++) {
        metric_set(d->loaded[i].expiry, 0); /* who still uses it says so again at its next look */
        SSL_CTX_free(d->loaded[i].ctx);
        tls__staple_drop(&d->loaded[i].staple);
    }
    free(d);
}

static void swap(struct tls_door *d, struct loaded *l)
{
    struct err e = {0};
    struct tls_facts facts;
    SSL_CTX *ctx = context_new(d, &l->pair, &e);
    if (ctx) tls__facts(ctx, &facts);
    if (!ctx || tls_facts_now(&facts, l->pair.cert, &e) < 0) {
        SSL_CTX_free(ctx);
        log_error("tls.not_swapped", LS("certificate", l->pair.cert), LS("why", e.text));
        return;
    }
    SSL_CTX_free(l->ctx);
    l->ctx = ctx;
    l->warned_ns = 0;
    l->facts = facts;
    read_staple(l);
    log_info("tls.swapped", LS("certificate", l->pair.cert), LS("sha256", l->facts.digest),
             LI("expires", l->facts.not_after));
}

/* Two files are not replaced in one step: a pair that does not fit yet is looked at again when either changes again. */
void tls__door_look(struct tls_door *d)
{
    uint64_t now = clock_mono_ns();
    if (now - d->looked_ns < LOOK_EVERY_NS) return;
    d->looked_ns = now;
    for (size_t i = 0; i < d->count; i++) {
        struct loaded *l = &d->loaded[i];
        struct stamp are[2];
        stamps(&l->pair, are);
        bool same = memcmp(are, l->stamp, sizeof are) == 0;
        memcpy(l->stamp, are, sizeof are);
        if (!same) swap(d, l);
        mind_staple(l);
        mind_expiry(l);
    }
}
