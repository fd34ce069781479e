/* tls_door.c: certificates, keys and tickets. See tls.h.
 *
 * A certificate file is looked at every two seconds (stat); one that has changed is loaded aside and put in place of
 * the old one when it is good. Connections keep what they began with. */
#include "base/clock.h"
#include "base/log.h"
#include "http/tls_door_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY_NS 2000000000ull
#define WARN_BEFORE_S (21 * 86400)
#define WARN_EVERY_NS (86400 * 1000000000ull)
#define TICKET_LIFE_S 86400
#define TURN_NS ((uint64_t)TICKET_LIFE_S / 2 * 1000000000ull)
#define KEYS 4 /* three that are good, and one that is being written */
#define STAPLE_MAX 65536

static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/* ---- tickets ---- */

struct ticket_key {
    unsigned char name[16], aes[16], mac[32];
};

struct tls_tickets {
    _Atomic uint64_t count; /* keys made; the newest is (count - 1) % KEYS */
    uint64_t made_ns;
    struct ticket_key key[KEYS];
};

static void make_key(struct tls_tickets *t)
{
    uint64_t n = atomic_load_explicit(&t->count, memory_order_relaxed);
    if (RAND_bytes((unsigned char *)&t->key[n % KEYS], sizeof t->key[0]) != 1) return;
    t->made_ns = clock_mono_ns();
    atomic_store_explicit(&t->count, n + 1, memory_order_release);
}

struct tls_tickets *tls_tickets_new(struct err *e)
{
    struct tls_tickets *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED) {
        err_sys(e, errno, "memory for keys of tickets");
        return NULL;
    }
    madvise(t, sizeof *t, MADV_DONTDUMP);
    make_key(t);
    return t;
}

void tls_tickets_turn(struct tls_tickets *t)
{
    if (clock_mono_ns() - t->made_ns >= TURN_NS) make_key(t);
}

/* The key of that name, and its age in turns; NULL when it is of nobody, or too old. */
static const struct ticket_key *named(const struct tls_tickets *t, const unsigned char *name, uint64_t *age)
{
    uint64_t n = atomic_load_explicit(&t->count, memory_order_acquire);
    for (*age = 0; *age < KEYS - 1 && *age < n; (*age)++) {
        const struct ticket_key *k = &t->key[(n - 1 - *age) % KEYS];
        if (memcmp(k->name, name, sizeof k->name) == 0) return k;
    }
    return NULL;
}

/* Found once: a look by name takes longer than sealing a ticket does. */
static const EVP_CIPHER *ticket_cipher(void)
{
    static EVP_CIPHER *found;
    if (!found) found = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    return found;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int sealing)
{
    struct tls_door *d = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct tls_tickets *t = d->tickets;
    const struct ticket_key *k;
    uint64_t age = 0;
    if (sealing) {
        k = &t->key[(atomic_load_explicit(&t->count, memory_order_acquire) - 1) % KEYS];
        memcpy(name, k->name, sizeof k->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
    } else if (!(k = named(t, name, &age))) {
        return 0;
    }
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)k->mac, sizeof k->mac),
                           OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t) "SHA256", 0),
                           OSSL_PARAM_construct_end()};
    if (EVP_CipherInit_ex(cipher, ticket_cipher(), NULL, k->aes, iv, sealing) != 1 ||
        EVP_MAC_CTX_set_params(mac, params) != 1)
        return -1;
    return sealing || age == 0 ? 1 : 2; /* 2: good, but give out a new one */
}

/* ---- files ---- */

static int fault(struct err *e, const char *path, const char *what)
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

static int load(SSL_CTX *ctx, const struct tls_pair *p, struct err *e)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    int rc = readable(p->cert, e);
    if (rc == GIFD_OK && SSL_CTX_use_certificate_chain_file(ctx, p->cert) != 1)
        rc = fault(e, p->cert, "not a certificate in PEM");
    if (rc != GIFD_OK || !p->key[0]) return rc;
    rc = readable(p->key, e);
    if (rc == GIFD_OK && SSL_CTX_use_PrivateKey_file(ctx, p->key, SSL_FILETYPE_PEM) != 1) {
        bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                     ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
        rc = fault(e, p->key, other ? "not the key of this certificate" : "not a key in PEM without a password");
    }
    if (rc == GIFD_OK && SSL_CTX_check_private_key(ctx) != 1) rc = fault(e, p->key, "not the key of this certificate");
    return rc;
}

/* ---- what it says ---- */

static int64_t seconds_of(const ASN1_TIME *t)
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

static void facts_of(SSL_CTX *ctx, struct tls_facts *f)
{
    X509 *x = SSL_CTX_get0_certificate(ctx);
    STACK_OF(X509) *chain = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    *f = (struct tls_facts){.not_before = seconds_of(X509_get0_notBefore(x)),
                            .not_after = seconds_of(X509_get0_notAfter(x))};
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
    int rc = ctx ? load(ctx, p, e) : err_set(e, GIFD_ENOMEM, "no memory for a certificate");
    if (rc == GIFD_OK) facts_of(ctx, out);
    SSL_CTX_free(ctx);
    return rc;
}

/* ---- doors ---- */

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

static int on_name(SSL *ssl, int *alert, void *arg)
{
    struct tls_door *d = arg;
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    size_t n = name ? strlen(name) : 0;
    for (size_t i = 0; n && n < 256 && i < d->count; i++) {
        if (X509_check_host(SSL_CTX_get0_certificate(d->loaded[i].ctx), name, n, 0, NULL) != 1) continue;
        if (i) SSL_set_SSL_CTX(ssl, d->loaded[i].ctx);
        break;
    }
    return SSL_TLSEXT_ERR_OK;
}

static int on_staple(SSL *ssl, void *arg)
{
    struct staple *s = arg;
    unsigned char *copy = s->n ? OPENSSL_memdup(s->p, s->n) : NULL;
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)s->n);
    return SSL_TLSEXT_ERR_OK;
}

static void stamp(const char *path, struct stamp *out)
{
    struct stat st;
    *out = (struct stamp){0};
    if (!*path || stat(path, &st) < 0) return;
    *out = (struct stamp){(uint64_t)st.st_ino, (uint64_t)st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
}

static void stamps(const struct tls_pair *p, struct stamp out[3])
{
    stamp(p->cert, &out[0]);
    stamp(p->key, &out[1]);
    stamp(p->staple, &out[2]);
}

/* The context owns the staple: it goes with the last connection that was begun with it. */
static void on_context_freed(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    (void)parent, (void)ad, (void)index, (void)argl, (void)argp;
    struct staple *s = ptr;
    if (s) free(s->p);
    free(s);
}

static int staple_index(void)
{
    static int index = -1;
    if (index < 0) index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
    return index;
}

static int load_staple(SSL_CTX *ctx, const char *path, struct err *e)
{
    FILE *f = fopen(path, "re");
    if (!f) return err_sys(e, errno, "%s", path);
    struct staple *s = calloc(1, sizeof *s);
    if (s) s->p = malloc(STAPLE_MAX);
    if (s && s->p) s->n = fread(s->p, 1, STAPLE_MAX, f);
    fclose(f);
    if (!s || !s->p || s->n == 0 || s->n == STAPLE_MAX || s->p[0] != 0x30) {
        if (s) free(s->p);
        free(s);
        return err_set(e, GIFD_ETLS, "%s: not an OCSP response in DER", path);
    }
    SSL_CTX_set_ex_data(ctx, staple_index(), s);
    SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
    SSL_CTX_set_tlsext_status_arg(ctx, s);
    return GIFD_OK;
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
    if (d->tickets) SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
    if (d->count > 1) {
        SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
        SSL_CTX_set_tlsext_servername_arg(ctx, d);
    }
    bool set = SSL_CTX_set_cipher_list(ctx, suites_12) == 1 && SSL_CTX_set_ciphersuites(ctx, suites_13) == 1 &&
               SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
    int rc = set ? load(ctx, p, e) : fault(e, p->cert, "suites");
    if (rc == GIFD_OK && p->staple[0]) rc = load_staple(ctx, p->staple, e);
    if (rc == GIFD_OK) return ctx;
    SSL_CTX_free(ctx);
    return NULL;
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
        stamps(&l->pair, l->stamp);
        l->ctx = context_new(d, &l->pair, e);
        if (!l->ctx) {
            tls__door_free(d);
            return NULL;
        }
        facts_of(l->ctx, &l->facts);
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
    for (size_t i = 0; d && i < d->count; i++) SSL_CTX_free(d->loaded[i].ctx);
    free(d);
}

static void swap(struct tls_door *d, struct loaded *l)
{
    struct err e = {0};
    SSL_CTX *ctx = context_new(d, &l->pair, &e);
    if (!ctx) {
        log_error("tls.not_swapped", LS("certificate", l->pair.cert), LS("why", e.text));
        return;
    }
    SSL_CTX_free(l->ctx);
    l->ctx = ctx;
    l->warned_ns = 0;
    facts_of(ctx, &l->facts);
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
        struct stamp are[3];
        stamps(&l->pair, are);
        bool same = memcmp(are, l->stamp, sizeof are) == 0;
        memcpy(l->stamp, are, sizeof are);
        if (!same) swap(d, l);
        mind_expiry(l);
    }
}
