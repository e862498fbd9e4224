// What a small process holds: without a call of the allocator, with one block of 1 KiB or less,
// with more in small blocks, with threads that sleep. Arguments: BYTES, THREADS, bytes of each
// thread.
#include <pthread.h>

#include "probe.h"

namespace {

pthread_barrier_t ready;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void allocate(std::size_t bytes) {
  if (bytes == 0) return;
  if (bytes <= 1024) {
    probe::filled(bytes);
    return;
  }
  workload::Random random(1);
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t size = random.log_size(4, 10);
    probe::filled(size);
    done += size;
  }
}

void* run(void* argument) {
  allocate(reinterpret_cast<std::uintptr_t>(argument));
  pthread_barrier_wait(&ready);
  pthread_mutex_lock(&lock);  // the main thread holds it until it has looked
  pthread_mutex_unlock(&lock);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t bytes = probe::argument(argc, argv, 1);
  const auto threads = static_cast<unsigned>(probe::argument(argc, argv, 2));
  const std::uintptr_t bytes_each = probe::argument(argc, argv, 3);
  probe::start();
  allocate(bytes);
  static pthread_t handles[1000];
  if (threads > 1000) workload::fail("1000 threads at most");
  pthread_mutex_lock(&lock);
  if (threads != 0) {
    pthread_barrier_init(&ready, nullptr, threads + 1);
    for (unsigned i = 0; i < threads; i++) {
      if (pthread_create(&handles[i], nullptr, run, reinterpret_cast<void*>(bytes_each))) {
        workload::fail("no thread");
      }
    }
    pthread_barrier_wait(&ready);
    probe::sleep_ms(50);
  }
  const probe::Memory memory = probe::memory();
  probe::tell("dirty_kib", memory.private_dirty_kib);
  probe::tell("resident_kib", memory.resident_kib);
  pthread_mutex_unlock(&lock);
  for (unsigned i = 0; i < threads; i++) pthread_join(handles[i], nullptr);
  return 0;
}
