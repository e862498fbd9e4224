// A thread that does what it is told, a call at a time: sequences of calls by several threads, in
// an order that the input decides.
#ifndef ASHLAR_FUZZ_WORKER_H
#define ASHLAR_FUZZ_WORKER_H

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace fuzz {

class Worker {
 public:
  Worker() : thread_([this] { serve(); }) {}
  ~Worker() {
    start(nullptr);
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Has the thread call `work`; the next call of start or wait returns when it is done.
  void start(std::function<void()> work) {
    wait();
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    busy_ = true;
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !busy_; });
  }

  void run(std::function<void()> work) {
    start(std::move(work));
    wait();
  }

 private:
  void serve() {
    for (;;) {
      std::function<void()> work;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return busy_; });
        work.swap(work_);
      }
      if (!work) {
        return;
      }
      work();
      const std::lock_guard lock(mutex_);
      busy_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;
  bool busy_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_WORKER_H
