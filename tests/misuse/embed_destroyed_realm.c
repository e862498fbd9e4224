// Frees into a realm that was destroyed, and of which nothing is left.
#include <ashlar/embed.h>

int main(void) {
  static ashlar_rt_thread_t thread;
  const ashlar_rt_heap_spec_t heap = {0, 0, false};
  ashlar_rt_realm_t* realm = ashlar_rt_realm_new(NULL, NULL);
  if (!ashlar_rt_thread_attach(&thread, realm, ashlar_rt_thread_id(), NULL, &heap, 1)) {
    return 1;
  }
  void* p = ashlar_rt_malloc(ashlar_rt_thread_heap(&thread, 0), 10);
  ashlar_rt_free(p);
  if (!ashlar_rt_thread_detach(&thread) || !ashlar_rt_realm_destroy(realm, NULL)) {
    return 2;
  }
  ashlar_rt_free(p);
  return 0;
}
