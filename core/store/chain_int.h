/* chain_int.h: rows that nobody changes unnoticed. Private to core/store; used in SQL.
 *
 *   DIR/seal.key     32 random bytes, the owner's alone, made with the first use and never changed
 *   DIR/NAME.head    "ID MAC SEAL": a row that must be on the chain NAME, and thereby how many there are at least
 *
 *   seal(NAME, ...)       HMAC-SHA256 with the key over NAME and the values that follow, each with its type and length:
 *                         32 bytes
 *   chain(NAME, ID, ...)  the same; and notes that the table NAME has a new row, whose `id` is ID and whose `mac` is
 *                         this. Only where rows are written
 *   chain_head(NAME)      "ID MAC" (MAC in hex, '' when ID is 0), NULL without a head, '' when it is not ours
 *   chain_accept(NAME)    the chain as it is gets a new head, whatever the old one says
 *
 * The table's statements give each row the MAC of the row before, and ids without gaps from 1 on: so that a row that
 * is changed, removed or moved is found by whoever has the key. A tail that was cut is found by the head, which lies
 * outside of the database. The writer thread writes it HEAD_MS after a row at the latest, and when it ends:
 *
 *   COMMIT --> flock, is the old head's row on the chain? --yes--> draft, fsync, rename, fsync of the folder
 *                                                         --no---> the head stays as it is, for whoever verifies
 *
 * A kill between the two leaves a head that is behind, which is no fault. An attacker who has old copies of both the
 * database and the head can go back to them: only a head that was copied elsewhere tells. */
#ifndef GIFD_STORE_CHAIN_INT_H
#define GIFD_STORE_CHAIN_INT_H

#include "store/sql_int.h"

#define CHAIN__KEY_LEN 32
#define CHAIN__NAME_MAX 32

struct chain {
    char *dir;
    uint8_t key[CHAIN__KEY_LEN];
    /* of the writer thread: */
    char name[CHAIN__NAME_MAX + 1];
    uint64_t due_ns; /* when the head is to be written; UINT64_MAX: nothing has changed */
    bool accept, complained;
};

/* Reads the key, or makes one. Blocks. */
struct chain *chain__open(const char *dir, struct err *e);
void chain__close(struct chain *c);
/* writer: the connection gets chain() and chain_accept() too. */
int chain__teach(struct chain *c, sqlite3 *db, bool writer);
/* By the writer thread, outside of transactions: writes the head if something has changed; false when nothing has. */
bool chain__keep(struct chain *c, struct sql *s);

#endif
