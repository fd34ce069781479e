/* tls_ticket.c: the keys that seal session tickets (RFC 5077, RFC 8446 4.6.1), in memory that processes share. See
 * tls.h.
 *
 *   memory, by a descriptor that has no file: supervisor --fork--> workers
 *                                                  '--exec--> the program that takes its place, which maps it again
 *
 * One writer, the supervisor; a key is complete before `count` says that it is there. */
#include "base/clock.h"
#include "http/tls_door_int.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURN_NS ((uint64_t)TICKET_LIFE_S / 2 * 1000000000ull)
#define KEYS 4 /* three that are good, and one that is being written */
#define LAYOUT 0x3174656b63697431ull

struct ticket_key {
    unsigned char name[16], aes[16], mac[32];
};

struct tls_tickets {
    uint64_t layout;
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

static struct tls_tickets *map(int fd)
{
    void *p = mmap(NULL, sizeof(struct tls_tickets), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* What an earlier program left; NULL when it lays them out differently. */
static struct tls_tickets *left_by(int fd)
{
    struct stat st;
    struct tls_tickets *t = NULL;
    if (fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof *t) t = map(fd);
    if (!t || (t->layout == LAYOUT && atomic_load(&t->count))) return t;
    munmap(t, sizeof *t);
    return NULL;
}

struct tls_tickets *tls_tickets_open(int *fd, struct err *e)
{
    struct tls_tickets *t = *fd >= 0 ? left_by(*fd) : NULL;
    if (!t) {
        if (*fd >= 0) close(*fd);
        *fd = memfd_create("tickets", MFD_CLOEXEC);
        if (*fd >= 0 && ftruncate(*fd, sizeof *t) == 0) t = map(*fd);
        if (!t) {
            err_sys(e, errno, "memory for keys of tickets");
            return NULL;
        }
        t->layout = LAYOUT;
        make_key(t);
    }
    madvise(t, sizeof *t, MADV_DONTDUMP);
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

int tls__on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
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
    /* 2: good, but give out a new one. A ticket of TLS 1.3 is for one use (RFC 8446 C.4): who comes back has none left.
     */
    return sealing || (age == 0 && SSL_version(ssl) < TLS1_3_VERSION) ? 1 : 2;
}
