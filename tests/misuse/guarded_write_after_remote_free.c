// Writes in a thread to a block that another thread has freed.
#include "guarded.h"

STEP static void* free_it(void* block) {
  drop_block(block);
  STAY;
  return NULL;
}

STEP static void* use_it(void* block) {
  write_at((char*)block, 8);
  STAY;
  return NULL;
}

int main(void) {
  char* const block = make_block(100);
  pthread_t thread;
  if (pthread_create(&thread, NULL, free_it, block) != 0) return 3;
  pthread_join(thread, NULL);
  if (pthread_create(&thread, NULL, use_it, block) != 0) return 3;
  pthread_join(thread, NULL);
  return 0;
}
