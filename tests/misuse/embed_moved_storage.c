// Moves the storage of an attached thread.
#include <ashlar/embed.h>

int main(void) {
  static ashlar_rt_thread_t thread;
  static ashlar_rt_thread_t moved;
  const ashlar_rt_heap_spec_t heap = {0, 0, false};
  ashlar_rt_realm_t* realm = ashlar_rt_realm_new(NULL, NULL);
  if (!ashlar_rt_thread_attach(&thread, realm, ashlar_rt_thread_id(), NULL, &heap, 1)) {
    return 1;
  }
  moved = thread;
  return ashlar_rt_thread_heap(&moved, 0) == NULL ? 0 : 2;
}
