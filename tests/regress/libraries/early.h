/* What the library early.c offers to the programs that are linked with it. */
#ifndef REGRESS_EARLY_H
#define REGRESS_EARLY_H

#include <pthread.h>

extern char* early_block;          /* 1000 bytes of 7, where the first calls left one */
extern int early_failed;           /* whether one of the constructor's calls went wrong */
extern pthread_mutex_t early_lock; /* taken before each fork, with REGRESS_EARLY=locks */

/* Has `wanted` called before and after each fork, with REGRESS_EARLY=handlers. */
void early_call_at_fork(void (*wanted)(void));

#endif /* REGRESS_EARLY_H */
