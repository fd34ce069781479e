/* shared_lock.h: a mutex in memory that processes share, which the death of its owner does not leave locked.
 *
 * Whoever takes it must find what it guards whole, or able to be finished, whenever the owner may have died: the next
 * one gets the lock as if nothing had been. Waits are bounded. Any thread. */
#ifndef GIFD_BASE_SHARED_LOCK_H
#define GIFD_BASE_SHARED_LOCK_H

#include <pthread.h>
#include <stdint.h>

void shared_lock_init(pthread_mutex_t *lock); /* once, in memory that was zero */
/* Returns 0, or a number of errno: ETIMEDOUT after so long. */
int shared_lock_take(pthread_mutex_t *lock, uint32_t wait_ms);

#endif
