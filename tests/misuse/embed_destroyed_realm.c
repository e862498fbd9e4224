// Frees into a realm that was destroyed, and of which nothing is left.
#include "embed.h"

int main(void) {
  static ashlar_rt_thread_t thread;
  ashlar_rt_realm_t* const realm = attached_realm(&thread);
  void* p = ashlar_rt_malloc(ashlar_rt_thread_heap(&thread, 0), 10);
  ashlar_rt_free(p);
  if (!ashlar_rt_thread_detach(&thread) || !ashlar_rt_realm_destroy(realm, NULL)) {
    return 2;
  }
  ashlar_rt_free(p);
  return 0;
}
