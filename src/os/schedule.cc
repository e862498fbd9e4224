// The coins of the process's threads. Compiled into builds for schedules only.
#include "os/schedule.h"

#include <atomic>

#include "os/schedule_coin.h"
#include "os/thread.h"

namespace ashlar {
namespace {

// Shared:      all; seed, delays_allowed and arrivals are reset while no other thread is at work
struct Run {
  std::atomic<std::uint64_t> seed{0};
  std::atomic<std::uint64_t> delays_allowed{kNoScheduleLimit};  // of each thread
  std::atomic<std::uint32_t> arrivals{0};
  std::atomic<std::uint32_t> number{0};  // of seeds set so far; 0: no delays
};
constinit Run run;

// What a thread knows of the run it last took part in.
struct Participant {
  std::uint32_t run_number = 0;
  ScheduleCoin coin;
  std::uint64_t delays = 0;
  std::uint64_t limit = 0;
};
ASHLAR_THREAD_LOCAL Participant participant;

void arrive(std::uint32_t number) {
  // relaxed: seed and delays_allowed are ordered by the acquire of the number; the arrivals are a
  // count.
  const std::uint64_t seed = run.seed.load(std::memory_order_relaxed);
  const std::uint64_t limit = run.delays_allowed.load(std::memory_order_relaxed);
  const std::uint32_t order = run.arrivals.fetch_add(1, std::memory_order_relaxed);
  participant = {number, ScheduleCoin(seed, order), 0, seed == 0 ? 0 : limit};
}

}  // namespace

void delay_at(SchedulePoint point, ScheduleSide side) {
  // relaxed: says that there is something to read; an acquire at every point would order what
  // the code under test leaves unordered.
  if (run.number.load(std::memory_order_relaxed) != participant.run_number) {
    // acquire: pairs with the release in set_schedule_seed.
    arrive(run.number.load(std::memory_order_acquire));
  }
  if (participant.delays == participant.limit) {
    return;
  }
  const Delay delay = participant.coin.toss(point, side);
  if (delay.kind != DelayKind::kNone) {
    ++participant.delays;
    carry_out(delay);
  }
}

void set_schedule_seed(std::uint64_t seed, std::uint64_t limit) {
  // relaxed: all three are published by the release below.
  run.seed.store(seed, std::memory_order_relaxed);
  run.delays_allowed.store(limit, std::memory_order_relaxed);
  run.arrivals.store(0, std::memory_order_relaxed);
  // release: who sees the number sees its seed.
  run.number.fetch_add(1, std::memory_order_release);
}

std::uint64_t schedule_delays() { return participant.delays; }

}  // namespace ashlar
