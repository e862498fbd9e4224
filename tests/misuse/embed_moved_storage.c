// Moves the storage of an attached thread.
#include "embed.h"

int main(void) {
  static ashlar_rt_thread_t thread;
  static ashlar_rt_thread_t moved;
  attached_realm(&thread);
  moved = thread;
  return ashlar_rt_thread_heap(&moved, 0) == NULL ? 0 : 2;
}
