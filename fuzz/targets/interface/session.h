// One input's sequence of calls: the threads, heaps and blocks that it has made so far, and a
// function for each kind of call. What an input leaves behind is undone before the next.
#ifndef ASHLAR_FUZZ_SESSION_H
#define ASHLAR_FUZZ_SESSION_H

#include <mimalloc.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "blocks.h"
#include "step.h"
#include "worker.h"

namespace fuzz {

// What stays for the life of the process: arenas for heaps of their own, error functions, options.
struct Process {
  mi_arena_id_t arena = 0;   // exclusive
  mi_arena_id_t hooked = 0;  // exclusive, and committed by a function of ours
  mi_heap_t* main = nullptr;
  std::array<long, _mi_option_last> options{};
  static Process& get();

 private:
  Process();
};

// The library may report an invalid pointer or handle only while one of these lives.
class ExpectReports {
 public:
  ExpectReports();
  ~ExpectReports();
  ExpectReports(const ExpectReports&) = delete;
  ExpectReports& operator=(const ExpectReports&) = delete;
  int heard() const;  // reports since then
};

// The function that commits the memory of an arena fails.
void fail_commits(bool fails);

class Session {
 public:
  ~Session();
  void run(const Step& step);

 private:
  static constexpr std::size_t kThreads = 3;
  static constexpr std::size_t kHeapsMax = 6;

  struct Heap {
    mi_heap_t* handle;
    bool destroyable;
    mi_arena_id_t arena;  // the only one that it takes memory from, or 0
    mi_heap_t* main;      // the main heap of its realm
  };
  struct Realm {
    mi_subproc_id_t name;
    mi_heap_t* main;
  };

  // Allocations: each says which heap it used, and what it promises.
  void allocate(const Step& step);
  void* allocate_plain(const Step& step, Promise* promise);
  void* allocate_zeroed(const Step& step, Promise* promise);
  void* allocate_aligned(const Step& step, Promise* promise);
  void* allocate_aligned_at(const Step& step, Promise* promise);
  void* allocate_new(const Step& step, Promise* promise);
  void* allocate_reporting(const Step& step, Promise* promise);
  void* allocate_in_part(const Step& step, Promise* promise);
  void* call_allocation(const Step& step, Promise* promise);
  void copy_string(const Step& step);
  void burst(const Step& step);

  // Resizes.
  void resize(const Step& step);
  void* call_realloc(const Step& step, void* p, Promise* promise, bool* freed);
  void* call_realloc_aligned(const Step& step, void* p, Promise* promise);
  void* call_rezalloc(const Step& step, void* p, Promise* promise);
  void expand(const Step& step);

  // Frees and questions.
  void free_one(const Step& step);
  void free_many(const Step& step);
  void free_together(const Step& step);
  void ask(const Step& step);
  void pass_foreign(const Step& step);
  void move_blocks(const Step& step);

  // Heaps and what is in them.
  void make_heap(const Step& step);
  void delete_heap(const Step& step, bool destroy);
  void set_default(const Step& step);
  void visit(const Step& step);
  void visit_parts(const Step& step);

  // The thread and the process.
  void collect(const Step& step);
  void let_go(const Step& step);
  void end_thread(const Step& step);
  void set_option(const Step& step);
  void set_limit(const Step& step);
  void start_faults(const Step& step);
  void end_shortage();
  void print_reports(const Step& step);
  void change_realm(const Step& step);
  void join_realm(const Step& step);
  void end_realm(std::size_t which, bool destroy);

  void dispatch(const Step& step);

  // The heap that a step names: nullptr is the thread's default, by functions without a heap.
  const Heap* heap_of(const Step& step) const;
  mi_heap_t* handle_of(const Step& step) const;  // as an argument: NULL for the default
  mi_heap_t* used_by(const Step& step) const;    // what the blocks belong to
  mi_heap_t* main_heap() const;                  // of the thread's realm
  void forget_thread(std::size_t thread);        // it has ended, or has let go of all
  bool may_fail(const Step& step) const;
  // A function returned NULL; it was allowed to. `size` and `alignment`: what was asked for.
  void check_failure(const Step& step, std::size_t size, std::size_t alignment) const;
  // A size that the blocks so far leave room for.
  std::size_t affordable_size(const Step& step) const;

  Blocks blocks_;
  std::vector<Heap> heaps_;
  std::array<std::unique_ptr<Worker>, kThreads> workers_;  // the first is the calling thread
  std::vector<Realm> realms_;                              // but the main one
  std::array<mi_heap_t*, kThreads> mains_{};               // of the realms that the threads are in
  std::array<mi_heap_t*, kThreads> defaults_{};            // nullptr: that main heap
  std::size_t thread_ = 0;                                 // the one that runs the step
  unsigned faults_left_ = 0;  // steps until calls of the system succeed
  bool limited_ = false;
  bool reported_ = false;
};

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_SESSION_H
