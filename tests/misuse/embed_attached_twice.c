// Attaches the same storage twice.
#include "embed.h"

int main(void) {
  static ashlar_rt_thread_t thread;
  ashlar_rt_realm_t* const realm = attached_realm(&thread);
  void* p = ashlar_rt_malloc(ashlar_rt_thread_heap(&thread, 0), 10);
  if (attach(&thread, realm)) {
    return 2;
  }
  ashlar_rt_free(p);
  return ashlar_rt_thread_detach(&thread) && ashlar_rt_realm_destroy(realm, NULL) ? 0 : 3;
}
